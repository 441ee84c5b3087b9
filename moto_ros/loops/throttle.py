"""Bounds a stream's rate: of messages, or of bytes.

In: the steady clock, amounts. Out: credit; what has some may pass. A stream at the bound itself
passes whole although its times jitter; one amount beyond the bound passes and is waited for.
"""

from __future__ import annotations


class Throttle:
    """Credit that grows by `rate` a second up to `burst`; what passes is taken from it."""

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        """`rate` in amounts a second; `burst` is the credit after a pause."""
        self.rate, self.burst = rate, burst
        self._credit, self._at = burst, 0.0  # [s]

    def credit(self, now: float) -> float:
        """Returns the credit at `now` [s]; above zero the next amount may pass."""
        return min(self.burst, self._credit + self.rate * max(0.0, now - self._at))

    def take(self, now: float, amount: float = 1.0) -> None:
        """Takes an amount that passes at `now` [s]; the credit may fall below zero."""
        self._credit, self._at = self.credit(now) - amount, now
