"""Where rollouts start: posterior states of the data, each with the true step that led to it.

The data loss (equation 8) needs V^ at the state after a true step, and V^ needs a rollout from
there. So starts are drawn first, and the true step into each is taken from the same sequence:

    t-1                          t = start               rollouts run from s_t
    feat  -- action[t] (true) --> state, reward[t]       equation 8 pairs Q(s_{t-1}, a_{t-1})
                                                             with r_t + gamma V^(s_t)
With every state as a start this is docs/method.md, equation 8, over all true steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from moto_learning import processes
from moto_learning.model.rssm import State


class Starts(NamedTuple):
    """N start states and the steps that led to them."""

    state: State  # (N, ...) posterior at t
    before: Tensor  # (N, F) feat at t - 1
    action: Tensor  # (N, A) true action from t - 1 to t
    reward: Tensor  # (N,) true reward received at t
    weight: Tensor  # (N,) 1 if t - 1 is in the same sequence and episode


def draw_starts(
    post: State, data: Mapping[str, Any], count: int, generator: torch.Generator
) -> Starts:
    """Draws `count` of the posterior states (B, T, ...) without replacement; 0 takes all.

    Of several processes all draw from the joined batch's, and each takes its part of them.
    """
    post = State(*(processes.joined(part) for part in post))
    names = ('action', 'reward', 'is_first')
    action, reward, is_first = (processes.joined(data[name]) for name in names)
    batch, length = reward.shape
    total = batch * length
    if 0 < count < total:
        index = torch.randperm(total, generator=generator, device=generator.device)[:count]
    else:
        index = torch.arange(total, device=generator.device)
    index = processes.own(index)
    flat = State(*(part.flatten(0, 1) for part in post))
    inside = (index % length > 0) & ~is_first.flatten()[index].bool()
    before = State(*(part[(index - 1).clamp(min=0)] for part in flat))
    return Starts(
        state=State(*(part[index] for part in flat)),
        before=before.feat,
        action=action.flatten(0, 1)[index],
        reward=reward.flatten()[index],
        weight=inside.to(post.deter.dtype),
    )
