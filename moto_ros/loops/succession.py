"""Which policy is in use while a name-file is followed: the slot's, changed between episodes.

In: PolicySlot, the time, whether an episode runs, what the guard says. Out: the slot changed.
"""

from __future__ import annotations

from moto_core.errors import ConfigError
from moto_core.guard.state import FAULT
from moto_core.policy.name_file import is_name_file
from moto_ros.config import PolicyParams
from moto_ros.loops.caution import holds
from moto_ros.loops.policy import Decided, PolicySlot
from moto_ros.loops.successor import Successor
from moto_ros.messages import GuardReasons


class Succession:
    """Swaps the next policy into a slot between episodes, and out again if it should not act."""

    def __init__(self, slot: PolicySlot, params: PolicyParams) -> None:
        """Begins to follow; raises ConfigError if the bundle is no file that names one."""
        if not is_name_file(params.bundle):
            raise ConfigError(
                f"policy.follow is set and policy.bundle is '{params.bundle}'; expected a file "
                'that names a bundle and is moved on, as moto-finetune writes it'
            )
        self._slot = slot
        self._successor = Successor(slot.find, params.shadow, params.probation)
        self.close, self.news = self._successor.close, self._successor.news
        self.replaced = self._successor.replaced

    @property
    def standing(self) -> str:
        """What is tried or watched, for the status; '' if nothing is."""
        return self._successor.standing

    def take(self, decided: Decided) -> None:
        """Takes a decision of an episode."""
        seen, decision = decided
        self._successor.see(seen, decision.episode, decision.action, decision.disagreement)

    def hear(self, told: GuardReasons) -> None:
        """Hears the guard while an episode runs."""
        if told.state == FAULT:
            self._successor.fault(f'the guard is in {FAULT}: {", ".join(told.reasons)}')
        elif holds(told):
            self._successor.fault('the guard holds the arm for its doubt')

    def step(self, steady: float, busy: bool) -> bool:
        """Looks for the next policy; returns whether the slot holds another one than before."""
        self._successor.look(steady, self._slot.policy.hash)
        following = self._successor.next_policy()
        if busy:
            return False
        if self._successor.objection():
            self._slot.rollback(busy)
            self._successor.went_back()
            return True
        if following is not None:
            self._slot.swap(following)
            self._successor.swapped()
        return following is not None
