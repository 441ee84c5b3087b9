"""The Kitchen of moto_sim as the twin steps it: the training environment's simulation, no guard.

In: a task's name, a seed a reset. Out: KitchenSim, started as TaskEnv.reset(seed=...) starts it.
"""

from __future__ import annotations

import numpy as np

from moto_core.errors import ConfigError
from moto_core.limits import RobotConfig
from moto_sim.kitchen import KitchenSim

PREFIX = 'kitchen-'


class TwinSim(KitchenSim):
    """A KitchenSim for a task of the Kitchen and a robot with its joints."""

    def __init__(self, task: str, robot: RobotConfig) -> None:
        """Raises ConfigError for a task that is not the Kitchen's, or a robot of another size."""
        if not task.startswith(PREFIX):
            raise ConfigError(f"the twin simulates tasks named '{PREFIX}<object>[+<object>...]'; "
                              f"got '{task}'")
        super().__init__(task.removeprefix(PREFIX).split('+'))
        self.task = task
        if robot.spec.action_size != self.size:
            raise ConfigError(f"robot '{robot.name}' has {robot.spec.action_size} joints; the "
                              f"twin's has {self.size}: use robot kitchen_sim")

    def start(self, seed: int) -> None:
        """Resets to the start that a seed gives, as the training environment draws it."""
        self.reset(np.random.default_rng(seed))
