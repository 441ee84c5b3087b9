"""From a velocity command to the position servos' targets, the same for training and twin.

In: velocity [rad/s, m/s] of the arm's joints and fingers. Out: MjData.ctrl.

    hold   each tick: target += v * tick, kept inside the servo's range and no further ahead of the
           measured joint than the servo's force reaches (so it stops where it is told to);
           ctrl = target + feed / kp, feed = gravity + damping * v. Zero velocity holds still.
    d4rl   once a command: ctrl = measured + v * 0.08 s, kept until the next command (D4RL's own;
           it sags under gravity at zero velocity).
"""

from __future__ import annotations

import mujoco
import numpy as np

from moto_core.errors import ConfigError, unknown_name

TICK = 0.004  # [s] of one guard tick
SUBSTEPS = 2  # physics steps a tick
HOLD_TIME = 0.08  # [s] that D4RL's command looks ahead
LAG = 3.0  # D4RL's drives move a fraction of what they are told; with 1 no kettle is carried
OWN = 'hold'  # the robot's own drives, if a setup names no actuation
MODES = (OWN, 'd4rl')


class Actuation:
    """Drives a model's position servos by velocities; entry i drives actuator i.

    `mode` is 'hold' or 'd4rl' (module docstring). Raises ConfigError for another.
    """

    def __init__(self, model: mujoco.MjModel, mode: str = OWN) -> None:
        if mode not in MODES:
            raise ConfigError(unknown_name('actuation', mode, MODES))
        joints = model.actuator_trnid[:, 0]
        self.mode = mode
        self.low, self.high = model.actuator_ctrlrange.T.copy()
        self._qpos, self._dof = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self._softness = 1.0 / model.actuator_gainprm[:, 0]  # [rad/Nm]
        self._weakest, self._strongest = model.actuator_forcerange.T.copy()  # [Nm, N]
        arm = model.jnt_type[joints] == mujoco.mjtJoint.mjJNT_HINGE  # fingers: none
        self._damping = np.where(arm, model.dof_damping[self._dof], 0.0)  # [Nm s/rad]
        self._velocity = np.zeros(model.nu)
        self._target = np.zeros(model.nu)

    @property
    def target(self) -> np.ndarray:
        """The position target (A,) [rad, m] before the feed-forward."""
        return self._target.copy()

    def command_for(self, data: mujoco.MjData, velocity: np.ndarray) -> np.ndarray:
        """Returns the command (A,) under which the joints move at about `velocity` (A,).

        It is the velocity itself if the drives follow it. D4RL's sag and lag: gravity is fed
        forward, and LAG times the velocity asked for.
        """
        if self.mode == OWN:
            return velocity
        gravity = data.qfrc_bias[self._dof] * self._softness / HOLD_TIME  # [rad/s]
        return gravity + LAG * velocity

    def reset(self, data: mujoco.MjData) -> None:
        """Targets the measured position at zero velocity."""
        self._velocity[:] = 0.0
        self._target = np.clip(data.qpos[self._qpos], self.low, self.high)
        self.apply(data)

    def command(self, data: mujoco.MjData, velocity: np.ndarray) -> None:
        """Takes a velocity (A,) [rad/s, m/s] for the ticks to come."""
        self._velocity[:] = velocity
        if self.mode != OWN:
            self._target = np.clip(
                data.qpos[self._qpos] + self._velocity * HOLD_TIME, self.low, self.high
            )

    def lead(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Takes the target (n,) [rad] of the next tick for the first n joints.

        `velocity` (A,) [rad/s, m/s] is fed forward, and moves the targets of the others. Raises
        ConfigError under D4RL's actuation, which follows no positions.
        """
        if self.mode != OWN:
            raise ConfigError(f"actuation '{self.mode}' follows no positions; use '{OWN}'")
        self._velocity[:] = velocity
        n = len(position)
        self._target[:n] = position - self._velocity[:n] * TICK  # `apply` adds the last

    def apply(self, data: mujoco.MjData) -> None:
        """Sets the controls of one tick."""
        if self.mode != OWN:
            data.ctrl[:] = self._target
            return
        position = data.qpos[self._qpos]
        feed = data.qfrc_bias[self._dof] + self._damping * self._velocity  # [Nm, N]
        back = np.minimum((self._weakest - feed) * self._softness, 0.0)
        ahead = np.maximum((self._strongest - feed) * self._softness, 0.0)
        target = np.clip(self._target + self._velocity * TICK, position + back, position + ahead)
        self._target = np.clip(target, self.low, self.high)
        data.ctrl[:] = self._target + feed * self._softness
