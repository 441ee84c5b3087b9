"""What an errand hears meanwhile: whether the arm rests, and whether anybody stopped it.

    GuardState, ten times a second -> Watch -> rested, told, disarms, trouble -> Errand

In: the guard's states, whether the joystick speaks, the steady clock [s]. Out: answers. A person's
Stop is a disarm, which an unarmed guard shows by its count of them alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moto_ros.messages import LATCHED, GuardState

SILENCE = 1.0  # [s] without a word of the guard, in which a stop would not be heard


class Watch:
    """The newest word of the guard, and whether a person is at the joystick."""

    def __init__(self, speaks: Callable[[float], bool]) -> None:
        """`speaks` says whether the joystick does at a time [s]."""
        self._speaks = speaks
        self._guard: GuardState | None = None
        self._heard = self._rested = -np.inf  # [s] when a word, and one of rest, last came

    def hear(self, told: GuardState, now: float) -> None:
        """Hears the guard at a time [s]."""
        self._guard, self._heard = told, now
        if told.at_rest:
            self._rested = now

    def rested(self, since: float) -> bool:
        """Says whether the arm was said to rest after a time [s]."""
        return self._rested > since

    def told(self, since: float) -> bool:
        """Says whether the guard said anything after a time [s]."""
        return self._heard > since

    @property
    def disarms(self) -> int:
        """How often anybody has disarmed the guard; 0 before its first word."""
        return 0 if self._guard is None else self._guard.disarms

    def trouble(self, now: float) -> str:
        """Says why nothing may go on that moves the arm at a time [s]; '' if it may."""
        if not self._speaks(now):
            return 'the joystick fell silent'
        guard = self._guard
        if guard is None or now - self._heard > SILENCE:
            return 'nothing is heard of the guard'
        if guard.state in LATCHED:
            return f'the guard is in {guard.state} ({", ".join(guard.cause)})'
        return ''
