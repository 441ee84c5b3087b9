"""One stream of messages on its way from the robot to the graph: late, uneven, lost or frozen.

    send(shown, stamp, now) -> lost? -> frozen? what the last one showed, with this stamp
                                     -> due at now + latency + jitter -> arrived(later)

In: what a message shows, its stamp, the settings. Out: those that are due, in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np

from moto_ros.config import StreamDisturbance

EARLY = 1e-6  # [s] rounding of sums of times
T = TypeVar('T')


class DisturbedStream(Generic[T]):
    """One stream; what is drawn for its messages depends on the seed alone."""

    def __init__(self, settings: StreamDisturbance, seed: int) -> None:
        self._seed: int | None = None
        self._underway: deque[tuple[float, float, T]] = deque()  # due, stamp [s], shown
        self._last: T | None = None
        self.disturb(settings, seed)

    def disturb(self, settings: StreamDisturbance, seed: int) -> None:
        """Takes other settings for the messages to come; another seed begins the draws anew."""
        self._settings = settings
        if seed != self._seed:
            self._seed, self._rng = seed, np.random.default_rng(seed)

    def send(self, shown: T, stamp: float, now: float) -> None:
        """Takes a message of a time [s] that is sent `now` [s]."""
        lost, late = self._rng.random() < self._settings.drop, self._rng.random()
        if not self._settings.frozen or self._last is None:
            self._last = shown
        due = now + self._settings.latency + self._settings.jitter * late
        if not lost:
            self._underway.append((due, stamp, self._last))

    def arrived(self, now: float) -> Iterator[tuple[float, T]]:
        """Gives stamp and contents of each message that is due at `now` [s]; none overtakes."""
        while self._underway and self._underway[0][0] <= now + EARLY:
            _, stamp, shown = self._underway.popleft()
            yield stamp, shown
