"""How long a run still takes, from what its updates, episodes and evaluations took so far.

In: what happened, and what is to come. Out: a text for a progress bar.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from moto_learning.run.counters import ToCome

LAST = 100  # of each kind, whose seconds are averaged


class TimeLeft:
    """Measures the seconds between what happens; each goes to the kind that it ended with."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()
        self._took: dict[str, deque[float]] = {kind: deque(maxlen=LAST) for kind in ToCome._fields}

    def happened(self, kind: str) -> None:
        """Counts the time since the last call as one of 'updates', 'episodes' or 'starts'."""
        now = self._clock()
        self._took[kind].append(now - self._last)
        self._last = now

    def text(self, to_come: ToCome) -> str:
        """Returns 'h:mm:ss left', at least that if a kind to come was not measured yet."""
        seconds, known = 0.0, True
        for kind, count in to_come._asdict().items():
            took = self._took[kind]
            if count and took:
                seconds += count * sum(took) / len(took)
            known &= bool(took) or not count
        return f'{"" if known else "over "}{timedelta(seconds=round(seconds))} left'
