"""What the guard's node carries, without ROS: the newest messages, the switches, the counts.

    request, joints, deadman, e-stop -> GuardLoop.tick -> guard_step (pure) -> GuardOutput

In: converted messages, the steady clock [s]. Out: one GuardOutput a tick, trajectories that end at
rest, and in how many decisions each reason had a part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moto_core.guard.brake import TrajectoryPoint, trajectory_to_rest
from moto_core.guard.guard import arm, guard_step, latch_fault, reset_fault
from moto_core.guard.limits import RobotConfig, resolve
from moto_core.guard.state import (
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardOutput,
    GuardRefusal,
    Measured,
    Request,
    Switches,
    initial_state,
)

LEAD = 0.1  # [rad] a trajectory may lead the joints by
LATE = 1.5  # ticks without a tick: one was late


class GuardLoop:
    """One arm's guard between its ticks."""

    def __init__(self, robot: RobotConfig, profile: str, config: GuardConfig) -> None:
        """Raises ConfigError for an unknown profile."""
        self.spec, self.limits, self.config = robot.spec, resolve(robot, profile), config
        self.state = initial_state(config)
        self.output: GuardOutput | None = None
        self._reference: np.ndarray | None = None  # (n,) [rad] where the commands lead
        self.interventions: Counter[str] = Counter()  # reason: decisions that it had a part in
        self.ticks, self.late = 0, 0
        self._request: Request | None = None
        self._measured: Measured | None = None
        self._switches = Switches(active=False, armed=False)
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

    def tick(self, now: float) -> GuardOutput:
        """Returns the command of the tick at `now` [s]."""
        last = self.state.now
        self.late += last is not None and now - last > LATE * self.config.tick
        switches = self._switches._replace(estop=self._switches.estop or self._pulse)
        self._pulse = False
        self.output, self.state = guard_step(
            self.config,
            self.limits,
            self.spec,
            self.state,
            self._request,
            self._measured,
            switches,
            now,
        )
        self.ticks += 1
        self._reasons.update(self.output.reasons)
        self._integrate(self.output)
        return self.output

    def to_rest(self) -> list[TrajectoryPoint]:
        """Returns the last command as a trajectory that ends at rest; empty without joints."""
        if self._reference is None or self.output is None:
            return []
        return trajectory_to_rest(
            self.limits,
            self._reference.tolist(),
            self.output.velocity.tolist(),
            self.state.acceleration or None,
        )

    @property
    def faulted(self) -> bool:
        """Says whether a fault is latched."""
        return self.state.mode == FAULT

    def _integrate(self, output: GuardOutput) -> None:
        """Moves the reference by a tick, within LEAD of the measured joints and their limits."""
        if self.state.joints.position is None:
            return
        measured = np.array(self.state.joints.position)
        if self._reference is None or (self.state.at_rest and self.state.mode == READY):
            self._reference = measured
        ahead = self._reference + output.velocity * self.config.tick
        ahead = np.clip(ahead, measured - LEAD, measured + LEAD)
        inside = np.clip(ahead, self.limits.q_min, self.limits.q_max)
        self._reference = np.where(inside == ahead, ahead, measured)
