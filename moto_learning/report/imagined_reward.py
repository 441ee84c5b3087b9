"""Does the model promise more than the data ever gave? Predicted reward along rollouts.

In: a learner with a world model, episodes. Out: the largest reward that the policy's rollouts are
promised, beside the data's own maximum (the paper's figure 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from moto_learning.agents.latent import LatentLearner
from moto_learning.data.cache import CachedEpisode
from moto_learning.model.rollout import draw_rollout_noise, rollout
from moto_learning.report.expert_actions import posterior_states


class Promised(NamedTuple):
    """Rewards of the data, and those predicted along rollouts that begin in it."""

    data_max: float  # of all the data of the task
    imagined_max: float
    imagined_mean: float
    imagined_high: float  # the 99th percentile, which no single outlier makes
    above: float  # share of the imagined steps above the data's maximum
    data_above: float  # share of predictions at the data's own rows above it: the head's noise
    steps: int  # imagined ones


@torch.no_grad()
def promised_reward(
    learner: LatentLearner,
    episodes: Sequence[CachedEpisode],
    data_max: float,
    horizon: int,
    seed: int = 0,
) -> Promised:
    """Rolls the policy `horizon` steps from every posterior state of the episodes.

    It is the policy that is trained on such rollouts, also where an average of it acts: what it
    is promised is what could lead it astray.
    Rewards are the reward head's means, without a penalty; `data_max` is the largest of the data,
    of which the episodes may be a part.
    """
    generator = torch.Generator(learner.device).manual_seed(seed)
    found = [_rollouts(learner, episode, horizon, generator) for episode in episodes]
    at_data, imagined = (np.concatenate(parts) for parts in zip(*found))
    return Promised(
        data_max=data_max,
        imagined_max=float(imagined.max()),
        imagined_mean=float(imagined.mean()),
        imagined_high=float(np.quantile(imagined, 0.99)),
        above=float((imagined > data_max).mean()),
        data_above=float((at_data > data_max).mean()),
        steps=len(imagined),
    )


def _rollouts(
    learner: LatentLearner, episode: CachedEpisode, horizon: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rewards (T,) predicted at an episode's rows and (H * T,) along rollouts."""
    model = learner.world_model
    noise = draw_rollout_noise(
        horizon, len(episode), learner.spec.action_size, model.rssm.config, generator
    )
    start = posterior_states(learner, episode)
    imagined = rollout(model.rssm, learner.actor, start, noise)
    reward = model.reward.mean(imagined.feat)  # (H + 1, T), the first at the rows themselves
    return reward[0].cpu().numpy(), reward[1:].flatten().cpu().numpy()
