"""A gripper whose joints come on a topic of their own, slowly, beside the arm's.

arm's joints (n,), fingers (g,) -> joints (A,) in the spec's order, or why there are none
"""

from __future__ import annotations

import numpy as np

OLDEST = 0.5  # [s] that the fingers' last word serves; franka_gripper speaks 15 times a second


class Fingers:
    """The fingers' last word."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._at = 0.0  # [s]

    def take(self, position: np.ndarray, velocity: np.ndarray, now: float) -> None:
        """Takes (g,) positions [m] and velocities [m/s]."""
        self._last, self._at = (position, velocity), now

    def beside(
        self, position: np.ndarray, velocity: np.ndarray, now: float
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns (A,) positions and velocities of arm and fingers; None if these are silent."""
        if self._last is None or now - self._at > OLDEST:
            return None
        return (
            np.concatenate([position, self._last[0]]),
            np.concatenate([velocity, self._last[1]]),
        )
