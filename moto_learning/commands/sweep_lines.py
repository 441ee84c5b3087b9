"""What a sweep says of its runs where nobody watches bars: a line now and then.

In: the last line of a run's log. Out: lines in a log of the sweep's own, at most one a minute a
run, and none that says again what was said.
"""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 60.0  # [s] between two lines of one run


class SweepLines:
    """When each run spoke last, and what it said."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`say` prints a line; `clock` [s]."""
        self._say, self._clock = say, clock
        self._spoke: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def hear(self, run: str, last_line: Callable[[], str]) -> None:
        """Says the last line of a run's log, if it is time for one and it is another."""
        now = self._clock()
        if now - self._spoke.setdefault(run, now) < EVERY:
            return
        self._spoke[run], line = now, last_line()
        if line and line != self._said.get(run):
            self._said[run] = line
            self._say(f'{run}: {line}')
