"""Whether a guard may do what a person asks of it: arm, go home, reset a fault, begin anew.

In: what the guard knows, the time [s] of its last tick. Out: nothing, or a GuardRefusal that says
what is in the way and what to do. Nothing is changed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.guard.guard import arm
from moto_core.guard.intake import joints_trouble, take_joints
from moto_core.guard.limits import Limits
from moto_core.guard.reasons import REASONS
from moto_core.guard.state import GuardConfig, GuardMemory, GuardRefusal, JointIntake, Measured
from moto_ros.loops.arming import Arming
from moto_ros.loops.homing import Homing
from moto_ros.loops.inbox import Inbox
from moto_ros.loops.leading import Leader
from moto_ros.loops.sources import HOME, POLICY

NEW = (
    'the guard was just started, and knows neither where a guard before it led the arm nor what '
    'stopped that one: look at the arm and mend what did; if it was moved or held since its '
    'controller was activated, deactivate and activate the controller; then call begin_anew'
)
JOINTS = 'mend the joint states first'
BUSY = (
    'the simulation falls behind, as this computer is too slow or busy with something else: end '
    'what else runs on it, then try again'
)


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What one guard asks before it does what a person asks."""

    config: GuardConfig
    limits: Limits
    inbox: Inbox
    homing: Homing
    arming: Arming
    leader: Leader | None
    policy_heard_first: bool  # a policy is armed only while it asks for something
    simulated: bool  # the joints are the twin's

    def arm(self, state: GuardMemory, now: float, sends: bool) -> None:
        """Refuses what may not be armed.

        A policy begins near home, of what `sends`; a guard that is armed and waits for a person
        goes on.
        """
        source = self.inbox.sources.driving
        if source == HOME:
            raise GuardRefusal('the arm is on its way home; wait, or disarm first')
        position = self._leadable(state, now, sends)
        if self.policy_heard_first and source == POLICY and not self.inbox.sources.speaks(now):
            raise GuardRefusal(
                'no policy asks for anything: it is not active, or a camera or the joints are '
                'silent (its status says which); mend that, then arm'
            )
        away = self.homing.away(position) if sends else ''
        if away and source == POLICY and not self.arming.begun:
            raise GuardRefusal(f'{away}: call home, or bring the arm there by hand, then arm')

    def home(self, state: GuardMemory, now: float, sends: bool) -> None:
        """Refuses what may not move, or is armed."""
        if not sends:
            raise GuardRefusal('a dry run moves nothing; bring the arm home by hand')
        if self.inbox.switches(0.0).armed:
            raise GuardRefusal('the guard is armed; disarm it first')
        self._leadable(state, now, sends)

    def reset(self, now: float) -> None:
        """Refuses to reset while an e-stop is silent or pressed."""
        if silent := self.inbox.silent_estops(now):
            raise GuardRefusal(f"no e-stop speaks on '{silent[0]}'; start it, then reset")
        if pressed := self.inbox.pressed_estops():
            raise GuardRefusal(
                f"the e-stop on '{pressed[0]}' is still pressed, as far as it has said; "
                'let it go (if several spoke there: leave one, press it, let it go), then reset'
            )

    def fit(self, state: GuardMemory, now: float) -> tuple[float, ...]:
        """Returns the joints' positions (n,) [rad]; refuses if nothing could lead the arm."""
        newest, now = self._heard(now)
        if not self.inbox.switches(now).active:
            raise GuardRefusal('the guard is not active; activate it first')
        arm(state)  # refuses what is latched
        if silent := self.inbox.silent_estops(now):
            raise GuardRefusal(f"no e-stop speaks on '{silent[0]}'; start it first")
        joints = JointIntake(interval=state.joints.interval)
        joints = take_joints(self.config, self.limits, joints, newest, now)
        trouble = joints_trouble(self.config, joints, now)
        if trouble or joints.position is None:
            remedy = BUSY if self.simulated and trouble == 'joints_stale' else JOINTS
            raise GuardRefusal(f'{REASONS[trouble]} ({trouble}); {remedy}')
        return joints.position

    def _leadable(self, state: GuardMemory, now: float, sends: bool) -> tuple[float, ...]:
        """Returns the joints' positions (n,) [rad]; refuses if it cannot be led from there."""
        position = self.fit(state, now)
        if sends and not self.arming.begins:
            raise GuardRefusal(NEW)
        _, now = self._heard(now)
        apart = self.leader.apart(position, now) if self.leader and sends else ''
        if apart:
            raise GuardRefusal(apart)
        return position

    def _heard(self, now: float) -> tuple[Measured | None, float]:
        """Returns the newest joint state, and `now` [s] or when it came if that is later."""
        newest = self.inbox.joints
        return newest, max(now, newest.received if newest else 0.0)
