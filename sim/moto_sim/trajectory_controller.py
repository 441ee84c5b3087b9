"""What a ros2_control JointTrajectoryController makes of trajectories, computed at its own rate.

In: messages as points in time; its clock. Out: the positions that it sends to the drives. From its
sources (Jazzy), with `interpolate_from_desired_state`: a new message begins at the last command;
between two points, and from the last command to a first point that is still ahead, it
interpolates by a cubic through positions and velocities; after the last point it stands there. It
sends what lies one period ahead. A message that has ended already is refused.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TINY = float(np.finfo(np.float32).eps)  # [rad/s] that a last point may still move


class Points(NamedTuple):
    """A trajectory."""

    times: np.ndarray  # (k,) [s] on the controller's clock
    positions: np.ndarray  # (k, n) [rad]
    velocities: np.ndarray  # (k, n) [rad/s]


class TrajectoryController:
    """One arm's controller."""

    def __init__(self, position: np.ndarray, period: float = 0.001) -> None:
        """Stands at `position` (n,) [rad] until a message comes; `period` in [s]."""
        self.period = period
        self.position = np.array(position, np.float64)
        self.velocity = np.zeros_like(self.position)
        self._points: Points | None = None
        self._begun = False
        self._time = 0.0  # on the trajectory
        self._commanded: float | None = None  # [s] when the last command was made

    def receive(self, points: Points, now: float) -> str:
        """Takes a trajectory in place of the last; returns why it is refused, '' if it is not."""
        refused = refusal(points, now)
        if not refused:
            self._points, self._begun = points, False
        return refused

    def update(self, now: float) -> tuple[np.ndarray, np.ndarray]:
        """Returns position [rad] and velocity [rad/s] (n,) of the command at `now` [s]."""
        if self._points is None:
            return self.position, self.velocity
        if not self._begun:
            at = now if self._commanded is None else self._commanded
            self._before = at, self.position, self.velocity
            self._begun, self._time = True, now
        else:
            self._time += self.period
        self.position, self.velocity = self._sample(self._time + self.period)
        self._commanded = now
        return self.position, self.velocity

    def _sample(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        assert self._points is not None
        times, positions, velocities = self._points
        place = int(np.searchsorted(times, time, side='right'))
        if place == len(times):
            return positions[-1], velocities[-1]
        end = times[place], positions[place], velocities[place]
        if not place:
            return cubic(self._before, end, time)
        return cubic((times[place - 1], positions[place - 1], velocities[place - 1]), end, time)


def refusal(points: Points, now: float) -> str:
    """Returns why a controller does not take a trajectory at a time [s]; '' if it does."""
    if not len(points.times):
        return 'it has no points'
    if not all(np.isfinite(values).all() for values in points):
        return 'it holds numbers that are not finite'
    if (np.diff(points.times) <= 0.0).any():
        return 'its times do not increase'
    if np.abs(points.velocities[-1]).max() > TINY:
        return f'it ends at a velocity of {points.velocities[-1].tolist()} rad/s'
    if points.times[-1] < now:
        return f'it ended {now - points.times[-1]:.3f} s ago'
    return ''


def cubic(
    first: tuple[float, np.ndarray, np.ndarray],
    last: tuple[float, np.ndarray, np.ndarray],
    time: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns position and velocity at a time between two (time, position, velocity).

    The controller's own arithmetic, apart from the guard's: one is held against the other.
    """
    span, x = last[0] - first[0], time - first[0]
    mean = (last[1] - first[1]) / span
    second = (3.0 * mean - 2.0 * first[2] - last[2]) / span
    third = (first[2] + last[2] - 2.0 * mean) / (span * span)
    position = first[1] + x * (first[2] + x * (second + x * third))
    return position, first[2] + x * (2.0 * second + 3.0 * x * third)
