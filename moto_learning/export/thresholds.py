"""What a policy's two doubts are on recorded episodes, and the thresholds that come of it.

In: a learner's networks, recorded episodes. Out: the disagreement threshold, the limits of the
surprise that slow and hold the arm (moto_core/policy/surprise.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from moto_core.policy.surprise import SurpriseLimits, window_means
from moto_learning.agents.policy_graph import Graphs
from moto_learning.data.cache import CachedEpisode
from moto_learning.export.rehearsal import encoder_inputs, recorded_observations

WINDOW = 8  # decisions that the surprise is averaged over
QUANTILE = 0.9  # of ordinary episodes are never slowed, at least: one that strayed decides nothing
LEAST = 19  # episodes that limits are made of: 18 of 20 lie below the 18th
HOLD = 2.0  # times `slow`: twice what ordinary episodes come to


class Doubts(NamedTuple):
    """The two numbers at every row of an episode."""

    disagreement: np.ndarray  # (T,) about the policy's action
    surprise: np.ndarray  # (T,) [nats] about what was seen; 0 at a first row


class Ordinary(NamedTuple):
    """An episode that was not learned from."""

    episode: CachedEpisode
    followed: np.ndarray  # (T,) bool: the arm did what the policy asked


@torch.no_grad()
def doubts(graphs: Graphs, episode: CachedEpisode) -> Doubts:
    """Returns both along a recorded episode.

    The states are filtered from the recorded actions; the actions asked about are the policy's.
    """
    led, first = (torch.from_numpy(episode.learned[name]) for name in ('action', 'is_first'))
    deter, stoch = torch.zeros(1, graphs.deter), torch.zeros(1, graphs.stoch)
    found = np.empty((2, len(episode)), np.float32)
    for t, seen in enumerate(recorded_observations([episode])):
        embed = graphs.encoder(*encoder_inputs(seen))
        out = graphs.policy.step(embed, deter, stoch, led[t][None], first[t][None].float())
        deter, stoch = out.post.deter, out.post.stoch
        found[:, t] = out.disagreement.item(), out.surprise.item()
    return Doubts(*found)


def disagreement_threshold(graphs: Graphs, episodes: Sequence[CachedEpisode]) -> float | None:
    """Returns the largest disagreement of the policy's actions along episodes, or None."""
    every = [doubts(graphs, episode).disagreement for episode in episodes if len(episode)]
    return max((float(one.max()) for one in every), default=None)


def surprise_limits(graphs: Graphs, held_out: Sequence[Ordinary]) -> SurpriseLimits | None:
    """Returns the limits that ordinary episodes, from which nothing was learned, give.

    Each episode has one score, its largest mean over a window. `slow` is the score of rank
    QUANTILE * (n + 1), rounded up, of n: a further episode like them is above it with probability
    1 - QUANTILE at most. None for fewer than LEAST episodes with a whole window.
    """
    if len(held_out) < LEAST or not graphs.expects:
        return None
    means = [
        window_means(doubts(graphs, one.episode).surprise, one.followed, WINDOW)
        for one in held_out
    ]
    scores = sorted(max(one) for one in means if one)
    if len(scores) < LEAST:
        return None
    slow = scores[math.ceil(QUANTILE * (len(scores) + 1)) - 1]
    return SurpriseLimits(
        slow=slow,
        hold=HOLD * slow,
        window=WINDOW,
        quantile=QUANTILE,
        episodes=len(scores),
        decisions=sum(len(one.episode) for one, found in zip(held_out, means) if found),
    )


def why_none(graphs: Graphs, held_out: Sequence[Ordinary]) -> str:
    """Says why there are no limits of the surprise."""
    if not graphs.expects:
        return 'no surprise limits: this policy has no model that expects anything'
    return (
        f'no surprise limits, so that nothing it sees slows or holds the arm: '
        f'{len(held_out)} successful episodes that it did not learn from; expected at least '
        f'{LEAST} with more than {WINDOW} rows between holds, by --held-out DATASET'
    )
