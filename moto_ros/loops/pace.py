"""When the guard ticks: the times of the ticks that are due, whenever it is called.

    one tick a call           -> an arm that follows velocities
    ticks of a nominal length -> an arm that follows trajectories: called late, it makes all that
                                 are due; so late that the controller may have begun the stop of
                                 its last message, it makes one

In: the steady clock [s]. Out: times [s], and how many calls were late.
"""

from __future__ import annotations

from collections.abc import Iterator

from moto_core.guard.state import GuardConfig

LATE = 1.5  # ticks without a tick: one was late


class Pace:
    """The ticks of one guard."""

    def __init__(self, config: GuardConfig, nominal: bool) -> None:
        """Takes whether ticks are exactly as long as they should be."""
        self.time: float | None = None  # [s] of the last tick
        self.ticks, self.late = 0, 0
        self._tick, self._rate, self._gap = config.tick, config.rate, config.gap
        self._nominal = nominal
        self._done: dict[str, int] = {}  # what repeats: the tick of its last time

    @property
    def now(self) -> float:
        """The time [s] of the last tick; 0 before the first."""
        return self.time or 0.0

    def gapped(self, now: float) -> bool:
        """Says whether the ticks that did not come are not made up for."""
        return self._nominal and self.time is not None and now - self.time > self._gap

    def times(self, now: float) -> Iterator[float]:
        """Yields the times [s] of the ticks that are due at `now`, each of which is then made.

        Nominal ticks lie between the calls.
        """
        if self.time is None:
            self.time = now - (1.5 if self._nominal else 1.0) * self._tick
        self.late += now - self.time > (LATE + 0.5 * self._nominal) * self._tick
        if not self._nominal:
            yield self._make(now)
        elif self.gapped(now):
            yield self._make(now - 0.5 * self._tick)
        else:
            while self.time + self._tick <= now:
                yield self._make(self.time + self._tick)

    def due(self, what: str, rate: float) -> bool:
        """Says whether something is due at a rate [Hz], by the ticks since it was said to be.

        A late call makes several ticks, of which none may be missed.
        """
        last = self._done.get(what)
        if last is not None and self.ticks - last < round(self._rate / rate):
            return False
        self._done[what] = self.ticks
        return True

    def _make(self, time: float) -> float:
        self.time = time
        self.ticks += 1
        return time
