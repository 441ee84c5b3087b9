"""Rollouts of the policy in the world model, from posterior states of the data.

In: start states (N, ...), noise. Out: H + 1 states and actions, H disagreements, time first.
Gradients run from everything back to the policy through its actions (straight-through samples).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from moto_learning.config import PenaltyConfig, RSSMConfig
from moto_learning.model.distributions import TruncatedNormal, gumbel, uniform
from moto_learning.model.rssm import EnsembleRSSM, State, disagreement


class RolloutNoise(NamedTuple):
    """What is random in one batch of rollouts."""

    action: Tensor  # (H + 1, N, A) uniform
    state: Tensor  # (H, N, S, K) Gumbel
    member: Tensor | None  # (H,) or (H, N) whose prior is followed; None: their mean


class Rollout(NamedTuple):
    """Imagined steps, time first."""

    feat: Tensor  # (H + 1, N, F), the states s^0..s^H
    action: Tensor  # (H + 1, N, A), drawn from the policy at each
    disagreement: Tensor  # (H, N), u(s^t, a^t)
    entropy: Tensor  # (H + 1, N), of the policy [nats]


def draw_rollout_noise(
    horizon: int, count: int, actions: int, config: RSSMConfig, generator: torch.Generator
) -> RolloutNoise:
    """Draws what `rollout` needs for `count` rollouts."""
    shapes = {'member': (horizon,), 'row': (horizon, count)}
    member = None
    if config.imagined in shapes:
        member = torch.randint(
            config.members, shapes[config.imagined], generator=generator, device=generator.device
        )
    return RolloutNoise(
        uniform((horizon + 1, count, actions), generator),
        gumbel((horizon, count, config.stoch, config.classes), generator),
        member,
    )


def rollout(
    rssm: EnsembleRSSM,
    actor: Callable[[Tensor], TruncatedNormal],
    state: State,
    noise: RolloutNoise,
    config: PenaltyConfig,
    state_gradient: bool = False,
) -> Rollout:
    """Follows the policy H steps from `state` (N, ...); `actor` maps feat (N, F) to actions.

    Without `state_gradient` the policy reads states that carry no gradient, as in DreamerV2.
    """
    horizon = noise.state.shape[0]
    feats, actions, spreads, entropies = [], [], [], []
    for t in range(horizon + 1):
        feat = state.feat
        policy = actor(feat if state_gradient else feat.detach())
        action = policy.sample(noise.action[t])
        feats.append(feat)
        actions.append(action)
        entropies.append(policy.entropy())
        if t < horizon:
            member = None if noise.member is None else noise.member[t]
            state, logits = rssm.img_step(state, action, noise.state[t], member)
            spreads.append(disagreement(logits, config.logits, config.reduce))
    feat = torch.stack(feats)
    return Rollout(
        feat=feat,
        action=torch.stack(actions),
        disagreement=torch.stack(spreads) if spreads else feat.new_zeros(0, feat.shape[1]),
        entropy=torch.stack(entropies),
    )
