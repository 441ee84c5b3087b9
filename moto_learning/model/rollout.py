"""Rollouts of the policy in the world model, from posterior states of the data.

In: start states (N, ...), noise. Out: H + 1 states and actions, H disagreements, time first.
Gradients run from everything back to the policy through its actions (straight-through samples).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from moto_learning import processes
from moto_learning.config import PenaltyConfig, RSSMConfig
from moto_learning.model.distributions import TruncatedNormal, gumbel, uniform
from moto_learning.model.rssm import EnsembleRSSM, State, disagreement

ROWS = 512  # states whose priors a processor compares at once: their logits stay in its cache


class RolloutNoise(NamedTuple):
    """What is random in one batch of rollouts."""

    action: Tensor  # (H + 1, N, A) uniform
    state: Tensor  # (H, N, S, K) Gumbel
    member: Tensor | None  # (H,) or (H, N) whose prior is followed; None: their mean


class Rollout(NamedTuple):
    """Imagined steps, time first."""

    feat: Tensor  # (H + 1, N, F), the states s^0..s^H
    action: Tensor  # (H + 1, N, A), drawn from the policy at each
    disagreement: Tensor  # (H, N), u(s^t, a^t); (0, N) if it was not asked for
    entropy: Tensor  # (H + 1, N), of the policy [nats]


def draw_rollout_noise(
    horizon: int, count: int, actions: int, config: RSSMConfig, generator: torch.Generator
) -> RolloutNoise:
    """Draws what `rollout` needs for `count` rollouts, and those of the other processes."""
    every = count * processes.number()
    shapes = {'member': (horizon,), 'row': (horizon, every)}
    member = None
    if config.imagined in shapes:
        member = torch.randint(
            config.members, shapes[config.imagined], generator=generator, device=generator.device
        )
        member = processes.own(member, 1) if member.ndim == 2 else member
    action = uniform((horizon + 1, every, actions), generator)
    state = gumbel((horizon, every, config.stoch, config.classes), generator)
    return RolloutNoise(
        action=processes.own(action, 1), state=processes.own(state, 1), member=member
    )


def rollout(
    rssm: EnsembleRSSM,
    actor: Callable[[Tensor], TruncatedNormal],
    state: State,
    noise: RolloutNoise,
    config: PenaltyConfig | None = None,
    state_gradient: bool = False,
) -> Rollout:
    """Follows the policy H steps from `state` (N, ...); `actor` maps feat (N, F) to actions.

    Without `state_gradient` the policy reads states that carry no gradient, as in DreamerV2. Only
    `config` asks for the disagreement, and for all the priors that it takes.
    """
    horizon, layers = noise.state.shape[0], rssm.unrolled()
    feats, actions, policies = [], [], []
    deters = []  # of the states that actions led to
    for t in range(horizon + 1):
        feat = state.feat
        policy = actor(feat if state_gradient else feat.detach())
        action = policy.sample(noise.action[t])
        feats.append(feat)
        actions.append(action)
        policies.append(policy)
        if t < horizon:
            member = None if noise.member is None else noise.member[t]
            state = rssm.img_step(state, action, noise.state[t], member, layers)
            deters.append(state.deter)
    spread = feats[0].new_zeros(0, feats[0].shape[0])
    if config is not None and horizon:
        spread = _disagreements(rssm, deters, config)
    return Rollout(
        feat=torch.stack(feats),
        action=torch.stack(actions),
        disagreement=spread,
        entropy=TruncatedNormal(*(torch.stack(parts) for parts in zip(*policies))).entropy(),
    )


def _disagreements(rssm: EnsembleRSSM, deters: Sequence[Tensor], c: PenaltyConfig) -> Tensor:
    """Returns u (H, N) of equation 2 at states of H steps, deter (N, D) each."""
    every = torch.cat(list(deters))
    parts = [
        disagreement(rssm.prior_logits(part), c.logits, c.reduce)
        for part in every.split(every.shape[0] if every.is_cuda else ROWS)
    ]
    return torch.cat(parts).unflatten(0, (len(deters), -1))
