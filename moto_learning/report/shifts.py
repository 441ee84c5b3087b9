"""Images that are not as they were in training, and what the model's two alarms say of them.

In: a world model, episodes. Out: for each shift the scores of ordinary and of shifted images by
disagreement (equation 2) and by surprise, the KL from the posterior to the mean of the priors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from moto_core.episodes.episode import Episode
from moto_learning.config import PenaltyConfig
from moto_learning.model.rssm import disagreement
from moto_learning.model.world_model import WorldModel
from moto_learning.report import roc
from moto_learning.report.predictions import chosen_actions, posterior

FIRST = 10  # rows at an episode's beginning that are one score
MOVED = 16  # parts of the image's width, one of which the camera is moved by
ALARMS = ('disagreement', 'surprise')
POINTS = 100  # of a curve in report.json at most


class Alarms(NamedTuple):
    """The two numbers at every row but the first of an episode."""

    disagreement: np.ndarray  # (T - 1,)
    surprise: np.ndarray  # (T - 1,) [nats]


def move(image: np.ndarray) -> np.ndarray:
    """Returns images (..., h, w, 3) shifted right by a 16th of their width, the edge repeated."""
    width = image.shape[-2]
    source = np.maximum(np.arange(width) - max(1, round(width / MOVED)), 0)
    return image[..., source, :]


def darken(image: np.ndarray) -> np.ndarray:
    """Returns images (..., h, w, 3) half as bright."""
    return image // 2


def cover(image: np.ndarray) -> np.ndarray:
    """Returns images (..., h, w, 3) whose middle, a quarter of them, is black."""
    height, width = image.shape[-3:-1]
    covered = image.copy()
    covered[..., height // 4 : height - height // 4, width // 4 : width - width // 4, :] = 0
    return covered


SHIFTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'moved by 1/16': move,
    'half as bright': darken,
    'middle covered': cover,
}


@torch.no_grad()
def alarms(
    model: WorldModel,
    penalty: PenaltyConfig,
    episode: Episode,
    shift: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Alarms:
    """Returns what the model says of an episode's rows if its cameras' images are shifted so.

    The first row is left out: nothing led to it that the model could have predicted it from.
    """
    images = {name: shift(frames) for name, frames in episode.images.items()} if shift else None
    post = posterior(model, episode, images)
    action = torch.as_tensor(chosen_actions(episode))
    ahead = model.rssm.ahead(post, action)  # (M, T, S, K)
    return Alarms(
        disagreement=disagreement(ahead, penalty.logits, penalty.reduce)[1:].numpy(),
        surprise=model.rssm.surprise(post)[1:].numpy(),
    )


def compare_shifts(
    model: WorldModel, penalty: PenaltyConfig, episodes: Sequence[Episode]
) -> dict[str, Any]:
    """Returns means, areas under the ROC and its curves of each alarm under each shift.

    One score is a row, or the mean of an episode's first ten: 'row_area', 'first_area' and the
    curve are of telling shifted from ordinary images by it.
    """
    usual = [alarms(model, penalty, one) for one in episodes]
    found: dict[str, Any] = {
        'episodes': len(episodes),
        'rows': sum(len(a.surprise) for a in usual),
    }
    found['ordinary'] = {name: _mean(usual, name) for name in ALARMS}
    found['shifts'] = {}
    for title, shift in SHIFTS.items():
        unusual = [alarms(model, penalty, one, shift) for one in episodes]
        found['shifts'][title] = {
            name: {'mean': _mean(unusual, name), **_compare(usual, unusual, name)}
            for name in ALARMS
        }
    return found


def _compare(usual: Sequence[Alarms], unusual: Sequence[Alarms], name: str) -> Mapping[str, Any]:
    rows = [np.concatenate([getattr(one, name) for one in kind]) for kind in (usual, unusual)]
    first = [
        np.array([getattr(one, name)[:FIRST].mean() for one in kind]) for kind in (usual, unusual)
    ]
    false_alarms, hits = roc.curve(rows[0], rows[1])
    places = np.unique(np.linspace(0, len(hits) - 1, POINTS).round().astype(int))
    return {
        'row_area': roc.area_under(rows[0], rows[1]),
        'first_area': roc.area_under(first[0], first[1]),
        'false_alarms': [float(x) for x in false_alarms[places]],
        'hits': [float(x) for x in hits[places]],
    }


def _mean(kind: Sequence[Alarms], name: str) -> float:
    return float(np.concatenate([getattr(one, name) for one in kind]).mean())
