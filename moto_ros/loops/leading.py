"""When the arm is led along a reference: its beginning, its going on, its end.

    RUNNING, the joints stand -> a reference begins 0.2 s ahead at the joints, sent once
    a tick                    -> one more knot
    at rest, not RUNNING      -> it is left, and its stop runs out

In: the output of each tick. Out: the reference, and what a message holds of it. An arm that
follows velocities is not led.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.brake import Knot
from moto_core.guard.limits import Limits
from moto_core.guard.reference import Reference
from moto_core.guard.state import RUNNING, GuardConfig, GuardMemory, Measured

TRANSPORT = 0.012  # [s] of the delay that messages may take, one that is lost among them
STILL = 0.05  # [rad/s] below which measured joints stand
STANDS = 0.05  # [s] beyond the delay after which an arm that is told to rest does
BLEND = 0.2  # [s] in which a controller goes from where it holds the arm to where it is measured


class Leader:
    """One arm's references, one after the other."""

    def __init__(self, limits: Limits, tick: float, delay: float) -> None:
        """Takes the time of a tick and the delay of trajectories [s]."""
        self.limits, self.tick, self.delay = limits, tick, delay
        self.reference: Reference | None = None  # from the first RUNNING until the arm rests
        self.free = -np.inf  # [s] when what was sent has come to its end
        self._begins = 0.0  # [s] the first knot's time
        self._blended = False  # the beginning of the reference is sent

    def waits(self, now: float) -> bool:
        """Says whether the arm is not led yet: it stands until its controller has caught up."""
        return self.reference is None or now < self._begins + self.delay + TRANSPORT

    def lead(
        self, state: GuardMemory, velocity: np.ndarray, measured: Measured | None, now: float
    ) -> None:
        """Goes on with the reference, begins one at the measured joints, or ends it."""
        running, rest = state.mode == RUNNING, state.rest_since
        if self.reference is None:
            if running and self._stands(measured, now) and state.joints.position is not None:
                self._begins, self._blended = now + BLEND, False
                self.reference = Reference(
                    self.limits,
                    self.tick,
                    self.delay,
                    self._begins,
                    np.array(state.joints.position),
                )
            return
        if now > self.reference.newest + 0.5 * self.tick:
            self.reference.push(velocity)
        stands = rest is not None and now - rest > self.delay + STANDS
        if stands and not running:
            self.leave()

    def leave(self) -> None:
        """Sends no more of the reference; its stop runs out."""
        assert self.reference is not None
        self.free = self.reference.ends + self.delay + STANDS
        self.reference = None

    def message(self, now: float, due: Callable[[], bool]) -> list[Knot]:
        """Returns the knots of a trajectory to send at a tick; empty if it is not the time.

        The beginning is sent once: each message whose first point is still ahead has a controller
        of ros2_control begin anew, from a state that is one of its periods old. After it `due`
        decides.
        """
        if self.reference is None:
            return []
        if self._blended if now < self._begins + self.delay else not due():
            return []
        self._blended = True
        return self.reference.message()

    def _stands(self, measured: Measured | None, now: float) -> bool:
        """Says whether the arm stands, by what was sent and by its joints."""
        if measured is None or now < self.free:
            return False
        speeds = dict(zip(measured.names, measured.velocity.tolist()))
        return all(abs(speeds.get(joint, 0.0)) < STILL for joint in self.limits.joints)


def timed(config: GuardConfig, delay: float) -> GuardConfig:
    """Returns the settings of a guard whose ticks are nominal; raises ConfigError if none are."""
    gap, least = delay - TRANSPORT, TRANSPORT + 3.0 * config.tick
    if delay < least:
        raise ConfigError(
            f'command.delay is {delay} s; at {config.rate:g} Hz (guard.rate) expected at least '
            f'{least:g} s: {TRANSPORT} s for messages and three ticks'
        )
    return replace(config, gap=gap, future=max(config.future, gap))
