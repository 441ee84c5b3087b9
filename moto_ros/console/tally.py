"""What a page shows over time: the rate of each stream, and a strip of the disagreement.

In: arrivals, decisions, the steady clock [s]. Out: rates [Hz] and ages [s]; points of the strip.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from moto_ros.messages import Decision

WINDOW = 2.0  # [s] over which a rate is taken
STRIP = 750  # points kept: a minute at 12.5 Hz


class Stream:
    """The arrivals of one topic."""

    def __init__(self) -> None:
        self.last: float | None = None  # [s] of the newest; None before the first
        self._times: deque[float] = deque()

    def heard(self, now: float) -> None:
        """Takes an arrival."""
        self.last = now
        self._times.append(now)
        self._forget(now)

    def rate(self, now: float) -> float:
        """Returns the arrivals a second [Hz] within the window; it falls in silence."""
        self._forget(now)
        return (len(self._times) - 1) / (now - self._times[0]) if len(self._times) > 1 else 0.0

    def age(self, now: float) -> float | None:
        """Returns the time [s] since the newest arrival; None before the first."""
        return None if self.last is None else now - self.last

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] < now - WINDOW:
            self._times.popleft()


class Point(NamedTuple):
    """One decision in the strip."""

    number: int  # since the start of the console
    at: float  # [s] steady time of its arrival
    disagreement: float
    first: bool  # of an episode


class Strip:
    """The newest decisions' disagreement."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=STRIP)
        self._count = 0
        self._episode: str | None = None

    def take(self, decision: Decision, now: float) -> None:
        """Takes a decision."""
        self._count += 1
        self._points.append(
            Point(
                number=self._count,
                at=now,
                disagreement=decision.disagreement,
                first=decision.episode != self._episode,
            )
        )
        self._episode = decision.episode

    def points(self) -> tuple[Point, ...]:
        """Returns the points kept, oldest first."""
        return tuple(self._points)
