"""A task whose cameras and lamps are changed, as a policy that has learned without meets it.

In: the name of a task, a Shift. Out: its environment, seen so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto_core.spec import Setup
from moto_sim import kitchen, metaworld_task, tasks
from moto_sim.env import TaskEnv
from moto_sim.shifts import Shift, change_look, elsewhere
from moto_sim.views import Viewpoint


def shifted_env(task: str, setup: Setup, shift: Shift, **options: Any) -> TaskEnv:
    """Returns the environment of a task whose cameras and lamps are changed.

    `options` go to `tasks.make`. A camera that a body carries is neither moved nor zoomed.
    """
    views: Mapping[str, Viewpoint] = kitchen.VIEWS
    if task.startswith(metaworld_task.PREFIX):
        views = metaworld_task.VIEWS
    moved = {name: elsewhere(view, shift) for name, view in views.items()}
    env = tasks.make(task, setup, views=moved, **options)
    task_of: Any = env.task
    change_look(task_of.sim.model if hasattr(task_of, 'sim') else task_of.env.model, shift)
    return env
