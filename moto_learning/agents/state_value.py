"""DreamerV2's state-value critic, and the losses of its actor and critic, equations 13 to 15.

Time is first, as in returns.py: V(s^t) and its target for t < H, weights (H, 1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moto_learning.config import HeadConfig
from moto_learning.model.layers import head


class StateValue(nn.Module):
    """One critic V(s)."""

    def __init__(self, feat: int, config: HeadConfig) -> None:
        super().__init__()
        self.net = head(feat, config, 1)

    def forward(self, feat: Tensor) -> Tensor:
        """Returns V (...,) at feat (..., F)."""
        return self.net(feat).squeeze(-1)


def step_weights(horizon: int, discount: float, like: Tensor) -> Tensor:
    """Returns gamma^t (H, 1): how much the t'th imagined step counts in both losses."""
    steps = torch.arange(horizon, dtype=like.dtype, device=like.device)
    return (discount**steps).unsqueeze(-1)


def dreamer_actor_loss(target: Tensor, entropy: Tensor, weight: Tensor, eta: float) -> Tensor:
    """Returns equation 14, -mean of w^t (V^lambda(s^t) + eta * entropy at s^t).

    target and entropy (H, N); the target's gradient runs through the dynamics.
    """
    return -(weight * (target + eta * entropy)).mean()


def state_value_loss(value: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Returns equation 15, the mean of w^t (V^lambda(s^t) - V(s^t))^2 / 2; (H, N) each.

    The target carries no gradient.
    """
    return (0.5 * weight * (target.detach() - value).square()).mean()
