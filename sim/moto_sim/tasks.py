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
from moto_core.guard.limits import RobotConfig, load_robot
from moto_core.spec import Spec
from moto_sim import metaworld_task
from moto_sim.demonstrator import KitchenDemonstrator
from moto_sim.env import TaskEnv
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.kitchen_task import KitchenTask, kitchen_objects
from moto_sim.metaworld_task import MetaWorldDemonstrator, MetaWorldTask, metaworld_names

KITCHEN, METAWORLD = 'kitchen-', metaworld_task.PREFIX
Demonstrator = Callable[[], np.ndarray]  # () -> action (A,), reading the simulator's state


def task_names() -> list[str]:
    """Returns the names of all single tasks; Kitchen objects also join by '+'."""
    return [KITCHEN + name for name in OBJECTS] + metaworld_names()


def make(
    task: str,
    robot: RobotConfig | str | None = None,
    guard: str | None = None,
    size: int | None = None,
    seed: int | None = None,
    *,
    max_steps: int | None = None,
    proprioception: list[str] | None = None,
    **options: Any,
) -> TaskEnv:
    """Returns the environment of a task by name.

    `robot` is a RobotConfig or the name of one (None: kitchen_sim; MetaWorld has its own);
    `guard` a profile of it, or None; `size` [px] the side of every camera's image and
    `proprioception` what the observation has of the joints (the robot's own where None); `seed`
    seeds the first reset; `options` go to the simulator (actuation, variation, views, fast).
    Raises ConfigError for an unknown name, with the nearest valid one.
    """
    if task.startswith(METAWORLD):
        return _metaworld(task, robot, guard, size, seed, max_steps, proprioception, options)
    if not task.startswith(KITCHEN):
        raise ConfigError(_unknown(task))
    objects = kitchen_objects(task)
    config = robot if isinstance(robot, RobotConfig) else load_robot(robot or 'kitchen_sim')
    spec = _changed(config.spec, size, proprioception)
    made = KitchenTask(objects, config, spec, guard, **options)
    return TaskEnv(made, max_steps=max_steps, seed=seed)


def demonstrator(env: TaskEnv) -> Demonstrator:
    """Returns the task's scripted demonstrator; it starts afresh whenever `env` was reset."""
    if isinstance(env.task, KitchenTask):
        return KitchenDemonstrator(env.task)
    if isinstance(env.task, MetaWorldTask):
        return MetaWorldDemonstrator(env.task)
    raise ConfigError(f"no demonstrator for '{env.task.name}'")


def _metaworld(
    task: str,
    robot: RobotConfig | str | None,
    guard: str | None,
    size: int | None,
    seed: int | None,
    max_steps: int | None,
    proprioception: list[str] | None,
    options: dict[str, Any],
) -> TaskEnv:
    if robot is not None or guard is not None:
        raise ConfigError(
            f"'{task}' moves MetaWorld's own hand: it takes no robot (got {robot!r})"
            f' and no guard (got {guard!r}); leave both out'
        )
    limit = metaworld_task.LIMIT
    if max_steps is not None and max_steps > limit:
        raise ConfigError(f"max_steps is {max_steps}; MetaWorld's episodes have {limit} at most")
    spec = _changed(metaworld_task.SPEC, size, proprioception)
    made = MetaWorldTask(task.removeprefix(METAWORLD), spec, **options)
    return TaskEnv(made, max_steps=max_steps, seed=seed)


def _changed(spec: Spec, size: int | None, proprioception: list[str] | None) -> Spec:
    if proprioception is not None:
        spec = replace(spec, proprioception=list(proprioception))
    if size is None:
        return spec
    if size < 8:
        raise ConfigError(f'image size is {size} px; expected 8 or more')
    return replace(
        spec,
        cameras={
            name: replace(camera, height=size, width=size) for name, camera in spec.cameras.items()
        },
    )


def _unknown(task: str) -> str:
    near = difflib.get_close_matches(task, task_names(), n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ''
    return (
        f"unknown task '{task}'.{hint} Valid: kitchen-<object>[+<object>...] with "
        f"{', '.join(OBJECTS)}; metaworld-<task> with any of MetaWorld's, say door-open"
    )
