"""The losses of soft actor-critics, equations 16 to 21, as functions of tensors.

LOMPO's and COMBO's on latent steps, SAC's and CQL's on transitions of pixels. N steps
of a batch; critics (members, N). `log_prob` is ln pi of actions drawn from the policy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Temperature(nn.Module):
    """The weight tau of the entropy, a positive number that is learned."""

    def __init__(self, first: float) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.tensor(float(first)).log())

    def forward(self) -> Tensor:
        """Returns tau ()."""
        return self.log.exp()


def log_prob_spread(logits: Tensor, stoch: Tensor, kind: str = 'deviation') -> Tensor:
    """Returns u_L (...,) of equation 16: the spread over members of ln p^i(z).

    logits (M, ..., S, K) of the members; stoch (..., S * K) is the one-hot z that was drawn. Its
    log-probability is the sum over the S categoricals. `kind`: 'deviation', the population's, or
    'variance'.
    """
    drawn = stoch.unflatten(-1, logits.shape[-2:])
    log_prob = (logits.log_softmax(-1) * drawn).sum((-2, -1))  # (M, ...)
    variance = log_prob.var(0, correction=0)
    return variance.sqrt() if kind == 'deviation' else variance


def soft_reward(
    reward: Tensor, next_log_prob: Tensor, temperature: Tensor, discount: float
) -> Tensor:
    """Returns r - gamma tau ln pi(a' | s') (N,): what a step adds to the value of equation 17."""
    return reward - discount * temperature * next_log_prob


def soft_target(
    reward: Tensor, next_q: Tensor, next_log_prob: Tensor, temperature: Tensor, discount: float
) -> Tensor:
    """Returns y (N,) of equation 17: r + gamma (min_i Q_i(s', a') - tau ln pi(a' | s')).

    next_q (members, N) of the target critics at an action a' of the policy.
    """
    soft = soft_reward(reward, next_log_prob, temperature, discount)
    return soft + discount * next_q.amin(0)


def soft_critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Returns equation 18, summed over critics: the mean over N of (y - Q_i)^2 / 2."""
    return (0.5 * (target.detach() - q).square()).mean(1).sum()


def conservative_loss(imagined: Tensor, real: Tensor) -> Tensor:
    """Returns equation 19 without its weight: the sum over critics of mean Q_i - mean Q_i.

    imagined (members, N) at imagined states and the policy's actions; real (members, N') at the
    data's own states and actions; 0 if there are none of either.
    """
    if not imagined.shape[1] or not real.shape[1]:
        return imagined.new_zeros(())
    return (imagined.mean(1) - real.mean(1)).sum()


def soft_actor_loss(q: Tensor, log_prob: Tensor, temperature: Tensor) -> Tensor:
    """Returns equation 20: the mean over N of tau ln pi(a | s) - min_i Q_i(s, a).

    q (members, N) carries the gradient of the action; the temperature carries none.
    """
    return (temperature.detach() * log_prob - q.amin(0)).mean()


def temperature_loss(log_temperature: Tensor, log_prob: Tensor, entropy: float) -> Tensor:
    """Returns equation 21: -ln tau times the mean of ln pi(a | s) + `entropy`, the target [nats].

    Going down it raises tau where the policy's entropy is below the target.
    """
    return -log_temperature * (log_prob.detach() + entropy).mean()
