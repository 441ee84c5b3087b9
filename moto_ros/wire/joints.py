"""Joint messages to arrays and back, mapped by name and never by index.

In: sensor_msgs/JointState. Out: float64 arrays in the wanted order, and the messages of commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from moto_core.errors import ObservationError
from moto_core.guard.brake import TrajectoryPoint
from moto_ros.wire.convert import to_time


def pick(message: JointState, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Returns position and velocity (n,) of the named joints; absent velocities are zero.

    Raises ObservationError for a missing or repeated name, or columns of another length.
    """
    index = {name: i for i, name in enumerate(message.name)}
    missing = [name for name in names if name not in index]
    if missing or len(index) != len(message.name):
        problem = f'lack {missing}' if missing else f'repeat a name: {list(message.name)}'
        raise ObservationError(f'joint states {problem}; expected each of {list(names)} once')
    rows = [index[name] for name in names]
    columns = []
    for label, values in (('position', message.position), ('velocity', message.velocity)):
        column = np.asarray(values, np.float64)
        if label == 'velocity' and not column.size:
            column = np.zeros(len(message.name))
        if column.size != len(message.name):
            raise ObservationError(
                f'joint states hold {len(message.name)} names and '
                f'{column.size} {label} values; expected as many'
            )
        columns.append(column[rows])
    return columns[0], columns[1]


def joint_state(
    names: Iterable[str], stamp: int, velocity: np.ndarray, position: np.ndarray | None = None
) -> JointState:
    """Returns a message of (n,) velocity [rad/s, m/s] and position [rad, m], stamped [ns].

    Its frame_id is empty: joint values lie in no frame.
    """
    message = JointState(name=list(names), velocity=velocity.tolist())
    if position is not None:
        message.position = position.tolist()
    message.header.stamp = to_time(stamp)
    return message


def velocity_array(velocity: np.ndarray) -> Float64MultiArray:
    """Returns the command message of joint velocities (n,) [rad/s] or finger velocities [m/s]."""
    return Float64MultiArray(data=velocity.tolist())


def trajectory(names: Sequence[str], points: Iterable[TrajectoryPoint]) -> JointTrajectory:
    """Returns the message of a trajectory; without a stamp it begins at its receipt."""
    message = JointTrajectory(joint_names=list(names))
    for seconds, position, velocity, acceleration in points:
        point = JointTrajectoryPoint(
            positions=position, velocities=velocity, accelerations=acceleration
        )
        whole, rest = divmod(round(seconds * 1e9), 1_000_000_000)
        point.time_from_start.sec, point.time_from_start.nanosec = whole, rest
        message.points.append(point)
    return message


def trajectory_points(
    message: JointTrajectory, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns times (k,) [s] and velocities (k, n) [rad/s] of a trajectory in the named order.

    Raises ObservationError for other names, or a point without velocities.
    """
    if sorted(message.joint_names) != sorted(names):
        raise ObservationError(
            f'trajectory is for {list(message.joint_names)}; expected {list(names)}'
        )
    rows = [list(message.joint_names).index(name) for name in names]
    if not message.points or any(len(p.velocities) != len(names) for p in message.points):
        raise ObservationError(
            f'trajectory has {len(message.points)} points; expected at least '
            f'one, each with {len(names)} velocities'
        )
    times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points]
    return np.array(times), np.array([p.velocities for p in message.points])[:, rows]
