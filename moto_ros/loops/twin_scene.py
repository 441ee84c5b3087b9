"""What the twin simulates: the training environment's Kitchen for a task, as a robot sees it.

In: a task, a robot, views of its cameras. Out: the simulation that TwinLoop steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_core.spec import Setup
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.kitchen_task import PREFIX, kitchen_objects
from moto_sim.views import Viewpoint, view_names


class TwinSim(KitchenSim):
    """The training environment's simulation for a task and a robot with all of its joints."""

    def __init__(
        self, task: str, robot: RobotConfig, views: Mapping[str, str] | None = None
    ) -> None:
        """Draws each camera once, so that no first image is late.

        `views` names cameras' viewpoints where it is not the one of their name. Raises ConfigError
        for a task that is not the Kitchen's, a robot of another size, a camera that it lacks or
        one without a view.
        """
        objects, seen = scene(task, robot, views or {})
        super().__init__(objects, views=seen)
        self.task = task
        if robot.spec.action_size != self.size:
            raise ConfigError(
                f"robot '{robot.name}' has {robot.spec.action_size} joints; the "
                f"twin's has {self.size}: use robot kitchen_sim"
            )
        for name, camera in robot.spec.cameras.items():
            self.render(name, camera.height, camera.width)

    def start(self, seed: int) -> None:
        """Resets to the start that a seed gives, as TaskEnv.reset(seed=...) does."""
        self.reset(np.random.default_rng(seed))


def scene(
    task: str, robot: RobotConfig, views: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, Viewpoint]]:
    """Returns the objects of a task and the view of each camera.

    Raises ConfigError for a task that is not the Kitchen's, a camera that the robot lacks or one
    without a view.
    """
    if not task.startswith(PREFIX):
        raise ConfigError(f"the twin simulates 'kitchen-<object>[+<object>...]'; got {task!r}")
    named = view_names(robot.spec, Setup(views=dict(views)), VIEWS)
    return kitchen_objects(task), {camera: VIEWS[name] for camera, name in named.items()}
