"""What the twin simulates: the training environment's Kitchen for a task, as a robot sees it.

In: a task, a robot, views of its cameras. Out: the simulation that TwinLoop steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_core.guard.limits import RobotConfig
from moto_core.spec import Setup
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.kitchen_task import PREFIX, kitchen_objects
from moto_sim.shifts import SHIFTS, Shift, change_look, elsewhere, picture
from moto_sim.views import Viewpoint, view_names


class TwinSim(KitchenSim):
    """The training environment's simulation for a task and a robot with all of its joints."""

    def __init__(
        self,
        task: str,
        robot: RobotConfig,
        views: Mapping[str, str] | None = None,
        shift: str = '',
    ) -> None:
        """Draws each camera once, so that no first image is late.

        `views` names cameras' viewpoints where it is not the one of their name, `shift` what has
        changed about what they show. Raises ConfigError for a task that is not the Kitchen's, a
        robot of another size, a camera that it lacks or one without a view, an unknown shift.
        """
        objects, seen = scene(task, robot, views or {})
        self.task, self.shift = task, named_shift(shift)
        moved = {camera: elsewhere(view, self.shift) for camera, view in seen.items()}
        super().__init__(objects, views=moved)
        change_look(self.model, self.shift)
        if robot.spec.action_size != self.size:
            raise ConfigError(
                f"robot '{robot.name}' has {robot.spec.action_size} joints; the "
                f"twin's has {self.size}: use robot kitchen_sim"
            )
        for name, camera in robot.spec.cameras.items():
            self.render(name, camera.height, camera.width)

    def render(self, camera: str = 'front', height: int = 64, width: int = 64) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image as the shift has it."""
        return picture(self.shift, super().render(camera, height, width), 0, None)

    def start(self, seed: int) -> None:
        """Resets to the start that a seed gives, as TaskEnv.reset(seed=...) does."""
        self.reset(np.random.default_rng(seed))


def named_shift(name: str) -> Shift:
    """Returns a shift of moto_sim/shifts.py by name, '' for none; raises ConfigError.

    Pictures of other episodes are none of a camera's.
    """
    known = {'': Shift()} | {name: one for name, one in SHIFTS.items() if not one.replaced}
    if name not in known:
        raise ConfigError(unknown_name('twin.shift', name, filter(None, known)))
    return known[name]


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
