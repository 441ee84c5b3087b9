"""Policy and critics, and their losses, equations 3 and 6 to 10, as functions of tensors.

Time is first in rollouts (H, N), as in returns.py; data is (B, T).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from moto_learning import processes
from moto_learning.config import ActorConfig, CriticConfig
from moto_learning.model.distributions import TruncatedNormal, truncated_normal
from moto_learning.model.layers import EnsembleMLP, head


class Actor(nn.Module):
    """The policy pi(a | s): a truncated normal on [-1, 1]^A."""

    def __init__(self, feat: int, action: int, config: ActorConfig) -> None:
        super().__init__()
        self.net = head(feat, config.head, 2 * action)
        self.min_std, self.cap = config.min_std, config.mean_cap
        share = (config.initial_std - config.min_std) / 2
        nn.init.constant_(self.net.out.bias[action:], 2 * math.log(share / (1 - share)))

    def forward(self, feat: Tensor) -> TruncatedNormal:
        """Returns the distribution of actions (..., A) at feat (..., F)."""
        return truncated_normal(self.net(feat), self.min_std, self.cap)

    def unrolled(self) -> Callable[[Tensor], TruncatedNormal]:
        """Returns it as a function for the steps of one loop, see unrolled.py."""
        net = self.net.unrolled()
        return lambda feat: truncated_normal(net(feat), self.min_std, self.cap)


class Critics(nn.Module):
    """Two (or more) critics Q_i(s, a) as one batched product."""

    def __init__(self, feat: int, action: int, config: CriticConfig) -> None:
        super().__init__()
        units = [config.head.units] * config.head.layers
        self.net = EnsembleMLP(config.members, feat + action, units, 1, config.normalize)
        if config.zero_start:
            for parameter in self.net.layers[-1].parameters():
                nn.init.zeros_(parameter)

    def forward(self, feat: Tensor, action: Tensor) -> Tensor:
        """Returns Q_i (members, ...) at feat (..., F), action (..., A)."""
        x = torch.cat([feat, action], -1)
        return self.net(x.reshape(-1, x.shape[-1])).reshape(-1, *x.shape[:-1])

    def value(self, feat: Tensor, action: Tensor) -> Tensor:
        """Returns V_0 (...,) = min_i Q_i(s, a), for an action drawn from the policy."""
        return self(feat, action).amin(0)


def penalised_reward(reward: Tensor, disagreement: Tensor, alpha: float | Tensor) -> Tensor:
    """Returns r~ (H, N) of equation 3, of rewards at s^1..s^H and u of the steps to them."""
    return reward - alpha * disagreement


def model_critic_loss(q: Tensor, value: Tensor) -> Tensor:
    """Returns equation 7, summed over critics: the mean over N of (V - Q_i)^2; 0 if N is 0.

    q (members, N) at imagined states and actions; value (N,) of equation 5 carries no gradient.
    """
    if value.numel() == 0:
        return q.new_zeros(())
    return (value.detach() - q).square().mean(1).sum()


def data_critic_loss(
    q: Tensor, reward: Tensor, next_value: Tensor, weight: Tensor, discount: float
) -> Tensor:
    """Returns equation 8, summed over critics.

    The mean of (r_{j+1} + gamma V^(s_{j+1}) - Q_i(s_j, a_j))^2.

    q (members, N) at true states and actions; reward (N,) and next_value (N,) belong to the state
    after; weight (N,) is 0 if the pair is none (a sequence's first row, a new episode).
    """
    target = (reward + discount * next_value).detach()
    return ((target - q).square() * weight).sum() / processes.divisor(weight.sum())


def behaviour_prior(log_prob: Tensor, mask: Tensor) -> Tensor:
    """Returns -mean ln pi(a_t | s_t) over successful trajectories' rows (B, T); 0 of none."""
    return -(log_prob * mask).sum() / processes.divisor(mask.sum())


def actor_loss(
    value: Tensor, prior: Tensor, entropy: Tensor, beta: float | Tensor, config: ActorConfig
) -> Tensor:
    """Returns equation 10 less the entropy bonus: -mean V^ + beta * prior - eta * mean entropy.

    value (H, N) is V^ at s^0..s^{H-1} (equation 6); if H is 0, V_0 at s^0. `beta` is the prior's
    weight now (`prior_weight`).
    """
    return -config.value_scale * value.mean() + beta * prior - config.entropy * entropy.mean()


def prior_weight(count: int, config: ActorConfig) -> float:
    """Returns beta after so many of what `beta_counts` counts.

    It halves with every `beta_half` of them after `beta_from`.
    """
    if not config.beta_half:
        return config.beta
    halvings = max(0, count - config.beta_from) / config.beta_half
    return config.beta * max(config.beta_final, 0.5**halvings)
