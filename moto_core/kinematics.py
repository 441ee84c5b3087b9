"""Where a robot's hand is and how its joints move it, from Denavit-Hartenberg parameters.

In: config/robot/<name>.yaml's `kinematics`, joint angles. Out: the pose of the tool's point in the
base's frame, its Jacobian, and the joint velocities that move it as asked. No simulator is needed.

    T_i = Rx(alpha_i) Tx(a_i) Rz(q_i + theta_i) Tz(d_i)     Craig's convention, joint i in i - 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError
from moto_core.fields import number

DAMPING = 0.05  # of the least squares where the hand can move no further in some direction
NEAR = 0.08  # the least singular value of the Jacobian below which damping begins


@dataclass(frozen=True)
class Kinematics:
    """A chain of revolute joints, one entry a joint; empty: not known."""

    a: list[float] = number([], '[m] along the x axis of the joint before', low=-5, high=5)
    d: list[float] = number([], '[m] along the own axis', low=-5, high=5)
    alpha: list[float] = number(
        [], '[rad] about the x axis of the joint before', low=-6.3, high=6.3
    )
    theta: list[float] = number(
        [], "[rad] added to the joint's angle; empty: zeros", low=-6.3, high=6.3
    )
    tool: float = number(
        0.0, '[m] from the last joint to the point that moves, along its axis', low=-5, high=5
    )


class Pose(NamedTuple):
    """Where the tool's point is in the base's frame."""

    position: np.ndarray  # (3,) [m]
    rotation: np.ndarray  # (3, 3)


class Chain:
    """One robot's chain of joints."""

    def __init__(self, kinematics: Kinematics, joints: int) -> None:
        """Raises ConfigError unless every column has an entry a joint (`theta` may be empty)."""
        for column in fields(kinematics):
            values = getattr(kinematics, column.name)
            if column.name == 'tool' or (column.name == 'theta' and not values):
                continue
            if len(values) != joints:
                raise ConfigError(
                    f'kinematics.{column.name} has {len(values)} entries; expected {joints}, '
                    'one for each joint'
                )
        self.size, self.tool = joints, kinematics.tool
        self._theta = np.array(kinematics.theta or [0.0] * joints)
        self._before = [
            _before(*values) for values in zip(kinematics.a, kinematics.d, kinematics.alpha)
        ]

    def pose(self, q: np.ndarray) -> Pose:
        """Returns the tool's pose at joint angles (n,) [rad]."""
        *_, last = self._frames(q)
        return Pose(last[:3, 3] + self.tool * last[:3, 2], last[:3, :3])

    def jacobian(self, q: np.ndarray) -> np.ndarray:
        """Returns (6, n): the tool's velocity [m/s] and turn [rad/s] per joint's, base's frame."""
        frames = self._frames(q)
        end = frames[-1][:3, 3] + self.tool * frames[-1][:3, 2]
        columns = [
            np.concatenate([np.cross(frame[:3, 2], end - frame[:3, 3]), frame[:3, 2]])
            for frame in frames
        ]
        return np.stack(columns, axis=1)

    def _frames(self, q: np.ndarray) -> list[np.ndarray]:
        """Returns each joint's frame (4, 4) in the base's; its z axis is the joint's."""
        frames, here = [], np.eye(4)
        for before, angle in zip(self._before, np.asarray(q) + self._theta):
            here = here @ before @ _turn(angle)
            frames.append(here)
        return frames


def joint_velocity(jacobian: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """Returns the smallest joint velocities (n,) [rad/s] whose hand moves by `twist` (6,).

    `jacobian` (6, n); the twist is [m/s] and [rad/s]. Least squares, damped near a singular pose
    alone, J' (J J' + l^2)^-1 v with l^2 = DAMPING^2 (1 - (s / NEAR)^2), s the least singular value
    of J (Nakamura and Hanafusa 1986, the schedule of Chiaverini 1997): away from one the hand
    moves exactly as asked, in one it stands still in the direction that it cannot take.
    """
    enough = jacobian.shape[1] >= len(jacobian)  # joints; fewer never take every direction
    least = float(np.linalg.svd(jacobian, compute_uv=False)[-1]) if enough else 0.0
    damping = DAMPING**2 * max(0.0, 1.0 - (least / NEAR) ** 2)
    square = jacobian @ jacobian.T + damping * np.eye(len(jacobian))
    return jacobian.T @ np.linalg.solve(square, twist)


def _before(a: float, d: float, alpha: float) -> np.ndarray:
    """Rx(alpha) Tx(a) Tz(d): the part of a joint's transform that its angle does not change."""
    cos, sin = math.cos(alpha), math.sin(alpha)
    return np.array([[1, 0, 0, a], [0, cos, -sin, -sin * d], [0, sin, cos, cos * d], [0, 0, 0, 1]])


def _turn(angle: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0, 0], [sin, cos, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
