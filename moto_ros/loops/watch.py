"""What an errand hears meanwhile: whether the arm rests, and whether anybody stopped it.

    GuardState, ten times a second -> Watch -> guard, rested, told, trouble -> Errand

In: the guard's states, whether the joystick speaks, the steady clock [s]. Out: answers. Whether
somebody stopped the arm is told from `guard` (stops.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moto_ros.loops.stops import SILENCE
from moto_ros.messages import GuardState


class Watch:
    """The newest word of the guard, and whether a person is at the joystick."""

    def __init__(self, speaks: Callable[[float], bool]) -> None:
        """`speaks` says whether the joystick does at a time [s]."""
        self._speaks = speaks
        self.guard: GuardState | None = None  # its newest word
        self._heard = self._rested = -np.inf  # [s] when a word, and one of rest, last came

    def hear(self, told: GuardState, now: float) -> None:
        """Hears the guard at a time [s]."""
        self.guard, self._heard = told, now
        if told.at_rest:
            self._rested = now

    def rested(self, since: float) -> bool:
        """Says whether the arm was said to rest after a time [s]."""
        return self._rested > since

    def told(self, since: float) -> bool:
        """Says whether the guard said anything after a time [s]."""
        return self._heard > since

    def trouble(self, now: float) -> str:
        """Says why a stop might not be heard at a time [s]; '' if it would."""
        if not self._speaks(now):
            return 'the joystick fell silent'
        if self.guard is None or now - self._heard > SILENCE:
            return 'nothing is heard of the guard'
        return ''
