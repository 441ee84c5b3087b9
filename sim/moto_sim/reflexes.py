"""What a Franka arm checks in every millisecond of what its controller sends, one command a call.

    positions q_k:   v_k = (q_k - q_(k-1)) / T     velocities: v_k itself, q_k is measured
                     a_k = (v_k - v_(k-1)) / T,  j_k = (a_k - a_(k-1)) / T

    outside q_min..q_max, and v_k leads on    joint_motion_generator_position_limits_violation
    v_k beyond its limit at q_k               joint_motion_generator_velocity_limits_violation
    |a_k| above ddq_max                       joint_motion_generator_velocity_discontinuity
    |j_k| above dddq_max                      joint_motion_generator_acceleration_discontinuity

In: commands, and the published tables of the robot. Out: libfranka's names of what is violated.
The checks inside the arm are not public: these are the conditions that Franka documents for what
may be sent, taken at their word.
"""

from __future__ import annotations

import numpy as np

from moto_core.guard.limits import JointLimits

PERIOD = 0.001  # [s] of what a controller sends
POSITION = 'joint_motion_generator_position_limits_violation'
VELOCITY = 'joint_motion_generator_velocity_limits_violation'
ACCELERATION = 'joint_motion_generator_velocity_discontinuity'
JERK = 'joint_motion_generator_acceleration_discontinuity'
SILENCE = 'communication_constraints_violation'  # the stream stops while the arm moves
NOT_FINITE = 'command_not_finite'  # a name of ours: libfranka refuses to send it
DISCONTINUITIES = (ACCELERATION, JERK)
ROUNDING = 1e-6  # of a limit, and [rad/s]: third differences of positions in doubles


class Reflexes:
    """The commands of one arm, judged one after the other."""

    def __init__(self, limits: JointLimits, period: float = PERIOD) -> None:
        """Takes a robot's published limits; `period` in [s]."""
        self._limits, self._period = limits, period
        self._q_min, self._q_max = np.array(limits.q_min), np.array(limits.q_max)
        self._ddq_max, self._dddq_max = np.array(limits.ddq_max), np.array(limits.dddq_max)
        self.forget()

    def forget(self) -> None:
        """Takes the next command for a beginning: what it is far from is not known."""
        self._position: np.ndarray | None = None
        self._velocity: np.ndarray | None = None
        self._acceleration: np.ndarray | None = None

    def begin(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Takes the state (n,) [rad], [rad/s], without acceleration, from which commands begin."""
        self._position, self._velocity = position, velocity
        self._acceleration = np.zeros_like(velocity)

    def judge(self, position: np.ndarray, velocity: np.ndarray | None = None) -> tuple[str, ...]:
        """Returns the names of what the next command violates, () if it may be followed.

        Positions (n,) [rad] are commanded, or measured under a commanded velocity (n,) [rad/s].
        """
        sent = position if velocity is None else velocity
        if not np.isfinite(sent).all():
            return (NOT_FINITE,)
        before, self._position = self._position, position
        if velocity is None:
            velocity = None if before is None else (position - before) / self._period
        acceleration = self._change(self._velocity, velocity)
        jerk = self._change(self._acceleration, acceleration)
        self._velocity, self._acceleration = velocity, acceleration
        found = {
            POSITION: velocity is not None and self._leads_out(position, velocity),
            VELOCITY: velocity is not None and self._is_too_fast(position, velocity),
            ACCELERATION: _exceeds(acceleration, self._ddq_max),
            JERK: _exceeds(jerk, self._dddq_max),
        }
        return tuple(name for name, violated in found.items() if violated)

    def _change(self, before: np.ndarray | None, now: np.ndarray | None) -> np.ndarray | None:
        return None if before is None or now is None else (now - before) / self._period

    def _leads_out(self, position: np.ndarray, velocity: np.ndarray) -> bool:
        above = (position > self._q_max) & (velocity > ROUNDING)
        below = (position < self._q_min) & (velocity < -ROUNDING)
        return bool((above | below).any())

    def _is_too_fast(self, position: np.ndarray, velocity: np.ndarray) -> bool:
        low, high = velocity_limits(self._limits, position)
        slack = ROUNDING * (1.0 + np.abs(velocity))
        return bool(((velocity > high + slack) | (velocity < low - slack)).any())


def velocity_limits(limits: JointLimits, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least and the largest velocity (n,) [rad/s] at a position (n,) [rad].

    FR3's depend on the position: clip(-o + sqrt(max(0, d (q_high - q))), 0, dq_max) upwards.
    """
    most = np.array(limits.dq_max)
    if not limits.velocity_slope:
        return -most, most
    offset, slope = np.array(limits.velocity_offset), np.array(limits.velocity_slope)
    rooms = (position - np.array(limits.q_low), np.array(limits.q_high) - position)
    down, up = (np.sqrt(np.maximum(0.0, slope * room)) - offset for room in rooms)
    return -np.clip(down, 0.0, most), np.clip(up, 0.0, most)


def _exceeds(values: np.ndarray | None, limit: np.ndarray) -> bool:
    return values is not None and bool((np.abs(values) > limit * (1.0 + ROUNDING)).any())
