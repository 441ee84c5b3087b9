"""Commands on their way to drives that follow them late.

In: one command a period. Out: the one of `lag` ago.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar('T')


class DelayLine(Generic[T]):
    """The commands under way to the drives of one arm."""

    def __init__(self, standing: T, period: float) -> None:
        """Gives `standing` until the first command is through; `period` in [s]."""
        self._now, self._period = standing, period
        self._underway: deque[T] = deque()

    def pass_on(self, command: T, lag: float) -> T:
        """Takes the command of a period; returns the one of `lag` [s] ago.

        With a longer lag than before the drives stay where they are for the difference.
        """
        self._underway.append(command)
        while len(self._underway) > round(lag / self._period):
            self._now = self._underway.popleft()
        return self._now
