"""Where a reference may begin: where the arm was led last, held against where its joints are.

    the end of what was sent last ─┐   near: the reference begins there
    the measured joints ───────────┴─> apart: none begins
    how they moved just now ────────── and none while they do

A controller begins a message at its own last setpoint. It holds the arm where it was led last or,
if it was activated since, where the joints were then; nobody tells which. So both must lie close
enough for either to go to the beginning within the profile.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from moto_core.guard.limits import Limits
from moto_core.guard.state import JointIntake, Measured

APART = 0.02  # [rad] from where the arm was led last: its controller may hold it elsewhere
BLEND = 0.2  # [s] at least, in which a controller goes to where a reference begins
PERIOD = 0.001  # [s] of the fastest controller; it makes two of them in its first one
STILL = 0.05  # [rad/s] below which measured joints stand
WATCHED, SPAN = 0.1, 0.05  # [s] of joint states that tell whether they stand, and at least


class Beginning:
    """One arm's last end, and its next beginning."""

    def __init__(self, limits: Limits, ahead: float) -> None:
        """Takes what [s] of a trajectory's delay is left when its message is there."""
        self.limits, self._ahead = limits, ahead
        self.led: np.ndarray | None = None  # (n,) [rad] where what was sent ends; None: not known
        self._seen: deque[tuple[float, tuple[float, ...]]] = deque()  # [s], (n,) [rad]

    def see(self, joints: JointIntake) -> None:
        """Takes the newest joint state that was believed."""
        if joints.position is None or (self._seen and joints.stamp == self._seen[-1][0]):
            return
        if self._seen and joints.stamp < self._seen[-1][0]:
            self._seen.clear()  # another time
        self._seen.append((joints.stamp, joints.position))
        while self._seen[0][0] < joints.stamp - WATCHED:
            self._seen.popleft()

    def stands(self, measured: Measured) -> bool:
        """Says whether the joints stand, by the speeds that they tell and by their positions."""
        speeds = dict(zip(measured.names, measured.velocity.tolist()))
        if any(abs(speeds.get(joint, 0.0)) >= STILL for joint in self.limits.joints):
            return False
        span = self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0
        if span < SPAN - 1e-9:
            return False
        moved = np.ptp([position for _, position in self._seen], axis=0)
        return bool(moved.max() < STILL * span)

    def apart(self, position: tuple[float, ...]) -> str:
        """Says which joint stands away from where it was led last; '' if none does."""
        if self.led is None:
            return ''
        joint = int(np.abs(self.led - position).argmax())
        if abs(self.led[joint] - position[joint]) <= APART:
            return ''
        return (
            f'{self.limits.joints[joint]} stands at {position[joint]:+.3f} rad and was led to '
            f'{self.led[joint]:+.3f} rad, so that where its controller holds the arm is not '
            'known: deactivate and activate the controller, which then holds it where it '
            'stands, and call begin_anew'
        )

    def place(self, position: tuple[float, ...]) -> np.ndarray:
        """Returns where (n,) [rad] a reference begins: where the arm was led last, if known."""
        return np.array(position if self.led is None else self.led, np.float64)

    def blend(self, position: tuple[float, ...]) -> float:
        """Returns the time [s] until its first point, in which a controller goes there.

        On a cubic over T a way d begins with 6 d / T^2; two periods P of it in one are a jerk of
        12 d / (T^2 P). Where the arm was led last is not known: as if the controller were APART.
        """
        way = APART if self.led is None else float(np.abs(self.led - position).max())
        return max(BLEND, math.sqrt(12.0 * way / (PERIOD * self.limits.jerk)) - self._ahead)
