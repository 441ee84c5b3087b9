"""The guard between its ticks: who may move the arm, and what each tick lets out.

    Inbox -> ArmGuard.tick -> guard_step (pure) -> GuardOutput -> Leader -> knots of a trajectory

In: the newest messages, the steady clock [s], what a person asks. Out: what the last tick let out.
Called so late that the controller may have begun the stop of its last message, it lets that end,
and begins anew from where the joints say they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from moto_core.guard.brake import Knot
from moto_core.guard.guard import arm, forget_requests, guard_step, latch_fault, reset_fault
from moto_core.guard.limits import RobotConfig, resolve
from moto_core.guard.reference import Reference
from moto_core.guard.state import (
    ESTOP,
    FAULT,
    READY,
    RUNNING,
    GuardConfig,
    GuardMemory,
    GuardOutput,
    GuardRefusal,
    Switches,
)
from moto_ros.loops.arming import Arming
from moto_ros.loops.following import FOLLOWING, Following
from moto_ros.loops.homing import Homing
from moto_ros.loops.inbox import Inbox
from moto_ros.loops.interventions import Interventions
from moto_ros.loops.leading import Leader, timed
from moto_ros.loops.pace import Pace
from moto_ros.loops.permission import Permission
from moto_ros.loops.sources import HOME, POLICY


@dataclass(frozen=True, kw_only=True)
class ArmSettings:
    """What one arm's guard is told beside its limits and the rules of every guard."""

    delay: float = 0.0  # [s] of trajectories; 0: the arm follows velocities, and has none
    home_tolerance: float = 0.1  # [rad] from home at which a policy may begin
    armed_timeout: float = 60.0  # [s] that it stays armed while nothing moves the arm
    estops: tuple[str, ...] = ()  # topics
    heartbeat: float = 0.0  # [s] within which each e-stop has to speak; 0: none has to
    record_required: bool = False  # nothing moves the arm that no recorder records
    policy_heard_first: bool = False  # a policy is armed only while it asks for something
    begins_by_word: bool = False  # a process moves nothing before begin_anew was called once
    simulated: bool = False  # a twin is led


