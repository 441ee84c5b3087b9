"""The settings of latent replay, which the paper's rows LOMPO and COMBO learn from.

In: the configuration's section `latent`. Out: a frozen LatentReplayConfig. Marks as in config.py;
[L] is a number of LOMPO's published code. Horizon, starts, discount, heads, targets and rates are
those of `actor_critic`.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.fields import choice, number


@dataclass(frozen=True)
class LatentReplayConfig:
    """Critics and policy from real and imagined latent steps (equations 16 to 20)."""

    capacity: int = number(
        8192,
        'imagined steps kept, the oldest go first; a checkpoint holds them [C]',
        low=1,
        high=10_000_000,
    )
    batch: int = number(256, 'latent steps a batch of critics and actor [L]', low=2, high=65_536)
    real: float = number(
        0.5, "share of them that are the data's own, with their true reward [L]", low=0, high=1
    )
    alpha: float = number(0.0, "weight of the penalty (equation 16): LOMPO's lambda", low=0)
    spread: str = choice(
        'deviation',
        'deviation',
        'variance',
        about="of the members' log-probabilities: 'deviation' [L] or 'variance' [C]",
    )
    conservatism: float = number(
        0.0, "weight of the conservative term (equation 19): COMBO's beta", low=0
    )
    temperature: float = number(
        0.1, 'weight of the entropy at the first update [C]', above=0, high=1000
    )
    temperature_rate: float = number(
        3e-4, 'learning rate of that weight; 0: it stays as it is', low=0, high=1
    )
    entropy_target: float = number(
        1.0,
        'the temperature draws the entropy of the policy to minus this [nats] an action entry',
        low=0,
        high=100,
    )
