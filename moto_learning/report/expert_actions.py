"""What the world model makes of an expert's actions: eps_u of Theorem B.1.

In: a learner with a world model, expert episodes. Out: the mean disagreement over replays of the
expert's actions in the model, each H steps long, from posterior states of the expert's episodes.

    expert   x_0 .. x_t -> posterior s_t
    model                  s_t --a_t--> s^1 --a_(t+1)--> s^2 .. s^H    u at each step (equation 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from moto_learning.agents.latent import LatentLearner
from moto_learning.data.cache import CachedEpisode
from moto_learning.model.rollout import draw_rollout_noise
from moto_learning.model.rssm import State, disagreement


class Replayed(NamedTuple):
    """The disagreement along replays of an expert's actions."""

    mean: float  # eps_u
    by_step: list[float]  # mean of each of the H steps
    replays: int


@torch.no_grad()
def expert_disagreement(
    learner: LatentLearner, episodes: Sequence[CachedEpisode], horizon: int, seed: int = 0
) -> Replayed | None:
    """Replays the expert's actions from every row that has `horizon` rows after it.

    The model's states are drawn as rollouts draw them. Returns None if no episode is so long.
    """
    generator = torch.Generator(learner.device).manual_seed(seed)
    totals, count = np.zeros(horizon), 0
    for episode in episodes:
        starts = replay_starts(episode.learned['is_first'], horizon)
        if len(starts):
            found = _replay(learner, episode, starts, horizon, generator)  # (H, N)
            totals += found.sum(1).double().cpu().numpy()
            count += len(starts)
    if not count:
        return None
    by_step = (totals / count).tolist()
    return Replayed(mean=float(np.mean(by_step)), by_step=by_step, replays=count)


def replay_starts(is_first: np.ndarray, horizon: int) -> np.ndarray:
    """Returns the rows (N,) of an episode after which `horizon` rows follow without a gap."""
    edges = np.concatenate([[0], np.cumsum(is_first)])  # edges[t]: first rows before row t
    rows = np.arange(max(len(is_first) - horizon, 0))
    return rows[edges[rows + horizon + 1] == edges[rows + 1]]


@torch.no_grad()
def posterior_states(learner: LatentLearner, episode: CachedEpisode) -> State:
    """Returns the posterior's modes (T, ...) along an episode, by its own actions."""
    model, device = learner.world_model, learner.device

    def moved(value: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(value))[None].to(device)

    images = {name: moved(stack) for name, stack in episode.images.items()}
    vector = episode.learned.get('proprioception')
    embed = model.encoder(images, None if vector is None else moved(vector))  # (1, T, E)
    action, first = (moved(episode.learned[name]) for name in ('action', 'is_first'))
    post = model.rssm.observe(embed, action, first)
    return State(*(part[0] for part in post))


def _replay(
    learner: LatentLearner,
    episode: CachedEpisode,
    starts: np.ndarray,
    horizon: int,
    generator: torch.Generator,
) -> Tensor:
    """Returns the disagreement (H, N) along N replays."""
    c, rssm = learner.config.actor_critic.penalty, learner.world_model.rssm
    post = posterior_states(learner, episode)
    rows = torch.from_numpy(starts).to(learner.device)
    chosen = torch.from_numpy(np.array(episode.learned['chosen'])).to(learner.device)
    noise = draw_rollout_noise(horizon, len(starts), 0, rssm.config, generator)
    state, found = State(*(part[rows] for part in post)), []
    for step in range(horizon):
        member = None if noise.member is None else noise.member[step]
        action = chosen[rows + step]
        found.append(disagreement(rssm.ahead(state, action), c.logits, c.reduce))
        state = rssm.img_step(state, action, noise.state[step], member)
    return torch.stack(found)