class ArmGuard:
    """One arm's guard between its ticks."""

    def __init__(
        self,
        robot: RobotConfig,
        profile: str,
        config: GuardConfig,
        settings: ArmSettings = ArmSettings(),
        before: ArmGuard | None = None,
    ) -> None:
        """Keeps what is latched in the guard `before`, and where it led the arm last.

        Raises ConfigError for an unknown profile or a delay that is too short.
        """
        self.spec, self.limits, self.delay = robot.spec, resolve(robot, profile), settings.delay
        self.config = timed(config, self.delay) if self.delay else config
        self.state = GuardMemory()
        if before is not None and before.state.mode in (FAULT, ESTOP):
            self.state = replace(self.state, mode=before.state.mode, cause=before.state.cause)
        self.inbox: Inbox = Inbox(
            settings.estops,
            settings.heartbeat,
            settings.record_required,
            before=None if before is None else before.inbox,
        )
        self.homing = Homing(robot, settings.home_tolerance)
        self.sends = True  # what it lets out: else the arm does not move, and need not
        self.output: GuardOutput | None = None
        self.problem = ''  # why the last way home ended elsewhere
        self._arming = Arming(settings.armed_timeout)
        self._arming.begins = before._arming.begins if before else not settings.begins_by_word
        self._policy_stood = False  # the arm has rested since the policy drives
        self.interventions = Interventions()
        self.pace = Pace(self.config, nominal=bool(self.delay))
        self._leader = Leader(self.limits, self.config.tick, self.delay) if self.delay else None
        if self._leader and before is not None and before._leader:
            self._leader.take_over(before._leader)
        self._following = Following(self.limits.margin, self.config.tick)
        self._position: tuple[float, ...] | None = None  # (n,) [rad] last measured
        self._may = Permission(
            config=self.config,
            limits=self.limits,
            inbox=self.inbox,
            homing=self.homing,
            arming=self._arming,
            leader=self._leader,
            policy_heard_first=settings.policy_heard_first,
            simulated=settings.simulated,
        )

    def activate(self, active: bool) -> None:
        """Follows the life cycle; either way it disarms."""
        self.inbox.activate(active)
        self._arming.end()
        self._drive(self.inbox.sources.leave_home)

    def arm(self) -> str:
        """Lets requests made from now on move the arm; raises GuardRefusal if it may not.

        A policy begins near home. A guard that is armed and waits for a person goes on.
        """
        self._may.arm(self.state, self.pace.now, self.sends)
        return self._arm()

    @property
    def refusal(self) -> str:
        """Why it would not be armed now; '' if it would."""
        return _refusal(lambda: self._may.arm(self.state, self.pace.now, self.sends))

    @property
    def home_refusal(self) -> str:
        """Why it would not be led home now; '' if it would."""
        return _refusal(lambda: self._may.home(self.state, self.pace.now, self.sends))

    @property
    def unfit(self) -> str:
        """Why nothing could lead the arm now, wherever it stands; '' if something could."""
        return _refusal(lambda: self._may.fit(self.state, self.pace.now))

    def home(self) -> str:
        """Leads the arm home, then disarms; raises GuardRefusal if it may not move."""
        self._may.home(self.state, self.pace.now, self.sends)
        self._arm()
        self._drive(self.inbox.sources.go_home)
        self.homing.begin()
        self.problem = ''
        return 'on its way home'

    def intervene(self, on: bool) -> str:
        """Gives the arm to a person, or back to the policy.

        A policy that has not moved it yet gets it near home only: else the guard is disarmed.
        """
        if self.source == HOME:
            self.disarm()
        self._drive(lambda: self.inbox.sources.intervene(on))
        if self.state.armed and (away := self._away):
            return f'{self.disarm()}: the policy has not begun, and {away}'
        return f'{self.source} drives'

    def disarm(self) -> str:
        """Brakes, and lets nothing move the arm."""
        self.inbox.arm(False)
        self._arming.end()
        self.state = replace(self.state, armed=False)  # now: an arming may come before the tick
        self._drive(self.inbox.sources.leave_home)
        return 'disarmed'

    def reset_fault(self) -> str:
        """Ends a fault or an e-stop, disarmed; raises GuardRefusal while its cause is there."""
        self._may.reset(self.pace.now)
        self.state = reset_fault(self.state, self.inbox.switches(self.pace.now))
        return self.disarm()

    def begin_anew(self) -> str:
        """Hears that the controller holds the arm where its joints are.

        It was activated anew, or this process is the first since it was.

        Raises GuardRefusal while the guard is armed or the arm is led.
        """
        if self.state.armed or not self.resting:
            raise GuardRefusal('the arm is led; disarm it first, and let it come to rest')
        if self._leader is not None:
            self._leader.beginning.led = None
        self._arming.begins = True
        return 'the next trajectory begins at the joints'

    def fault(self, reason: str) -> None:
        """Latches a fault seen elsewhere."""
        self.state = latch_fault(self.state, reason)

    def tick(self, now: float) -> GuardOutput | None:
        """Makes the ticks that are due at `now` [s]; returns what the last of them let out.

        None if none is due yet. An arm that follows velocities has one tick a call.
        """
        if self.pace.gapped(now):
            self._leave()
        made = None
        for time in self.pace.times(now):
            made = self._tick(time)
        return made

    def trajectory(self, rate: float) -> list[Knot]:
        """Returns the knots of a trajectory to follow `delay` after their times, ending at rest.

        Empty if none is due at `rate` [Hz], or the arm is not led: nothing is sent before the
        first RUNNING, nor to an arm that stands in any other mode.
        """
        if self._leader is None or self.pace.time is None:
            return []
        return self._leader.message(self.pace.time, lambda: self.pace.due('trajectory', rate))

    @property
    def source(self) -> str:
        """Who drives: 'policy', 'teleop' or 'home'."""
        return self.inbox.sources.driving

    @property
    def reference(self) -> Reference | None:
        """Where the arm is led; None while it is not."""
        return self._leader.reference if self._leader else None

    @property
    def sent_until(self) -> float:
        """The time [s] at which the last trajectory that was sent is at its end."""
        return self._leader.sent_until if self._leader else -math.inf

    @property
    def resting(self) -> bool:
        """Says whether nothing moves the arm, nor will what was sent."""
        leader, now = self._leader, self.pace.time
        ended = leader is None or now is None or now >= leader.free
        return self.state.at_rest and self.reference is None and ended

    @property
    def faulted(self) -> bool:
        """Says whether a fault is latched."""
        return self.state.mode == FAULT

    @property
    def from_home(self) -> float:
        """How far [rad] the joint furthest from home is from it; NaN before it was measured."""
        return math.nan if self._position is None else self.homing.distance(self._position)

    @property
    def _away(self) -> str:
        """Says why the policy that drives may not begin where the arm is; '' if it may."""
        if self.source != POLICY or self._arming.begun or not self.sends or not self._position:
            return ''
        return self.homing.away(self._position)

    def _arm(self) -> str:
        self._arming.arm(not self.state.armed)
        self.state = arm(self.state)
        self.inbox.arm(True)
        return 'armed'

    def _drive(self, switch: Callable[[], None]) -> None:
        """Changes who drives; what was asked for before counts no longer."""
        before = self.source
        switch()
        if self.source != before:
            self.state = forget_requests(self.state)

    def _leave(self) -> None:
        """Lets what was sent end: an arm that follows trajectories stops by itself."""
        if self._leader is not None and self._leader.reference is not None:
            rest = (0.0,) * self.limits.size
            self.state = replace(self.state, velocity=rest, acceleration=rest)
            self._leader.leave()

    def _tick(self, now: float) -> GuardOutput:
        if self.source == HOME:
            self._ask_home(now)
        if self.inbox.silent_estops(now) and self.state.armed:
            self.fault('estop_silent')
        before = self._fresh_when_disarmed()
        waits = self._leader is not None and self._leader.waits(now)
        self.output, self.state = guard_step(
            self.config,
            self.limits,
            self.spec,
            before,
            self.inbox.sources.request,
            self.inbox.joints,
            self._switches(now),
            now,
        )
        self.inbox.forget_pulse()
        if self.state.mode == READY and self._arming.ended:
            reasons = (*self.output.reasons, self._arming.ended)
            self.output = self.output._replace(reasons=reasons)
        moved = bool(self.output.velocity.any())  # as far as it is asked for
        if self._leader is not None and self._leader.idle and not moved:
            waits = False
        if waits and self.state.mode == RUNNING:
            self._stand(before, now)
        asked = self.source != HOME
        self.interventions.see(self.output.reasons, before, self.state, asked)
        self._position = self.state.joints.position or self._position
        if self._leader is not None:
            step = self.state, self.output.velocity, self.inbox.joints
            if apart := self._leader.lead(*step, moved, self.sends, now):
                self.fault(apart)
        if self.sends:
            trouble = self._following.trouble(self.state, self.output, self.reference, now)
            if trouble:
                self.fault(trouble)
            if trouble == FOLLOWING:  # what comes back is not where the rest of it begins
                self._leave()
        self._follow_arming(now)
        if self.source == HOME:
            self._end_home(waits, now)
        return self.output

    def _switches(self, now: float) -> Switches:
        """What people and the life cycle say; a policy begins near home, whenever it was armed."""
        switches = self.inbox.switches(now)
        away = 'away_from_home' if self._away else ''
        return switches._replace(hold=switches.hold or away)

    def _follow_arming(self, now: float) -> None:
        """Notes that a policy moves the arm, and disarms once nothing has moved it for long."""
        moves = self.state.mode == RUNNING and not self.state.at_rest
        if self.source != POLICY:
            self._policy_stood = False
        elif self.state.at_rest:
            self._policy_stood = True
        elif moves and self._policy_stood:  # else it coasts from a person's motion
            self._arming.begin()
        if self._arming.over(self.state, moves, now):
            self.disarm()

    def _fresh_when_disarmed(self) -> GuardMemory:
        """The state, without a past if disarmed: a hand may move the arm, a simulator reset it."""
        joints, newest = self.state.joints, self.inbox.joints
        if self.state.mode != READY or newest is None:
            return self.state
        if (newest.received, newest.stamp) == joints.key:
            return self.state
        return replace(self.state, joints=joints._replace(position=None))

    def _stand(self, before: GuardMemory, now: float) -> None:
        """Lets nothing of a request out: the arm is not led yet."""
        assert self.output is not None
        rest = (0.0,) * self.limits.size
        since = now if before.rest_since is None else before.rest_since
        self.state = replace(self.state, velocity=rest, acceleration=rest, rest_since=since)
        heard = [one for one in self.output.reasons if one.startswith(('request', 'joints'))]
        still = np.zeros_like(self.output.gripper)
        self.output = self.output._replace(
            velocity=np.array(rest), gripper=still, reasons=('beginning', *heard)
        )

    def _ask_home(self, now: float) -> None:
        """Asks for the velocity that leads home, of the joints that were measured last."""
        joints = self.state.joints
        if joints.position is None:
            return
        velocity = self.homing.velocity(joints.position)
        wanted = [*velocity, *(0.0 for _ in self.spec.gripper)]
        self.inbox.request(self.spec.names, wanted, now - joints.stamp, now, source=HOME)

    def _end_home(self, waits: bool, now: float) -> None:
        """Disarms once the arm is home, gets no further, or may not move any more."""
        if not self.state.armed:
            self._drive(self.inbox.sources.leave_home)
            return
        held = waits or self.state.mode != RUNNING
        if self._position is None or not self.homing.over(self._position, held, now):
            return
        away = self.homing.away(self._position)
        self.problem = f'the way home ended early: {away}' if away else ''
        self.disarm()


def _refusal(asks: Callable[[], object]) -> str:
    """Returns what a question is refused with; '' if it is not."""
    try:
        asks()
    except GuardRefusal as refusal:
        return str(refusal)
    return ''
