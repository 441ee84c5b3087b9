"""Tasks by name, as environments, with their scripted demonstrators.

In: 'kitchen-microwave', 'kitchen-microwave+kettle', 'metaworld-door-open'. Out: TaskEnv.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from moto_core.errors import ConfigError
from moto_core.limits import RobotConfig, load_robot
from moto_core.spec import Spec
from moto_sim.env import TaskEnv
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.kitchen_task import KitchenTask, kitchen_objects

KITCHEN = 'kitchen-'
Demonstrator = Callable[[], np.ndarray]        # () -> action (A,), reading the simulator's state


def task_names() -> list[str]:
    """Returns the names of single tasks; Kitchen objects also join by '+'."""
    return [KITCHEN + name for name in OBJECTS]


def make(task: str, robot: RobotConfig | str | None = None, guard: str | None = None,
         size: int | None = None, seed: int | None = None, *, max_steps: int | None = None,
         **options: Any) -> TaskEnv:
    """Returns the environment of a task by name.

    `robot` is a RobotConfig or the name of one (the task's own where None); `guard` a profile of
    it, or None; `size` [px] the side of every camera's image (the robot's where None); `seed`
    seeds the first reset; `options` go to the simulator (actuation, variation, views, fast).
    Raises ConfigError for an unknown name, with the nearest valid one.
    """
    if task.startswith(KITCHEN):
        objects = kitchen_objects(task)
        if robot is None or isinstance(robot, str):
            robot = load_robot(robot or 'kitchen_sim')
        made = KitchenTask(objects, robot, _sized(robot.spec, size), guard, **options)
        return TaskEnv(made, max_steps=max_steps, seed=seed)
    raise ConfigError(_unknown(task))


def demonstrator(env: TaskEnv) -> Demonstrator:
    """Returns the task's scripted demonstrator; it starts afresh whenever `env` was reset."""
    from moto_sim.demonstrator import KitchenDemonstrator

    if isinstance(env.task, KitchenTask):
        return KitchenDemonstrator(env.task)
    raise ConfigError(f"no demonstrator for '{env.task.name}'")


def _sized(spec: Spec, size: int | None) -> Spec:
    if size is None:
        return spec
    if size < 8:
        raise ConfigError(f'image size {size} px; expected 8 or more')
    return replace(spec, cameras={name: replace(camera, height=size, width=size)
                                  for name, camera in spec.cameras.items()})


def _unknown(task: str) -> str:
    names = task_names()
    near = difflib.get_close_matches(task, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ''
    return (f"unknown task '{task}'.{hint} Valid: kitchen-<object>[+<object>...] with objects "
            f"{', '.join(OBJECTS)}")
