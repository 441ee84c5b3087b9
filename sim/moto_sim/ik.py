"""Inverse kinematics of the Kitchen's arm by damped least squares.

In: a wanted pose of the end effector's site, a start, a rest posture. Out: joint angles inside
the limits. Joints that reach a limit are left out and the step is solved again.
"""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from moto_sim.kitchen_model import ARM, SITE

DAMPING = 0.03  # of the least squares, in the task's units
TURN = 0.25  # [m/rad] weight of rotation beside translation
POSTURE = 0.1  # of the way to the rest posture, a step, in the null space
STEP = 0.25  # [rad] a joint may move in one iteration


class Pose(NamedTuple):
    """A pose of the site: its z axis along the fingers, its y axis the way they open."""

    position: np.ndarray  # (3,) [m]
    rotation: np.ndarray  # (3, 3), columns are the site's axes


class InverseKinematics:
    """Solves for the site's pose on a scratch copy of the model's state."""

    def __init__(self, model: mujoco.MjModel, low: np.ndarray, high: np.ndarray) -> None:
        """Takes a model and the joint limits (7,) [rad] to stay inside."""
        self.model, self.low, self.high = model, low, high
        self._data = mujoco.MjData(model)
        self._site = model.site(SITE).id
        self._jacobian = np.zeros((6, model.nv))

    def solve(
        self, pose: Pose, start: np.ndarray, posture: np.ndarray, iterations: int = 60
    ) -> np.ndarray:
        """Returns joint angles (7,) [rad] whose site comes nearest to `pose` from `start`."""
        q = np.clip(start, self.low, self.high)
        for _ in range(iterations):
            error, jacobian = self._linearise(q, pose)
            step = self._step(q, error, jacobian, posture)
            q = np.clip(q + step, self.low, self.high)
            if np.abs(step).max() < 1e-3:
                break
        return q

    def pose(self, q: np.ndarray) -> Pose:
        """Returns the site's pose at joint angles (7,) [rad]."""
        self._place(q)
        return Pose(
            self._data.site_xpos[self._site].copy(),
            self._data.site_xmat[self._site].reshape(3, 3).copy(),
        )

    def _place(self, q: np.ndarray) -> None:
        self._data.qpos[:ARM] = q
        mujoco.mj_kinematics(self.model, self._data)
        mujoco.mj_comPos(self.model, self._data)

    def _linearise(self, q: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        here = self.pose(q)
        mujoco.mj_jacSite(
            self.model, self._data, self._jacobian[:3], self._jacobian[3:], self._site
        )
        jacobian = self._jacobian[:, :ARM].copy()
        jacobian[3:] *= TURN
        turn = sum(np.cross(here.rotation[:, i], pose.rotation[:, i]) for i in range(3)) * 0.5
        return np.concatenate((pose.position - here.position, TURN * turn)), jacobian

    def _step(
        self, q: np.ndarray, error: np.ndarray, jacobian: np.ndarray, posture: np.ndarray
    ) -> np.ndarray:
        free = np.ones(ARM, bool)
        while True:
            step = np.zeros(ARM)
            step[free] = _least_squares(jacobian[:, free], error, POSTURE * (posture - q)[free])
            stuck = free & (
                ((q + step < self.low) & (step < 0)) | ((q + step > self.high) & (step > 0))
            )
            at_limit = stuck & ((q <= self.low + 1e-9) | (q >= self.high - 1e-9))
            if not at_limit.any():
                return step * min(1.0, STEP / max(np.abs(step).max(), 1e-9))
            free &= ~at_limit


def _least_squares(jacobian: np.ndarray, error: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Returns J+ e + (1 - J+ J) rest with the damped pseudo-inverse J+ = J' (J J' + d^2)^-1."""
    square = jacobian @ jacobian.T + DAMPING**2 * np.eye(len(error))
    return rest + jacobian.T @ np.linalg.solve(square, error - jacobian @ rest)
