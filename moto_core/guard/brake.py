"""The stop that ends every trajectory: from any motion to rest, as the knots of a cubic curve.

    (q, v, a) --jerk: a to -brake--> --brake--> --jerk: a to 0--> rest

In: what the guard let out. Out: knots where the jerk changes. Between two of them the motion is
a cubic, so that a controller that interpolates positions and velocities by cubics, as a
JointTrajectoryController of ros2_control does, makes exactly this stop of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ruckig import (
    ControlInterface,
    InputParameter,
    Result,
    Ruckig,
    RuckigError,
    Synchronization,
    Trajectory,
)

from moto_core.errors import MotoError
from moto_core.guard.limits import Limits

LEAST = 2e-4  # [s] between two knots; what changes within it is one change
REST = 0.02  # [s] that a stop from rest lasts


class Knot(NamedTuple):
    """The motion at one time, (n,) each."""

    time: float  # [s]
    position: np.ndarray  # [rad]
    velocity: np.ndarray  # [rad/s]
    acceleration: np.ndarray  # [rad/s^2]


def stop_from(limits: Limits, start: Knot) -> list[Knot]:
    """Returns the knots of a stop after `start`, at brake and jerk; the last is at rest.

    Joints stop along a line if that is found and keeps clear of the position limits less the
    margin, else each as fast as it may. Raises MotoError for non-finite numbers or wrong sizes.
    """
    _check(limits, start)
    if not start.velocity.any() and not start.acceleration.any():
        return [start._replace(time=start.time + REST)]
    stop = _profile(limits, start, Synchronization.Phase)
    if stop is None or not _inside(limits, start, stop):
        stop = _profile(limits, start, Synchronization.No)
    if stop is None:
        raise MotoError(f'no braking profile from {start}')
    knots = [_knot(stop, start.time, time) for time in _changes(stop)]
    still = np.zeros(limits.size)
    return [*knots[:-1], knots[-1]._replace(velocity=still, acceleration=still)]


def _check(limits: Limits, start: Knot) -> None:
    values = (start.position, start.velocity, start.acceleration)
    if any(x.shape != (limits.size,) or not np.isfinite(x).all() for x in values):
        raise MotoError(
            f'position, velocity, acceleration are {[x.tolist() for x in values]}; expected '
            f'{limits.size} finite numbers each, what the guard let out'
        )


def _profile(limits: Limits, start: Knot, together: Synchronization) -> Trajectory | None:
    """The fastest change to rest within brake and jerk; None if ruckig finds none.

    Along a line it finds none for some motions of joints that differ by a rounding.
    """
    n = limits.size
    wanted, profile = InputParameter(n), Trajectory(n)
    wanted.control_interface, wanted.synchronization = ControlInterface.Velocity, together
    wanted.current_position = start.position.tolist()
    wanted.current_velocity = start.velocity.tolist()
    wanted.current_acceleration = start.acceleration.tolist()
    wanted.target_velocity = wanted.target_acceleration = [0.0] * n
    wanted.max_acceleration, wanted.max_jerk = [limits.brake] * n, [limits.jerk] * n
    try:
        result = Ruckig(n).calculate(wanted, profile)
    except RuckigError:
        return None
    return profile if result in (Result.Working, Result.Finished) else None


def _changes(stop: Trajectory) -> list[float]:
    """The times [s] at which the jerk of a joint changes, and the end, at least LEAST apart."""
    times = set()
    for joint in stop.profiles[0]:
        steps = [*joint.brake.t[:2], *joint.t]
        times.update(np.cumsum([step for step in steps if step > 0.0]).tolist())
    end = max(stop.duration, LEAST)
    found: list[float] = []
    for time in sorted(times):
        if time - (found[-1] if found else 0.0) >= LEAST and end - time >= LEAST:
            found.append(time)
    return [*found, end]


def _knot(stop: Trajectory, start: float, time: float) -> Knot:
    position, velocity, acceleration = map(np.array, stop.at_time(time))
    return Knot(time=start + time, position=position, velocity=velocity, acceleration=acceleration)


def _inside(limits: Limits, start: Knot, stop: Trajectory) -> bool:
    """Says whether the end lies no further out than the margin, or than the start."""
    end = stop.at_time(stop.duration)[0]
    return all(
        min(row.low, q) - 1e-9 <= to <= max(row.high, q) + 1e-9
        for q, to, row in zip(start.position, end, limits.rows)
    )
