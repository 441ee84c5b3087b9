"""Settings that several parts of the learner's configuration share: an optimiser, a perceptron.

In: nothing. Out: frozen dataclasses for moto_learning/config.py and the files beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.fields import number

WIDEST = 65_536  # units or channels of a layer, categoricals, classes
DEEPEST = 64  # layers
LARGEST_RATE = 1.0  # of an optimiser


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam and what is done to gradients before it."""

    rate: float = number(1e-4, 'learning rate at the first update', above=0, high=LARGEST_RATE)
    final: float = number(
        1.0, 'fraction of `rate` left after `decay_updates`, then held', low=0, high=1
    )
    decay_updates: int = number(
        0, 'updates over which the rate falls linearly; 0: constant', low=0
    )
    warmup_updates: int = number(0, 'updates over which the rate rises linearly from 0', low=0)
    beta2: float = number(0.999, "decay of Adam's second moment [D]", low=0, below=1)
    eps: float = number(1e-5, "Adam's epsilon [D]", above=0, high=1)
    clip: float = number(100.0, 'largest norm of the gradient; 0: no clipping [D]', low=0)
    weight_decay: float = number(
        1e-6, 'every update shrinks weights by this fraction [D]', low=0, below=1
    )


@dataclass(frozen=True)
class HeadConfig:
    """A multilayer perceptron with ELU."""

    layers: int = number(4, 'hidden layers [D]', low=0, high=DEEPEST)
    units: int = number(400, 'of each [D]', low=1, high=WIDEST)
