"""Values of imagined rollouts: V_K, the mixture V of equation 5 and V^, as pure functions.

A rollout has H rewards and H + 1 values V_0, time first:

    s^0 --a^0--> s^1 --a^1--> ...  s^{H-1} --a^{H-1}--> s^H
    V_0^0        V_0^1             V_0^{H-1}            V_0^H
           r^1          r^2 ...               r^H              reward[t] holds r^{t+1}
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from moto_learning import processes


class Expansion(NamedTuple):
    """What value expansion gives: `value` V (H, ...) of equation 5, `mixed` V^ (H + 1, ...)."""

    value: Tensor
    mixed: Tensor


def lambda_return(reward: Tensor, value: Tensor, discount: float, lambda_: float) -> Tensor:
    """Returns V (H, ...) of equation 5, the lambda-weighted mixture of V_1..V_{H-t}.

    V^t = r^{t+1} + gamma ((1 - lambda) V_0^{t+1} + lambda V^{t+1}), with V^H = V_0^H.
    """
    assert value.shape[0] == reward.shape[0] + 1, (value.shape, reward.shape)
    last, found = value[-1], []
    for t in reversed(range(reward.shape[0])):
        last = reward[t] + discount * torch.lerp(value[t + 1], last, lambda_)
        found.append(last)
    return torch.stack(found[::-1]) if found else reward


def value_expansion(reward: Tensor, value: Tensor, discount: float, lambda_: float) -> Expansion:
    """Returns V (equation 5) and V^ = lambda V + (1 - lambda) V_0, V_0(s^H) its last entry.

    With H = 0 there is no V and V^ is V_0: an ordinary actor-critic.
    """
    expanded = lambda_return(reward, value, discount, lambda_)
    return Expansion(expanded, torch.cat([torch.lerp(value[:-1], expanded, lambda_), value[-1:]]))


def largest_value(discount: float, *rewards: Tensor, raised: float = 0.0) -> Tensor:
    """Returns the largest size of a discounted sum of rewards: (max |r| + raised) / (1 - gamma).

    Over rewards of any shape; 1 at least, so that data without a reward has a value too. `raised`
    is how far a conservative term moves a value at each step.
    """
    known = torch.cat([rewards[0].new_ones(1), *(reward.detach().flatten() for reward in rewards)])
    return (processes.most(known.abs().max()) + raised) / (1 - discount)
