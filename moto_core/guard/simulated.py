"""The guard around a simulator: it keeps the state, is always armed and active, needs no button.

In: a wanted velocity, the simulator's joints and clock. Out: GuardOutput. Same guard_step as the
robot's, so that what is learned under it holds on the robot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.guard import arm, guard_step
from moto_core.guard.limits import RobotConfig, load_robot, resolve
from moto_core.guard.state import (
    GuardConfig,
    GuardMemory,
    GuardOutput,
    Measured,
    Request,
    Switches,
)

_START = 1.0  # [s] before the first tick, so that no stamp is 0
_ON = Switches(active=True, armed=True)


class Guarded:
    """One arm's guard with its state, for one episode after another."""

    def __init__(
        self,
        robot: RobotConfig | str,
        profile: str = 'normal',
        overrides: Sequence[str] = (),
        config: GuardConfig | None = None,
    ) -> None:
        """Takes a robot or the name of one; `overrides` change that name's YAML.

        Raises ConfigError for an unknown robot, key or profile, or overrides of a loaded robot.
        """
        if overrides and not isinstance(robot, str):
            raise ConfigError('overrides need a robot by name; give them to load_robot instead')
        self.robot = load_robot(robot, overrides) if isinstance(robot, str) else robot
        self.spec = self.robot.spec
        self.limits = resolve(self.robot, profile)
        self.config = config or GuardConfig()
        self._names = tuple(self.spec.names)
        self.reset()

    def reset(self) -> None:
        """Forgets the past: at rest, armed, no fault, no doubt; the arm may be elsewhere."""
        self._state = arm(GuardMemory())
        self.speed_scale = 1.0  # in [0, 1] that goes with every request; 0 holds until a reset
        self._offset: float | None = None

    def tick(
        self, request: np.ndarray | None, position: np.ndarray, velocity: np.ndarray, now: float
    ) -> GuardOutput:
        """Returns what is let out of a request (A,) [rad/s, m/s] at time `now` [s].

        `position`, `velocity` (n,) are the arm's joints. A request of None brakes.
        """
        if self._offset is None:
            self._offset = _START - now
        now = now + self._offset
        wanted = (
            None
            if request is None
            else Request(
                names=self._names,
                velocity=request,
                stamp=now,
                received=now,
                speed_scale=self.speed_scale,
            )
        )
        measured = Measured(
            names=self.limits.joints, position=position, velocity=velocity, stamp=now, received=now
        )
        switches = _ON if request is not None else _ON._replace(active=False)
        output, self._state = guard_step(
            self.config, self.limits, self.spec, self._state, wanted, measured, switches, now
        )
        return output
