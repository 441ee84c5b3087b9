"""Where the guard leads the arm in trajectory mode: one curve of positions over time.

    guard_step at t_1, t_2, ...    one tick apart, each with a velocity
      -> knots at the same times   between them a cubic; what is left out there
      -> the stop after the last   (brake.py), until another knot takes its place

In: one velocity a tick, of ticks that are exactly as long. Out: knots, each to be passed `delay`
after its time. A message holds the knots of the last moments and the stop, so that whatever
controller begins to follow it, at whatever moment of the delay, meets the same curve: messages may
come late, unevenly or not at all.

The velocities v_k of the ticks are averaged over a tick, which makes the acceleration a_k =
(v_k - v_(k-1)) / dt of the curve go linearly from knot to knot, with a jerk (a_(k+1) - a_k) / dt:

    v(t_k) = (v_(k-1) + v_k) / 2,  q(t_(k+1)) = q(t_k) + v(t_k) dt + (2 a_k + a_(k+1)) dt^2 / 6

So speed, acceleration and jerk of what the arm is told at any time are the guard's own.
"""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np

from moto_core.guard.brake import Knot, stop_from
from moto_core.guard.limits import Limits


class Reference:
    """The curve of one arm, from one rest to another."""

    def __init__(
        self, limits: Limits, tick: float, delay: float, time: float, position: np.ndarray
    ) -> None:
        """Begins at rest at `position` (n,) [rad] at a time [s]; both spans are in [s]."""
        self.limits, self.tick, self.delay = limits, tick, delay
        still = np.zeros(limits.size)
        position = np.array(position, np.float64)
        self._knots = [Knot(time=time, position=position, velocity=still, acceleration=still)]
        self._velocity = still  # of the last tick
        self._stop: list[Knot] | None = None
        self._kept = math.ceil(delay / tick) + 2  # knots that a message may meet

    @property
    def newest(self) -> float:
        """The time [s] of the last knot: the next tick is the one after it."""
        return self._knots[-1].time

    @property
    def ends(self) -> float:
        """The time [s] at which the stop is over; it is passed `delay` later."""
        return self.stop[-1].time

    @property
    def stop(self) -> list[Knot]:
        """The knots after the last tick's."""
        if self._stop is None:
            self._stop = stop_from(self.limits, self._knots[-1])
        return self._stop

    def push(self, velocity: np.ndarray) -> None:
        """Takes the velocity (n,) [rad/s] of the next tick."""
        last, dt = self._knots[-1], self.tick
        acceleration = (velocity - self._velocity) / dt
        change = (2.0 * last.acceleration + acceleration) * (dt * dt / 6.0)
        knot = Knot(
            time=last.time + dt,
            position=last.position + last.velocity * dt + change,
            velocity=0.5 * (self._velocity + velocity),
            acceleration=acceleration,
        )
        self._knots = [*self._knots[-self._kept :], knot]
        self._velocity, self._stop = np.array(velocity, np.float64), None

    def at(self, time: float) -> Knot:
        """Returns the motion at a time [s]: the first knot's before it, rest after the stop."""
        knots = self._knots if time < self.newest else self.message()
        place = bisect_right([knot.time for knot in knots], time)
        if place == 0:
            return knots[0]._replace(time=time)
        if place == len(knots):
            return knots[-1]._replace(time=time)
        return between(knots[place - 1], knots[place], time)

    def message(self) -> list[Knot]:
        """Returns knots of the last moments and of the stop; the last is at rest."""
        return [*self._knots, *self.stop]


def between(first: Knot, last: Knot, time: float) -> Knot:
    """Returns the motion at a time of the cubic from one knot to the next."""
    span, x = last.time - first.time, time - first.time
    mean = (last.position - first.position) / span
    second = (3.0 * mean - 2.0 * first.velocity - last.velocity) / span
    third = (first.velocity + last.velocity - 2.0 * mean) / (span * span)
    return Knot(
        time=time,
        position=first.position + x * (first.velocity + x * (second + x * third)),
        velocity=first.velocity + x * (2.0 * second + 3.0 * x * third),
        acceleration=2.0 * second + 6.0 * x * third,
    )
