"""Rule 8 of the guard in trajectory mode: every trajectory ends at rest.

    command in force (q, v, a) --horizon at v--> --Ruckig, brake and jerk--> rest

In: what the guard let out at this tick. Out: points for a JointTrajectory. A controller that hears
nothing more runs to the end of its last trajectory and stands still there, with nobody's help.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ruckig import ControlInterface, InputParameter, Result, Ruckig, Synchronization, Trajectory

from moto_core.errors import MotoError
from moto_core.guard.limits import Limits


class TrajectoryPoint(NamedTuple):
    """One point of a JointTrajectory, (n,) each."""

    time_from_start: float  # [s]
    position: list[float]  # [rad]
    velocity: list[float]  # [rad/s]
    acceleration: list[float]  # [rad/s^2]


def trajectory_to_rest(
    limits: Limits,
    position: Sequence[float],
    velocity: Sequence[float],
    acceleration: Sequence[float] | None = None,
    horizon: float = 0.04,
    interval: float = 0.02,
) -> list[TrajectoryPoint]:
    """Returns points that go on at `velocity` for `horizon` [s], then brake to rest.

    `position`, `velocity`, `acceleration` (n,) are the command in force: [rad], [rad/s],
    [rad/s^2] (None: 0). Points lie at most `interval` [s] apart, the first after the start; the
    last has velocity exactly 0. Joints stop along a line if that keeps clear of the position
    limits less the margin, else each as fast as it may; if even the horizon would lead outside,
    it is left out. Raises MotoError for non-finite numbers or wrong sizes.
    """
    n = limits.size
    start = [
        [float(x) for x in values]
        for values in (position, velocity, acceleration if acceleration is not None else [0.0] * n)
    ]
    if any(len(values) != n or not all(map(math.isfinite, values)) for values in start):
        raise MotoError(
            f'position, velocity, acceleration are {start}; expected {n} finite '
            'numbers each, the command that the guard let out'
        )
    if not (interval > 0.0 and horizon >= 0.0):
        raise MotoError(f'horizon {horizon} s and interval {interval} s; expected >= 0 and > 0')
    if not any(start[1]) and not any(start[2]):
        return [
            TrajectoryPoint(
                time_from_start=max(horizon, interval),
                position=start[0],
                velocity=[0.0] * n,
                acceleration=[0.0] * n,
            )
        ]
    for ahead in (horizon, 0.0):
        points, middle = _cruise(limits, start, ahead, interval)
        for together in (Synchronization.Phase, Synchronization.No):
            stop = _profile(limits, middle, [0.0] * n, together)
            if _inside(limits, start[0], stop):
                return points + _sample(stop, ahead, stop.duration, interval, rest=True)
    return points + _sample(stop, ahead, stop.duration, interval, rest=True)


def _cruise(
    limits: Limits, start: list[list[float]], horizon: float, interval: float
) -> tuple[list[TrajectoryPoint], list[list[float]]]:
    """The points of the horizon, and the motion at its end."""
    if not horizon:
        return [], start
    profile = _profile(limits, start, start[1], Synchronization.No)
    return (
        _sample(profile, 0.0, horizon, interval, rest=False),
        [list(values) for values in profile.at_time(horizon)],
    )


def _profile(
    limits: Limits, start: list[list[float]], target: list[float], together: Synchronization
) -> Trajectory:
    """The fastest change of velocity (n,) within brake and jerk."""
    n = limits.size
    wanted, profile = InputParameter(n), Trajectory(n)
    wanted.control_interface, wanted.synchronization = ControlInterface.Velocity, together
    wanted.current_position, wanted.current_velocity, wanted.current_acceleration = start
    wanted.target_velocity, wanted.target_acceleration = target, [0.0] * n
    wanted.max_acceleration, wanted.max_jerk = [limits.brake] * n, [limits.jerk] * n
    result = Ruckig(n).calculate(wanted, profile)
    if result not in (Result.Working, Result.Finished):
        raise MotoError(f'no braking profile from {start}: {result}')
    return profile


def _sample(
    profile: Trajectory, offset: float, duration: float, interval: float, rest: bool
) -> list[TrajectoryPoint]:
    """Points of a profile at equal distances, its start left out; (rest) its end made exact."""
    count = max(1, math.ceil(duration / interval - 1e-9))
    step = max(duration, 1e-3) / count  # an arm that nearly rests still gets a time > 0
    points = [_point(profile, offset, k * step) for k in range(1, count + 1)]
    if rest:
        still = [0.0] * len(points[-1].velocity)
        points[-1] = points[-1]._replace(velocity=still, acceleration=list(still))
    return points


def _point(profile: Trajectory, offset: float, time: float) -> TrajectoryPoint:
    position, velocity, acceleration = profile.at_time(time)
    return TrajectoryPoint(
        time_from_start=offset + time,
        position=list(position),
        velocity=list(velocity),
        acceleration=list(acceleration),
    )


def _inside(limits: Limits, start: list[float], stop: Trajectory) -> bool:
    """Says whether the end lies no further out than the margin, or than the start."""
    end = stop.at_time(stop.duration)[0]
    return all(
        min(row.low, q) - 1e-9 <= to <= max(row.high, q) + 1e-9
        for q, to, row in zip(start, end, limits.rows)
    )
