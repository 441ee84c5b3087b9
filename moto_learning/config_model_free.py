"""The settings of the model-free rows BC, IQL, CQL and SAC: the section `model_free` of a run.

In: nothing. Out: frozen dataclasses for moto_learning/config.py. Marks as there: [P] stated in the
paper, [C] a choice where the paper is silent.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.fields import number, part
from moto_learning.config_parts import WIDEST, HeadConfig, OptimizerConfig


@dataclass(frozen=True)
class PixelConfig:
    """The encoder of stacked frames: convolutions of each camera, one linear layer over them."""

    channels: list[int] = number(
        [32, 64, 128, 256], 'of each convolution [P]', low=1, high=WIDEST, entries=1
    )
    kernel: int = number(4, '[px] [C]', low=1, high=64)
    stride: int = number(2, '[px] [C]', low=1, high=64)
    padding: int = number(0, '[px] [C]', low=0, high=64)
    latent: int = number(50, 'size of the latent, beside proprioception [P]', low=1, high=WIDEST)
    frames: int = number(3, 'F, the last frames that are seen at once [P]', low=1, high=64)


@dataclass(frozen=True)
class SACConfig:
    """The entropy of SAC and CQL."""

    temperature: float = number(
        0.1, 'weight of the entropy before training [C]', above=0, high=1000
    )
    entropy: float = number(
        1.0,
        'the temperature keeps the entropy of an action at minus this for each of its entries '
        '[nats] [C]',
        low=0,
        high=10,
    )


@dataclass(frozen=True)
class CQLConfig:
    """The conservative term of CQL."""

    alpha: float = number(5.0, 'weight of the term [P]', low=0)
    samples: int = number(
        10, 'uniform actions of each state, and as many of the policy [C]', low=1, high=1024
    )


@dataclass(frozen=True)
class IQLConfig:
    """The state value of IQL and the weights of its policy's regression."""

    expectile: float = number(
        0.5, 'of Q under the actions of the data that V is; 0.5: their mean [P]', above=0, below=1
    )
    beta: float = number(3.0, 'an action weighs exp(beta (Q - V)) [P]', low=0)
    weight_max: float = number(100.0, 'largest such weight [C]', above=0)


@dataclass(frozen=True)
class ModelFreeConfig:
    """What the rows BC, IQL, CQL and SAC are made of; no other row reads it."""

    encoder: PixelConfig = part(PixelConfig)
    head: HeadConfig = part(lambda: HeadConfig(layers=2, units=256))  # policy, Q and V [P]
    min_std: float = number(0.01, 'least standard deviation of the policy [C]', above=0, high=1)
    batch: int = number(
        256, "transitions drawn from those in a batch's sequences [P]", low=1, high=WIDEST
    )
    discount: float = number(0.99, 'gamma [P]', above=0, high=1)
    target_rate: float = number(
        0.005, 'tau, the share by which targets move at every update [P]', above=0, high=1
    )
    optimizer: OptimizerConfig = part(  # of every network; rate [P]
        lambda: OptimizerConfig(rate=3e-4, eps=1e-8, weight_decay=0)
    )
    sac: SACConfig = part(SACConfig)
    cql: CQLConfig = part(CQLConfig)
    iql: IQLConfig = part(IQLConfig)
