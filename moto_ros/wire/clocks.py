"""The ROS clock beside the steady one: how far it is ahead, and whether it goes at all.

In: readings of both. Out: the offset that the stamps of a trajectory need; a sentence if the ROS
clock stands, as with use_sim_time where nobody publishes /clock.
"""

from __future__ import annotations

from collections.abc import Callable

APART = 5_000_000  # [ns] between what was followed and the clocks: followed at once
SLEW = 0.02  # of their difference that is followed at a reading
STEEPEST = 0.025  # of the time between two readings by which a clock that is slewed may gain
STANDS = 2.0  # [s] with one reading of the ROS clock: it does not go


class ClockOffset:
    """The difference of two clocks, less the noise of their readings.

    It is followed slowly, as a message that is stamped otherwise than the last shifts the arm's
    curve; a step of the clock is followed at once, and said. A simulated clock comes in steps.
    """

    def __init__(
        self, clock: Callable[[], int], steady: Callable[[], int], simulated: bool = False
    ) -> None:
        """Takes both clocks [ns]; `simulated`: the first is told by messages."""
        self._clock, self._steady, self._simulated = clock, steady, simulated
        self._ahead = 0
        self._last: tuple[int, int] | None = None  # [ns] the steady clock, how far ahead; read
        self.stepped = 0  # [ns] by which the clock stepped before the last reading

    def read(self) -> int:
        """Returns how far [ns] `clock` is ahead of `steady`.

        They are read one after the other: of three readings the quickest knows best.
        """
        found = []
        for _ in range(3):
            begin = self._steady()
            stamp, end = self._clock(), self._steady()
            found.append((end - begin, begin, stamp - (begin + end) // 2))
        width, begin, ahead = min(found)
        self.stepped = 0
        if self._last is not None and not self._simulated:
            since, gained = begin - self._last[0], ahead - self._last[1]
            self.stepped = gained if abs(gained) > STEEPEST * since + width else 0
        away = ahead - self._ahead
        at_once = self._last is None or self.stepped or abs(away) > APART
        self._ahead += away if at_once else round(SLEW * away)
        self._last = begin, ahead
        return self._ahead


class StandingClock:
    """Notices a ROS clock that does not go."""

    def __init__(self) -> None:
        self._stamp = -1  # [ns] the newest reading
        self._since = 0.0  # [s] when it first was that

    def look(self, stamp: int, now: float) -> str:
        """Returns what is wrong with the ROS clock; '' until it has stood for STANDS.

        `stamp` [ns] is its reading, `now` [s] the steady clock's at that time.
        """
        if stamp != self._stamp:
            self._stamp, self._since = stamp, now
        if now - self._since < STANDS:
            return ''
        said = 'says nothing' if stamp == 0 else 'stands still'
        return (
            f'/clock {said}: no decision and no row is made; publish it, or leave use_sim_time out'
        )
