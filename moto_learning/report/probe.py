"""What a world model says of episodes, beside what was: frames and rewards, from 0 steps ahead on.

In: a world model, episodes with their true rewards. Out: errors by steps ahead, rewards predicted
against true, and a reliability of them: of the rows with such a prediction, the mean true reward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from moto_core.episodes.episode import Episode
from moto_learning.model.world_model import WorldModel
from moto_learning.report.predictions import decode, look_ahead, posterior
from moto_learning.report.roc import area_under

STEPS = 15  # looked ahead
REWARDS_AHEAD = (0, 1, 5, 15)
EVERY = 5  # rows between the starts of what is drawn ahead
BINS = 10  # of predicted rewards


class Known(NamedTuple):
    """An episode and the rewards that its run learns from."""

    episode: Episode
    reward: np.ndarray  # (T,) float32


class Rewards(NamedTuple):
    """Rewards of one distance ahead, row for row."""

    predicted: np.ndarray  # (N,)
    true: np.ndarray  # (N,)


def frame_errors(model: WorldModel, known: Sequence[Known]) -> dict[str, list[float]]:
    """Returns mean absolute errors of the first camera's pixels, of their range, by steps ahead.

    'model' are the predictions, the 0th the reconstruction of what it saw; 'held' is the last
    frame that was seen, as it is: a prediction that needs no model.
    """
    model_sum, held_sum, count = np.zeros(STEPS + 1), np.zeros(STEPS + 1), np.zeros(STEPS + 1)
    for episode, _ in known:
        frames = next(iter(episode.images.values())).astype(np.float32)  # (T, h, w, 3)
        post = posterior(model, episode)
        ahead = look_ahead(model, episode, post, STEPS, EVERY)
        starts = ahead.rows[:, :1] - 1  # (N, 1)
        feat = torch.cat([post.feat[starts[:, 0]][:, None], ahead.states.feat], 1)  # (N, K + 1, F)
        rows = np.concatenate([starts, ahead.rows], 1)
        whole = np.concatenate([np.ones_like(starts, bool), ahead.whole], 1)
        drawn = next(iter(decode(model, feat.flatten(0, 1)).values()))
        truth = frames[rows]  # (N, K + 1, h, w, 3)
        guess = drawn.reshape(truth.shape).astype(np.float32)
        model_sum += (np.abs(guess - truth).mean((2, 3, 4)) * whole).sum(0)
        held_sum += (np.abs(frames[starts] - truth).mean((2, 3, 4)) * whole).sum(0)
        count += whole.sum(0)
    there = count > 0
    return {
        'steps': [int(step) for step in np.flatnonzero(there)],
        'model': [float(x) for x in model_sum[there] / count[there] / 255],
        'held': [float(x) for x in held_sum[there] / count[there] / 255],
    }


def rewards_ahead(model: WorldModel, known: Sequence[Known]) -> dict[int, Rewards]:
    """Returns predicted and true rewards of every row, by the steps that they were ahead."""
    found: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {k: [] for k in REWARDS_AHEAD}
    for episode, reward in known:
        post = posterior(model, episode)
        found[0].append((reward_of(model, post.feat), reward))
        if len(episode) < 2:
            continue
        ahead = look_ahead(model, episode, post, STEPS)
        predicted = reward_of(model, ahead.states.feat)  # (N, K)
        for k in REWARDS_AHEAD[1:]:
            whole = ahead.whole[:, k - 1]
            rows = ahead.rows[whole, k - 1]
            found[k].append((predicted[whole, k - 1], reward[rows]))
    return {
        k: Rewards(*(np.concatenate(part).astype(np.float64) for part in zip(*pairs)))
        for k, pairs in found.items()
        if pairs
    }


@torch.no_grad()
def reward_of(model: WorldModel, feat: torch.Tensor) -> np.ndarray:
    """Returns the reward (...,) that the model's head reads off features (..., F)."""
    return model.reward.mean(feat).numpy()


def reliability(rewards: Rewards) -> dict[str, Any]:
    """Returns what predicted rewards are worth: their bins, mean error, and area under the ROC.

    The rows are put into equally wide bins of the predicted reward. The area is of telling rows
    with a reward above 0 from the others; None if all rows are of one kind.
    """
    predicted, true = rewards
    edges = np.linspace(predicted.min(), predicted.max(), BINS + 1)[1:-1]
    place = np.digitize(predicted, edges)
    bins = [
        {
            'rows': int((place == i).sum()),
            'predicted': float(predicted[place == i].mean()),
            'true': float(true[place == i].mean()),
        }
        for i in np.unique(place)
    ]
    paid = true > 0
    mixed = bool(paid.any() and not paid.all())
    return {
        'rows': len(true),
        'mean_predicted': float(predicted.mean()),
        'mean_true': float(true.mean()),
        'mean_error': float(np.abs(predicted - true).mean()),
        'area': area_under(predicted[~paid], predicted[paid]) if mixed else None,
        'bins': bins,
    }


def by_distance(rewards: Mapping[int, Rewards]) -> list[dict[str, Any]]:
    """Returns the reliability of each distance ahead that has rows, ready for JSON."""
    return [{'ahead': k, **reliability(one)} for k, one in rewards.items() if len(one.true)]
