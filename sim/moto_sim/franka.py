"""What stands between a controller and the drives of a Franka arm: its mode, and its own brake.

    command of a millisecond -> Reflexes -> the drives follow it           mode 'move'
                                         -> a violation: brakes to rest    mode 'reflex'
    user stop                            -> brakes to rest                 mode 'user_stopped'

Modes have the names of franka_msgs/FrankaRobotState. Stopped, the arm follows nothing until
`recover` is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moto_core.errors import MotoError
from moto_core.guard.limits import JointLimits
from moto_sim.reflexes import DISCONTINUITIES, NOT_FINITE, PERIOD, SILENCE, Reflexes

IDLE, MOVE, REFLEX, USER_STOPPED = 'idle', 'move', 'reflex', 'user_stopped'
BY_MODE, ALL, NONE = 'by_mode', 'all', 'none'
JUDGED = (BY_MODE, ALL, NONE)


class RecoveryError(MotoError):
    """The arm cannot be recovered yet."""


class Command(NamedTuple):
    """What the drives follow in a millisecond."""

    velocity: np.ndarray  # (n,) [rad/s]
    position: np.ndarray | None = None  # (n,) [rad]; None: the velocity alone is followed


class FrankaArm:
    """One arm."""

    def __init__(self, limits: JointLimits, judged: str = BY_MODE, period: float = PERIOD) -> None:
        """Takes a robot's published limits and which reflexes it has.

        'all'; 'none' but that of numbers that are not finite; 'by_mode': all for positions, and
        for velocities, which a controller holds for some milliseconds, no discontinuities.
        """
        self._judged, self._period = judged, period
        self._brake = np.array(limits.ddq_max) * period  # [rad/s] a period
        self._reflexes = Reflexes(limits, period)
        self._pressed = False  # the user stop
        self.start()

    def start(self) -> None:
        """Switches the arm on anew, at rest."""
        self.mode = USER_STOPPED if self._pressed else IDLE
        self.errors: tuple[str, ...] = ()
        self._last = Command(np.zeros_like(self._brake))

    def __str__(self) -> str:
        """Returns mode and errors as a person reads them."""
        return f'{self.mode} {", ".join(self.errors)}'.rstrip()

    @property
    def stopped(self) -> bool:
        """Says whether it follows no command until it is recovered."""
        return self.mode in (REFLEX, USER_STOPPED)

    @property
    def moving(self) -> bool:
        """Says whether the drives are told to move."""
        return bool(self._last.velocity.any())

    def follow(self, command: Command | None, measured: np.ndarray) -> Command:
        """Returns what the drives follow in this millisecond, of a command or of None.

        `measured` (n,) [rad] are the joints.
        """
        if self.stopped:
            self._last = self._braked()
            return self._last
        errors = self._judge(command, measured)
        if errors:
            self.mode, self.errors = REFLEX, errors
            self._last = self._braked()
            return self._last
        self.mode = IDLE if command is None else MOVE
        self._last = Command(np.zeros_like(self._brake)) if command is None else command
        return self._last

    def forget(self) -> None:
        """Judges the next command as a beginning."""
        self._reflexes.forget()

    def user_stop(self, pressed: bool) -> None:
        """Takes the state of the user stop: pressed, it stops the arm."""
        self._pressed = pressed
        if pressed and self.mode != REFLEX:
            self.mode = USER_STOPPED

    def recover(self) -> str:
        """Lets the arm follow commands again; raises RecoveryError if it may not.

        Returns the mode that it ends.
        """
        if self._pressed:
            raise RecoveryError('the user stop is pressed: release it, then recover')
        if self.stopped and self.moving:
            raise RecoveryError('the arm still brakes: recover it once it stands')
        ended, self.mode, self.errors = self.mode, IDLE, ()
        return ended

    def _judge(self, command: Command | None, measured: np.ndarray) -> tuple[str, ...]:
        if command is None:
            return (SILENCE,) if self.moving and self._judged != NONE else ()
        arrays = command.position is None
        if self.mode == IDLE or arrays != (self._last.position is None):
            self._reflexes.begin(measured, self._last.velocity)
        if command.position is None:
            found = self._reflexes.judge(measured, command.velocity)
        else:
            found = self._reflexes.judge(command.position)
        if self._judged == NONE:
            return tuple(name for name in found if name == NOT_FINITE)
        if self._judged == BY_MODE and arrays:
            return tuple(name for name in found if name not in DISCONTINUITIES)
        return found

    def _braked(self) -> Command:
        """Returns what is followed after the last command as it brakes at ddq_max."""
        before, position = self._last.velocity, self._last.position
        slower = np.sign(before) * np.maximum(np.abs(before) - self._brake, 0.0)
        if position is not None:
            position = position + slower * self._period
        return Command(slower, position)
