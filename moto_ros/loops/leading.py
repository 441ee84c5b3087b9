"""When the arm is led along a reference: its beginning, its going on, its end.

    RUNNING, the joints stand -> a reference begins some time ahead (beginning.py), sent once
    a tick                    -> one more knot
    at rest for a moment      -> it is left, and its stop runs out

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
from moto_ros.loops.beginning import BLEND, Beginning

TRANSPORT = 0.012  # [s] of the delay that messages may take, one that is lost among them
STANDS = 0.05  # [s] beyond the delay after which an arm that is told to rest does
IDLE = 0.5  # [s] at rest after which the next motion has a beginning of its own


class Leader:
    """One arm's references, one after the other."""

    def __init__(self, limits: Limits, tick: float, delay: float) -> None:
        """Takes the time of a tick and the delay of trajectories [s]."""
        self.limits, self.tick, self.delay = limits, tick, delay
        self.beginning = Beginning(limits, delay - TRANSPORT - tick)
        self.reference: Reference | None = None  # from the first RUNNING until the arm rests
        self.idle = False  # RUNNING, and nothing has been asked of the arm for a while
        self.free = -np.inf  # [s] when what was sent has come to its end
        self.sent_until = -np.inf  # [s] when the last message that was sent ends
        self._begins = 0.0  # [s] the first knot's time
        self._blended = False  # the beginning of the reference is sent

    def take_over(self, before: Leader) -> None:
        """Keeps where the leader before it led the same joints last."""
        if before.limits.joints == self.limits.joints:
            self.beginning.led = before.beginning.led

    def waits(self, now: float) -> bool:
        """Says whether the arm is not led yet: it stands until its controller has caught up."""
        return self.reference is None or now < self._begins + self.delay + TRANSPORT

    def lead(
        self,
        state: GuardMemory,
        velocity: np.ndarray,
        measured: Measured | None,
        moved: bool,
        sends: bool,
        now: float,
    ) -> str:
        """Goes on with the reference, begins one, or ends it.

        One that rests is left until the arm is to be `moved`: a controller that is activated anew
        meanwhile holds the arm elsewhere. Returns the reason of a fault, '' for none: what
        `sends` begins only near where the arm was led last.
        """
        position, rest = state.joints.position, state.rest_since
        running = state.mode == RUNNING
        self.beginning.see(state.joints)
        if self.reference is None:
            self.idle = self.idle and running and not moved
            if self.idle or not running or position is None or not self._stands(measured, now):
                return ''
            if sends and self.beginning.apart(position):
                return 'led_elsewhere'
            self._begin(position, sends, now)
            return ''
        if now > self.reference.newest + 0.5 * self.tick:
            self.reference.push(velocity)
        if rest is None or moved:
            return ''
        if running:
            self.idle = now - max(rest, self._begins) > self.delay + IDLE
        if self.idle or (not running and now - rest > self.delay + STANDS):
            self.leave()
        return ''

    def apart(self, position: tuple[float, ...], now: float) -> str:
        """Says why no reference may begin at the joints (n,) [rad]; '' if one may, or goes on."""
        led = self.reference is not None or now < self.free
        return '' if led else self.beginning.apart(position)

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
        message = self.reference.message()
        self.beginning.led = message[-1].position
        self.sent_until = message[-1].time + self.delay
        return message

    def _begin(self, position: tuple[float, ...], sends: bool, now: float) -> None:
        """Begins a reference; one that is only shown, at the joints (n,) [rad]."""
        place, blend = np.array(position, np.float64), BLEND
        if sends:
            place, blend = self.beginning.place(position), self.beginning.blend(position)
        self._begins, self._blended = now + blend, False
        self.reference = Reference(self.limits, self.tick, self.delay, self._begins, place)

    def _stands(self, measured: Measured | None, now: float) -> bool:
        """Says whether the arm stands, by what was sent and by its joints."""
        return measured is not None and now >= self.free and self.beginning.stands(measured)


def timed(config: GuardConfig, delay: float) -> GuardConfig:
    """Returns the settings of a guard whose ticks are nominal; raises ConfigError if none are."""
    gap, least = delay - TRANSPORT, TRANSPORT + 3.0 * config.tick
    if delay < least:
        raise ConfigError(
            f'command.delay is {delay} s; at {config.rate:g} Hz (guard.rate) expected at least '
            f'{least:g} s: {TRANSPORT} s for messages and three ticks'
        )
    return replace(config, gap=gap, future=max(config.future, gap))
