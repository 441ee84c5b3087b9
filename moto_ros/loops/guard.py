"""What the guard's node carries, without ROS: the newest messages, the switches, the counts.

    request, joints, deadman, e-stop -> ArmGuard.tick -> guard_step (pure) -> GuardOutput
                                                      -> Reference -> knots of a trajectory

In: converted messages, the steady clock [s]. Out: what the last tick let out, and in how many
decisions each reason had a part. In trajectory mode ticks are exactly as long as they should be:
called late, it makes those that are due. Called so late that the controller may have begun the
stop of its last message, it lets that end, and begins anew from where the joints say they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.brake import Knot
from moto_core.guard.guard import arm, guard_step, latch_fault, reset_fault
from moto_core.guard.limits import RobotConfig, resolve
from moto_core.guard.reference import Reference
from moto_core.guard.state import (
    ESTOP,
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardMemory,
    GuardOutput,
    GuardRefusal,
    Measured,
    Request,
    Switches,
    initial_state,
)

LATE = 1.5  # ticks without a tick: one was late
TRANSPORT = 0.012  # [s] of the delay that messages may take, one that is lost among them
STILL = 0.05  # [rad/s] below which measured joints stand
STANDS = 0.05  # [s] beyond the delay after which an arm that is told to rest does
ZEROS = 25  # ticks of a halt at rest: a last message alone may be lost
REST = 2.0  # [s] of a halt at most
FAR = 0.1  # [rad] from where it is led that a joint may be, or the margin if that is less
FROZEN_WAY, FROZEN_TIME = 0.02, 0.2  # [rad], [s] told to move without any joint's number changing
BLEND = 0.2  # [s] in which a controller goes from where it holds the arm to where it is measured


class ArmGuard:
    """One arm's guard between its ticks."""

    def __init__(
        self,
        robot: RobotConfig,
        profile: str,
        config: GuardConfig,
        delay: float = 0.0,
        before: ArmGuard | None = None,
    ) -> None:
        """Takes the `delay` [s] of trajectories; 0: the arm follows velocities, and has none.

        What is latched in the guard `before` stays so. Raises ConfigError for an unknown profile.
        """
        self.spec, self.limits, self.delay = robot.spec, resolve(robot, profile), delay
        self.config = _timed(config, delay) if delay else config
        self._far = min(FAR, self.limits.margin)  # [rad]
        self.state = initial_state(config)
        if before is not None and before.state.mode in (FAULT, ESTOP):
            self.state = replace(self.state, mode=before.state.mode, cause=before.state.cause)
        self.sends = True  # what it lets out: else the arm does not move, and need not
        self.output: GuardOutput | None = None
        self.reference: Reference | None = None  # from the first RUNNING until the arm rests
        self.interventions: Counter[str] = Counter()  # reason: decisions that it had a part in
        self.ticks, self.late = 0, 0
        self._time: float | None = None  # [s] of the last tick
        self._free = -np.inf  # [s] when what was sent has come to its end
        self._request: Request | None = None
        self._measured: Measured | None = None
        self._switches = Switches(active=False, armed=False)
        self._done: dict[str, int] = {}  # what repeats: the tick of its last time
        self._begins = 0.0  # [s] the first knot's time
        self._blended = False  # the beginning of the reference is sent
        self._key: tuple[float, float] | None = None  # of the newest joint state
        self._seen: tuple[float, ...] | None = None  # (n,) [rad] the measured joints
        self._seen_at = self._unseen = 0.0  # [s] since when, [rad] told to go since
        self._pulse = False  # e-stop by service: once is enough, it latches
        self._reasons: set[str] = set()  # since the newest request

    def request(
        self, names: Sequence[str], velocity: Sequence[float], age: float | None, now: float
    ) -> None:
        """Takes a request (A,) [rad/s, m/s] whose observation is `age` [s] old, None: unknown."""
        if self.state.mode in (RUNNING, HOLD):
            self.interventions.update(self._reasons)
        self._reasons.clear()
        stamp = 0.0 if age is None else now - age
        self._request = Request(
            names=tuple(names), velocity=np.array(velocity, np.float64), stamp=stamp, received=now
        )

    def measured(
        self,
        names: Sequence[str],
        position: Sequence[float],
        velocity: Sequence[float],
        age: float | None,
        now: float,
    ) -> None:
        """Takes joint states [rad], [rad/s] that are `age` [s] old.

        A disarmed arm has no past: a hand may move it, a simulator reset it.
        """
        if self.state.mode == READY:
            self.state = replace(self.state, joints=self.state.joints._replace(position=None))
        stamp = now if age is None else now - age
        self._measured = Measured(
            names=tuple(names),
            position=np.array(position, np.float64),
            velocity=np.array(velocity, np.float64),
            stamp=stamp,
            received=now,
        )

    def deadman(self, pressed: bool, now: float) -> None:
        """Takes the deadman button's state."""
        self._switches = self._switches._replace(deadman=now if pressed else None)

    def estop(self, pressed: bool) -> None:
        """Takes the e-stop's state; while it is pressed no reset is possible."""
        self._switches = self._switches._replace(estop=pressed)

    def stop(self) -> str:
        """Stops at once, latched."""
        self._pulse = True
        return 'stopped'

    def activate(self, active: bool) -> None:
        """Follows the life cycle; a deactivation disarms."""
        self._switches = self._switches._replace(active=active, armed=False)

    def arm(self) -> str:
        """Lets requests made from now on move the arm; raises GuardRefusal if it may not."""
        if not self._switches.active:
            raise GuardRefusal('the guard is not active; activate it first')
        self.state = arm(self.state)
        self._switches = self._switches._replace(armed=True)
        return 'armed'

    def disarm(self) -> str:
        """Brakes, and lets nothing move the arm."""
        self._switches = self._switches._replace(armed=False)
        return 'disarmed'

    def reset_fault(self) -> str:
        """Ends a fault or an e-stop, disarmed; raises GuardRefusal while its cause is there."""
        self.state = reset_fault(self.state, self._switches)
        return self.disarm()

    def fault(self, reason: str) -> None:
        """Latches a fault seen elsewhere."""
        self.state = latch_fault(self.state, reason)

    def tick(self, now: float) -> GuardOutput | None:
        """Makes the ticks that are due at `now` [s]; returns what the last of them let out.

        None if none is due yet. An arm that follows velocities has one tick a call.
        """
        tick = self.config.tick
        if self._time is None:
            self._time = now - (1.5 if self.delay else 1.0) * tick  # ticks lie between the calls
        behind = now - self._time
        self.late += behind > (LATE + 0.5 if self.delay else LATE) * tick
        if not self.delay:
            return self._tick(now)
        if behind > self.config.gap:
            return self._tick_after_gap(now)
        made = None
        while self._time + tick <= now:
            made = self._tick(self._time + tick)
        return made

    def due(self, what: str, rate: float) -> bool:
        """Says whether something is due at a rate [Hz], by the ticks since it was said to be.

        A late call makes several ticks, of which none may be missed.
        """
        last = self._done.get(what)
        if last is not None and self.ticks - last < round(self.config.rate / rate):
            return False
        self._done[what] = self.ticks
        return True

    def trajectory(self, rate: float) -> list[Knot]:
        """Returns the knots of a trajectory to follow `delay` after their times, ending at rest.

        Empty if none is due at `rate` [Hz], or the arm is not led: nothing is sent before the
        first RUNNING, nor to an arm that stands in any other mode. The beginning is sent once:
        each message whose first point is still ahead has a controller of ros2_control begin anew,
        from a state that is one of its periods old.
        """
        if self.reference is None or self._time is None:
            return []
        ahead = self._time < self._begins + self.delay
        if (ahead and self._blended) or not (ahead or self.due('trajectory', rate)):
            return []
        self._blended = True
        return self.reference.message()

    def halt(self, clock: Callable[[], float], publish: Callable[[GuardOutput], object]) -> None:
        """Brings the arm to rest, ticking by itself, and returns once it has stood for a moment.

        `clock` waits for the next tick and returns its time [s]. If a tick or `publish` fails, a
        trajectory runs out by itself, and velocities fall to zero at the profile's brake.
        """
        self.activate(False)
        now = clock()
        end, quiet = now + REST, 0
        try:
            while quiet < ZEROS and now < end:
                output = self.tick(now)
                if output is not None:
                    publish(output)
                    quiet += self.resting
                now = clock()
        except Exception:  # noqa: BLE001  whatever it is, the arm stops
            self._run_out(clock, publish)

    @property
    def resting(self) -> bool:
        """Says whether nothing moves the arm, nor will what was sent."""
        ended = self._time is None or self._time >= self._free
        return self.state.at_rest and self.reference is None and ended

    @property
    def faulted(self) -> bool:
        """Says whether a fault is latched."""
        return self.state.mode == FAULT

    def _run_out(
        self, clock: Callable[[], float], publish: Callable[[GuardOutput], object]
    ) -> None:
        if self.reference is not None:  # what was sent ends at rest: nothing may replace it
            end = self.reference.ends + self.delay
            while clock() < end:
                pass
            return
        output, left = self.output, ZEROS
        while output is not None and left:
            change = self.limits.brake * self.config.tick
            slower = np.sign(output.velocity) * np.maximum(np.abs(output.velocity) - change, 0.0)
            output = output._replace(velocity=slower, publish=True)
            left -= not slower.any()
            try:
                publish(output)
            except Exception:  # noqa: BLE001  nothing reaches the arm any more
                return
            clock()

    def _tick_after_gap(self, now: float) -> GuardOutput:
        """Makes one tick in place of those that did not come.

        An arm that follows trajectories stops by itself, along the end of one that it got.
        """
        if self.reference is not None:
            rest = (0.0,) * self.limits.size
            self.state = replace(self.state, velocity=rest, acceleration=rest)
            self._leave()
        return self._tick(now - 0.5 * self.config.tick)  # between the calls

    def _tick(self, now: float) -> GuardOutput:
        self._time = now
        switches = self._switches._replace(estop=self._switches.estop or self._pulse)
        self._pulse = False
        before, waits = self.state, bool(self.delay) and self._waits(now)
        self.output, self.state = guard_step(
            self.config,
            self.limits,
            self.spec,
            before,
            self._request,
            self._measured,
            switches,
            now,
        )
        if waits and self.state.mode == RUNNING:
            self._stand(before, now)
        self.ticks += 1
        self._reasons.update(self.output.reasons)
        if self.delay:
            self._lead(self.output, now)
        if self.sends:
            self._compare(self.output, now)
        return self.output

    def _stand(self, before: GuardMemory, now: float) -> None:
        """Lets nothing of a request out: the arm is not led yet."""
        assert self.output is not None
        rest = (0.0,) * self.limits.size
        since = now if before.rest_since is None else before.rest_since
        self.state = replace(self.state, velocity=rest, acceleration=rest, rest_since=since)
        heard = [one for one in self.output.reasons if one.startswith(('request', 'joints'))]
        reasons = ('beginning', *heard)
        self.output = self.output._replace(velocity=np.array(rest), reasons=reasons)

    def _compare(self, output: GuardOutput, now: float) -> None:
        """Latches a fault if new joint states say that the arm does not go where it is told to."""
        joints = self.state.joints
        new, self._key = joints.key != self._key, joints.key
        self._unseen += float(np.abs(output.velocity).max()) * self.config.tick
        if joints.position != self._seen or self.state.at_rest:
            self._seen, self._seen_at, self._unseen = joints.position, now, 0.0
        if not new or joints.position is None:
            return
        if self._unseen > FROZEN_WAY and now - self._seen_at > FROZEN_TIME:
            self.fault('joints_frozen')
        if self.reference is not None:
            led = self.reference.at(joints.stamp - self.delay).position
            if np.abs(led - joints.position).max() > self._far:
                self.fault('following_error')

    def _waits(self, now: float) -> bool:
        """Says whether the arm is not led yet: it stands until its controller has caught up."""
        return self.reference is None or now < self._begins + self.delay + TRANSPORT

    def _lead(self, output: GuardOutput, now: float) -> None:
        """Goes on with the reference, begins one at the measured joints, or ends it."""
        joints, rest = self.state.joints.position, self.state.rest_since
        if self.reference is None:
            if output.state == RUNNING and joints is not None and self._stands(now):
                self._begins, self._blended = now + BLEND, False
                self.reference = Reference(
                    self.limits, self.config.tick, self.delay, self._begins, np.array(joints)
                )
            return
        if now > self.reference.newest + 0.5 * self.config.tick:
            self.reference.push(output.velocity)
        stands = rest is not None and now - rest > self.delay + STANDS
        if stands and output.state != RUNNING:
            self._leave()

    def _leave(self) -> None:
        """Sends no more of the reference; its stop runs out."""
        assert self.reference is not None
        self._free = self.reference.ends + self.delay + STANDS
        self.reference = None

    def _stands(self, now: float) -> bool:
        """Says whether the arm stands, by what was sent and by its joints."""
        assert self._measured is not None
        speeds = dict(zip(self._measured.names, self._measured.velocity.tolist()))
        still = [abs(speeds.get(joint, 0.0)) < STILL for joint in self.limits.joints]
        return now >= self._free and all(still)


def _timed(config: GuardConfig, delay: float) -> GuardConfig:
    """Returns the settings of a guard whose ticks are nominal; raises ConfigError if none are."""
    gap, least = delay - TRANSPORT, TRANSPORT + 3.0 * config.tick
    if delay < least:
        raise ConfigError(
            f'command.delay is {delay} s; at {config.rate:g} Hz (guard.rate) expected at least '
            f'{least:g} s: {TRANSPORT} s for messages and three ticks'
        )
    return replace(config, gap=gap, future=max(config.future, gap))
