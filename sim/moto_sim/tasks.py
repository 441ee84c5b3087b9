"""Tasks by name, as environments, with their scripted demonstrators.

In: 'kitchen-microwave', 'kitchen-microwave+kettle', 'kitchen-mixed', 'metaworld-door-open'; a
Setup. Out: TaskEnv.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.policy.policy import Policy
from moto_core.spec import Setup, Spec
from moto_sim import kitchen_task, metaworld_task
from moto_sim.env import TaskEnv
from moto_sim.human import HumanDemonstration, Tracker
from moto_sim.kitchen_demonstrator import KitchenDemonstrator
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.kitchen_task import SETS, KitchenTask
from moto_sim.metaworld_demonstrator import MetaWorldDemonstrator
from moto_sim.metaworld_task import MetaWorldTask, metaworld_names
from moto_sim.renderer import SIZE
from moto_sim.setups import choose_setup

KITCHEN, METAWORLD = kitchen_task.PREFIX, metaworld_task.PREFIX
LEAST = 8  # [px] of an image's side


def task_names() -> list[str]:
    """Returns the names of all tasks; single Kitchen objects also join by '+'."""
    return [KITCHEN + name for name in (*OBJECTS, *SETS)] + metaworld_names()


def make(
    task: str,
    setup: Setup | None = None,
    *,
    size: int | None = None,
    seed: int | None = None,
    max_steps: int | None = None,
    proprioception: list[str] | None = None,
    **options: Any,
) -> TaskEnv:
    """Returns the environment of a task by name.

    `setup` names robot, guard's profile, actuation and views (None: the task's own); `size` [px]
    is the side of every camera's image and `proprioception` what the observation has of the
    joints (the robot's own if None); `seed` seeds the first reset; `options` go to the
    simulator (variation, views, fast). Raises ConfigError for an unknown name, with the nearest
    valid one, and for a number out of range.
    """
    if task.startswith(METAWORLD):
        return _metaworld(task, setup, size, seed, max_steps, proprioception, options)
    if not task.startswith(KITCHEN):
        raise ConfigError(_unknown(task))
    setup = choose_setup(task) if setup is None else setup
    robot = load_robot(setup.robot)
    spec = _changed(robot.spec, size, proprioception)
    made = KitchenTask(task, setup, robot, spec, **options)
    return TaskEnv(made, max_steps=max_steps, seed=seed)


def demonstrator(env: TaskEnv, objects: Sequence[str] = ()) -> Policy:
    """Returns the task's scripted demonstrator; raises ConfigError if it has none.

    In the Kitchen `objects` names what it moves, in this order; none: the task's objects.
    """
    if isinstance(env.task, KitchenTask):
        return KitchenDemonstrator(env.task, objects)
    if objects:
        raise ConfigError(f"'{env.task.name}' has no objects to choose; only the Kitchen has")
    if isinstance(env.task, MetaWorldTask):
        return MetaWorldDemonstrator(env.task)
    raise ConfigError(f"no demonstrator for '{env.task.name}'")


def tracker(env: TaskEnv, demonstration: HumanDemonstration) -> Policy:
    """Returns what follows a human demonstration; raises ConfigError outside the Kitchen."""
    if not isinstance(env.task, KitchenTask):
        raise ConfigError(f"'{env.task.name}' has no human demonstrations; only the Kitchen has")
    return Tracker(env.task, demonstration)


def _metaworld(
    task: str,
    setup: Setup | None,
    size: int | None,
    seed: int | None,
    max_steps: int | None,
    proprioception: list[str] | None,
    options: dict[str, Any],
) -> TaskEnv:
    limit = metaworld_task.LIMIT
    if max_steps is not None and max_steps > limit:
        raise ConfigError(f"max_steps is {max_steps}; MetaWorld's episodes have {limit} at most")
    spec = _changed(metaworld_task.SPEC, size, proprioception)
    made = MetaWorldTask(task, choose_setup(task) if setup is None else setup, spec, **options)
    return TaskEnv(made, max_steps=max_steps, seed=seed)


def _changed(spec: Spec, size: int | None, proprioception: list[str] | None) -> Spec:
    if proprioception is not None:
        spec = replace(spec, proprioception=list(proprioception))
    if size is None:
        return spec
    if not LEAST <= size <= min(SIZE):
        raise ConfigError(f'image size is {size} px; expected {LEAST} to {min(SIZE)}')
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
        f"unknown task '{task}'.{hint} Valid: kitchen-mixed, kitchen-partial, "
        f'kitchen-<object>[+<object>...] with {", ".join(OBJECTS)}; metaworld-<task> with any of '
        "MetaWorld's, say door-open"
    )
