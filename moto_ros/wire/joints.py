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
from moto_core.guard.brake import Knot
from moto_ros.wire.convert import to_ns, to_time

SPEED_SCALE = 'speed_scale'  # in a request, beside the joints: its velocity is rule 7's scale


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


def request(names: Iterable[str], stamp: int, velocity: np.ndarray, scale: float) -> JointState:
    """Returns a request of (n,) velocity [rad/s, m/s], and the scale in [0, 1] of its speed."""
    return joint_state([*names, SPEED_SCALE], stamp, np.append(velocity, scale))


def asked(message: JointState) -> tuple[list[str], list[float], float]:
    """Returns names, velocities and speed scale of a request; 1 where none is with it.

    A message whose columns differ in length, or with two scales, comes back as it is, for the
    guard to refuse.
    """
    names, velocity = list(message.name), list(message.velocity)
    if len(names) != len(velocity) or names.count(SPEED_SCALE) != 1:
        return names, velocity, 1.0
    place = names.index(SPEED_SCALE)
    names.pop(place)
    return names, velocity, velocity.pop(place)


def velocity_array(velocity: np.ndarray) -> Float64MultiArray:
    """Returns the command message of joint velocities (n,) [rad/s] or finger velocities [m/s]."""
    return Float64MultiArray(data=velocity.tolist())


def trajectory(names: Sequence[str], knots: Sequence[Knot], ahead: int) -> JointTrajectory:
    """Returns the message of a trajectory to be followed `ahead` [ns] after its times [s].

    It is stamped with the time of its first point. Accelerations are left out, so that a
    controller interpolates by cubics, which the knots are made for.
    """
    message = JointTrajectory(joint_names=list(names))
    first = knots[0].time
    message.header.stamp = to_time(round(first * 1e9) + ahead)
    for knot in knots:
        point = JointTrajectoryPoint(
            positions=knot.position.tolist(), velocities=knot.velocity.tolist()
        )
        whole, rest = divmod(round((knot.time - first) * 1e9), 1_000_000_000)
        point.time_from_start.sec, point.time_from_start.nanosec = whole, rest
        message.points.append(point)
    return message


def trajectory_points(
    message: JointTrajectory, names: Sequence[str], received: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ROS times (k,) [s], positions and velocities (k, n) in the named order.

    A message without a stamp begins when it is `received` [s]. Raises ObservationError for other
    names, or a point without positions or velocities.
    """
    if sorted(message.joint_names) != sorted(names):
        raise ObservationError(
            f'trajectory is for {list(message.joint_names)}; expected {list(names)}'
        )
    rows = [list(message.joint_names).index(name) for name in names]
    sizes = {(len(point.positions), len(point.velocities)) for point in message.points}
    if sizes != {(len(names), len(names))}:
        raise ObservationError(
            f'trajectory has {len(message.points)} points; expected at least '
            f'one, each with {len(names)} positions and velocities'
        )
    begin = to_ns(message.header.stamp) * 1e-9 or received
    times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points]
    positions = np.array([point.positions for point in message.points])[:, rows]
    velocities = np.array([point.velocities for point in message.points])[:, rows]
    return begin + np.array(times), positions, velocities
