"""The Kitchen of moto_sim as the twin steps it: the training environment's simulation, no guard.

In: a task's name, a seed a reset. Out: KitchenSim, started as TaskEnv.reset(seed=...) starts it.
"""

from __future__ import annotations

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_task import kitchen_objects


class TwinSim(KitchenSim):
    """A KitchenSim for a task of the Kitchen and a robot with all of its joints."""

    def __init__(self, task: str, robot: RobotConfig) -> None:
        """Draws each camera once, so that no first image is late.

        Raises ConfigError for a task that is not the Kitchen's, a robot of another size, or a
        camera without a view.
        """
        if not task.startswith('kitchen-'):
            raise ConfigError(f"the twin simulates 'kitchen-<object>[+<object>...]'; got '{task}'")
        super().__init__(kitchen_objects(task))
        self.task = task
        if robot.spec.action_size != self.size:
            raise ConfigError(
                f"robot '{robot.name}' has {robot.spec.action_size} joints; the "
                f"twin's has {self.size}: use robot kitchen_sim"
            )
        for name, camera in robot.spec.cameras.items():
            self.render(name, camera.height, camera.width)

    def start(self, seed: int) -> None:
        """Resets to the start that a seed gives, as the training environment draws it."""
        self.reset(np.random.default_rng(seed))
