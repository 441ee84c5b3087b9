"""The settings of a success classifier: which frames teach it, its network, how it is fitted.

In: `key=value`. Out: a frozen dataclass, which is kept beside the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.errors import ConfigError
from moto_core.fields import check, number, part
from moto_learning.config import EncoderConfig
from moto_learning.config_parts import WIDEST, OptimizerConfig

PADDING = 1  # [px]: with a kernel of 4 and a stride of 2 each convolution halves the image


@dataclass(frozen=True)
class ConvolutionConfig:
    """The convolutions of each camera, every one of which halves the image."""

    channels: list[int] = number(
        [16, 32, 64, 64], 'of each convolution', low=1, high=WIDEST, entries=1
    )
    patch: int = number(
        1,
        '[px] side of the squares whose pixels become channels before the first convolution; must '
        'divide the height and the width',
        low=1,
        high=64,
    )

    @property
    def full(self) -> EncoderConfig:
        """The encoder's configuration; there is no proprioception to embed."""
        return EncoderConfig(channels=list(self.channels), patch=self.patch, padding=PADDING)


@dataclass(frozen=True)
class ClassifierNetworkConfig:
    """One encoder of the frames and a perceptron of one hidden layer."""

    encoder: ConvolutionConfig = part(ConvolutionConfig)
    units: int = number(64, 'of the hidden layer', low=1, high=WIDEST)


@dataclass(frozen=True)
class ClassifierSettings:
    """Everything that a success classifier depends on beside the episodes."""

    seed: int = number(
        0, 'of the split, the weights and the draws (option --seed)', low=0, high=2**31
    )
    threshold: float = number(
        0.9,
        'probability from which an episode is called a success; up to 1 minus it, a failure '
        '(option --threshold)',
        low=0.5,
        below=1,
    )
    last: int = number(
        5,
        'rows at the end of a success that are its positives; an episode is judged by as many',
        low=1,
        high=1000,
    )
    margin: int = number(
        15, 'rows before those that are neither positive nor negative', low=0, high=100_000
    )
    held_out: float = number(
        0.25,
        'share of the episodes of each kind that is never learned from, at least one',
        above=0,
        high=0.5,
    )
    updates: int = number(500, 'of the weights', low=1, high=10_000_000)
    batch: int = number(64, 'frames an update, half of them positives', low=4, high=4096)
    shift: int = number(
        4, '[px] most that a frame is moved, at random, before it is learned from', low=0, high=64
    )
    threads: int = number(0, 'of the processor; 0: one for each core', low=0, high=1024)
    model: ClassifierNetworkConfig = part(ClassifierNetworkConfig)
    optimizer: OptimizerConfig = part(lambda: OptimizerConfig(rate=5e-4, eps=1e-8))

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be."""
        check(self)
        if self.batch % 4:
            raise ConfigError(f'batch is {self.batch}; expected a multiple of 4')
