"""What the surprise of a policy leaves of the allowed speed: slower, then nothing.

    surprise of each decision -> mean of the last `window` -> at `slow` 1, at `hold` SLOWEST,
                                 [nats]                       between them a line; from hold on 0

A mean, so that a single spike does nothing. Until a window is full nothing is known, and the
speed is whole. In: surprises one by one, a bundle's limits. Out: a scale in [0, 1], rule 7 of the
guard (docs/safety.md).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from moto_core.errors import BundleError

SLOWEST = 0.25  # speed scale just below `hold`
MAX_WINDOW = 1000  # decisions
MAX_SURPRISE = 1e6  # [nats] far above any
ROUNDED = -0.01  # [nats] what rounding may leave of a divergence that is 0


@dataclass(frozen=True, kw_only=True)
class SurpriseLimits:
    """The two levels of a bundle, and the ordinary episodes that they come from."""

    slow: float  # [nats] of the mean surprise, above which the arm is slowed
    hold: float  # [nats] from which on it is held until a person confirms
    window: int  # decisions in that mean
    quantile: float  # of episodes, each by its largest mean: at least so many stay below `slow`
    episodes: int  # held out, that this was measured on
    decisions: int  # in them

    def __post_init__(self) -> None:
        """Raises BundleError for a field of another type or outside its bounds."""
        for name in ('slow', 'hold'):
            self._check(name, (int, float), 0, MAX_SURPRISE)
        if self.hold < self.slow:
            raise BundleError(
                f'surprise_limits.hold is {self.hold}; expected at least slow, {self.slow}'
            )
        self._check('window', (int,), 1, MAX_WINDOW)
        self._check('quantile', (int, float), 0, 1)
        for name in ('episodes', 'decisions'):
            self._check(name, (int,), 1, 1 << 53)

    def _check(self, name: str, kinds: tuple[type, ...], least: float, most: float) -> None:
        value = getattr(self, name)
        if type(value) not in kinds or not least <= value <= most:
            kind = 'a number' if float in kinds else 'a whole number'
            raise BundleError(
                f'surprise_limits.{name} is {ascii(value)[:80]}; '
                f'expected {kind} in [{least:g}, {most:g}]'
            )


def parse_limits(data: Any) -> SurpriseLimits | None:
    """Returns the limits of a manifest's JSON, None for null; raises BundleError for others."""
    if data is None:
        return None
    names = [item.name for item in fields(SurpriseLimits)]
    if not isinstance(data, dict) or data.keys() != set(names):
        raise BundleError(f'surprise_limits is not null, nor an object of {", ".join(names)}')
    return SurpriseLimits(**data)


def window_means(surprise: Iterable[float], followed: Iterable[bool], window: int) -> list[float]:
    """Returns the mean of each `window` surprises in a row of an episode's (T,), as Caution does.

    Where the arm did not do what was asked (`followed` (T,) is false) nothing counts, and then it
    begins anew: the first row's surprise is left out.
    """
    last: deque[float] = deque(maxlen=window)
    means, first = [], True
    for value, does in zip(surprise, followed):
        if not does:
            last.clear()
        elif not first:
            last.append(float(value))
            if len(last) == window:
                means.append(math.fsum(last) / window)
        first = not does
    return means


class Caution:
    """Follows the surprise of one policy; without limits its scale is always 1."""

    def __init__(self, limits: SurpriseLimits | None) -> None:
        self.limits = limits
        self._last: deque[float] = deque(maxlen=limits.window if limits else 1)
        self.forget()

    def forget(self) -> None:
        """Begins anew: the next decision is the first, about which nothing was expected."""
        self._last.clear()
        self._first = True
        self.mean = 0.0  # [nats] of the last window; 0 until one is full
        self.scale = 1.0  # in [0, 1] of the allowed speed

    def interrupt(self) -> None:
        """Begins a new window after a pause; until it is full the scale stays what it was."""
        self._last.clear()
        self._first = True

    def take(self, surprise: float) -> float:
        """Takes the next decision's surprise [nats] and returns the scale.

        What no divergence can be (a NaN, an infinity, less than 0) holds at once.
        """
        first, self._first = self._first, False
        if not ROUNDED <= surprise < math.inf:
            surprise = math.nan
        elif first:
            return self.scale
        self._last.append(surprise)
        full = len(self._last) == self._last.maxlen
        if self.limits is not None and (full or math.isnan(surprise)):
            self.mean = math.fsum(self._last) / len(self._last)
            self.scale = speed_scale(self.limits, self.mean)
        return self.scale


def speed_scale(limits: SurpriseLimits, mean: float) -> float:
    """Returns what a mean surprise [nats] leaves of the speed: 1, SLOWEST to 1, or 0."""
    if mean <= limits.slow:
        return 1.0
    if not mean < limits.hold:  # a NaN too
        return 0.0
    share = (mean - limits.slow) / (limits.hold - limits.slow)
    return 1.0 - (1.0 - SLOWEST) * share
