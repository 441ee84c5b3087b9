"""The way home: which velocity leads the arm there, and how far from it the arm is.

In: measured joints. Out: velocities [rad/s] for the guard, which holds every limit of its own; or
that the arm has arrived, or that it got no further.
"""

from __future__ import annotations

import numpy as np

from moto_core.guard.limits import RobotConfig

FRACTION = 0.25  # of the recommended speed, as a commissioning profile's
GAIN = 2.0  # [1/s] at which what is left of the way shrinks
THERE = 0.01  # [rad] from home that is home
NEARER, STUCK = 0.001, 1.0  # [rad] that it comes nearer within so long [s], or gets no further


class Homing:
    """One arm's home, and its way there."""

    def __init__(self, robot: RobotConfig, tolerance: float) -> None:
        """Takes the `tolerance` [rad]: a joint further from home is away."""
        self.joints, self.tolerance = robot.spec.joints, tolerance
        self.home = np.array(robot.home, np.float64)
        self._cap = FRACTION * np.array(robot.limits.dq_recommended, np.float64)
        self._nearest, self._since = np.inf, 0.0  # [rad], [s] when the arm came so near

    def begin(self) -> None:
        """Begins anew."""
        self._nearest = np.inf

    def distance(self, position: np.ndarray | tuple[float, ...]) -> float:
        """Returns how far [rad] the joint that is furthest from home is from it."""
        return float(np.abs(self.home - position).max())

    def away(self, position: np.ndarray | tuple[float, ...]) -> str:
        """Says which joint is furthest from home; '' if none is beyond the tolerance."""
        ways = np.asarray(position) - self.home
        joint = int(np.abs(ways).argmax())
        if abs(ways[joint]) <= self.tolerance:
            return ''
        return (
            f'{self.joints[joint]} is {ways[joint]:+.3f} rad from home, beyond '
            f'{self.tolerance:g} rad (guard.home_tolerance)'
        )

    def velocity(self, position: np.ndarray | tuple[float, ...]) -> np.ndarray:
        """Returns the velocity (n,) [rad/s] of a straight way home; zero once there."""
        way = self.home - position
        if np.abs(way).max() <= THERE:
            return np.zeros_like(way)
        return way * min(GAIN, float((self._cap / np.maximum(np.abs(way), 1e-9)).min()))

    def over(self, position: tuple[float, ...], held: bool, now: float) -> bool:
        """Says whether the arm has come as near as it gets; `held`: it may not move now."""
        distance = self.distance(position)
        if held or distance < self._nearest - NEARER:
            self._nearest, self._since = distance, now
        return not held and (distance <= THERE or now - self._since > STUCK)
