"""How far the ROS clock is ahead of the steady one, as the stamps of a trajectory need it."""

from __future__ import annotations

from collections.abc import Callable

STEP = 5_000_000  # [ns] between two clocks that is a step of one
SLEW = 0.02  # of their difference that is followed


class ClockOffset:
    """The difference of two clocks, less the noise of their readings.

    It is followed slowly, as a message that is stamped otherwise than the last shifts the arm's
    curve; a step of the clock is followed at once.
    """

    def __init__(self, clock: Callable[[], int], steady: Callable[[], int]) -> None:
        """Takes both clocks [ns]."""
        self._clock, self._steady, self._ahead = clock, steady, 0

    def read(self) -> int:
        """Returns how far [ns] `clock` is ahead of `steady`.

        They are read one after the other: of three readings the quickest knows best.
        """
        found = []
        for _ in range(3):
            begin = self._steady()
            stamp, end = self._clock(), self._steady()
            found.append((end - begin, stamp - (begin + end) // 2))
        away = min(found)[1] - self._ahead
        self._ahead += away if abs(away) > STEP else round(SLEW * away)
        return self._ahead
