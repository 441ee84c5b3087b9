"""What an arming came to: how long nothing has moved the arm under it, and whether a policy did.

    arm -> waits, `timeout` at most -> the arm moves -> waits again, `timeout` at most
              over: the guard disarms

In: the guard's state each tick. Out: whether the arming is over. What waits for a person to arm
anew may wait for ever: it does not go on by itself.
"""

from __future__ import annotations

from moto_core.guard.state import GuardMemory


class Arming:
    """The newest arming of one guard."""

    def __init__(self, timeout: float) -> None:
        """Takes the time [s] for which an armed guard may move nothing."""
        self.timeout = timeout
        self.begins = True  # a process that is new to its arm: a person has said begin_anew
        self.begun = False  # a policy has moved the arm under it, or might have
        self.ended = ''  # the reason code of an arming that ended by itself
        self._since: float | None = None  # [s] when it was armed, or last moved

    def arm(self, anew: bool) -> None:
        """Hears that a person armed; not `anew`: what was armed goes on."""
        self._since, self.ended = None, ''
        if anew:
            self.begun = False

    def end(self) -> None:
        """Hears that nobody may move the arm any more."""
        self.begun = False

    def begin(self) -> None:
        """Hears that a policy moves the arm from now on."""
        self.begun = True

    def over(self, state: GuardMemory, moves: bool, now: float) -> bool:
        """Says whether nothing has moved the arm for too long; `moves`: it is moving."""
        if moves or not state.armed or state.confirm or self._since is None:
            self._since = now
        if now - self._since < self.timeout:
            return False
        self.ended = 'armed_timeout'
        return True
