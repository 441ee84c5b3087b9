"""Which policy is in use while a name-file is followed: the slot's, changed between episodes.

In: PolicySlot, the time, whether an episode runs, what the guard says. Out: the slot changed.
"""

from __future__ import annotations

from pathlib import Path

from moto_core.errors import ConfigError
from moto_core.guard.state import FAULT, HOLD, RUNNING
from moto_core.policy.policy import Policy
from moto_ros.config import PolicyParams
from moto_ros.loops.caution import holds
from moto_ros.loops.policy import Decided, PolicySlot
from moto_ros.loops.sources import POLICY
from moto_ros.loops.successor import Successor
from moto_ros.messages import LATCHED, GuardReasons

GRACE = 0.5  # [s] after an episode, within which a fault is still its own
MAY_BE_ITS_OWN = {  # of a fault: after any other the policy may be tried again
    *('request_rejects', 'request_timeout', 'request_nonfinite', 'request_size'),
    *('following_error', 'joints_frozen', 'joints_outside'),
}


class Succession:
    """Swaps the next policy into a slot between episodes, and out again if it should not act."""

    def __init__(self, slot: PolicySlot, params: PolicyParams) -> None:
        """Begins to follow; raises ConfigError if the bundle is no file that names one."""
        if not Path(params.bundle).is_file():
            raise ConfigError(
                f"policy.follow is set and policy.bundle is '{params.bundle}'; expected a file "
                'that names a bundle and is moved on, as moto-finetune writes it'
            )
        if not params.wait_for_episode:
            raise ConfigError(
                'policy.follow is set and policy.wait_for_episode is not: without episodes there '
                'is no time to swap; set policy.wait_for_episode:=true'
            )
        self._slot = slot
        self._before: GuardReasons | None = None
        self._busy_until = -GRACE  # [s] when an episode was last heard of
        self._successor = Successor(
            slot.find, params.shadow, params.probation, slot.named, slot.given_up, slot.kept
        )
        self.close, self.news = self._successor.close, self._successor.news
        self._successor.keep(slot.policy)

    @property
    def standing(self) -> str:
        """What is tried or watched, else what was refused or given up last, for the status."""
        return self._successor.standing or self._successor.told

    def replaced(self, left: Policy | None = None) -> None:
        """Hears that a person swapped the slot's policy, and which one he does not want."""
        self._successor.replaced(self._slot.policy.hash, left)
        self._successor.keep(self._slot.policy)

    def take(self, decided: Decided, driving: bool = True) -> None:
        """Takes a decision of an episode; `driving`: the arm does what is asked."""
        seen, decision, done = decided
        self._successor.see(
            seen,
            decision.number == 0,
            decision.action,
            decision.disagreement,
            decision.inference_latency * 1e-3,
            driving,
            done,
        )

    def heard_busy(self, steady: float) -> None:
        """Hears that an episode ran until now."""
        self._busy_until = steady

    def hear(self, told: GuardReasons, steady: float, busy: bool) -> None:
        """Hears the guard: what begins in an episode, or just after it, while the policy drives.

        The recorder ends an episode by the same word of the guard, and may be heard first.
        """
        before, self._before = self._before, told
        self._busy_until = steady if busy else self._busy_until
        late = steady - self._busy_until > GRACE
        if late or not (busy if before is None else _drove(before)):
            return
        if told.state in LATCHED:
            blamed = told.state == FAULT and bool(MAY_BE_ITS_OWN & {*told.reasons})
            why = f'the guard is in {told.state}: {", ".join(told.reasons)}'
            self._successor.fault(why, blamed)
        elif holds(told):
            self._successor.fault('the guard holds the arm for its doubt', blamed=True)

    def step(self, steady: float, busy: bool) -> bool:
        """Looks for the next policy; returns whether the slot holds another one than before."""
        self._successor.look(steady, self._slot.policy.hash)
        following = self._successor.next_policy()
        if busy:
            return False
        if self._successor.objection():
            self._slot.back()
            self._successor.went_back()
            return True
        if following is not None:
            self._slot.swap(following)
            self._successor.swapped()
        return following is not None


def _drove(told: GuardReasons) -> bool:
    return told.state in (RUNNING, HOLD) and told.source == POLICY
