"""The setup that a task runs under: what was recorded, the task's own choice, a person's choices.

In: a task's name, a recorded Setup, names. Out: a Setup in one form only, so that equal robots
have equal setups: '' for the robot's own drives and for no guard, no view if a camera has its
own.
"""

from __future__ import annotations

from dataclasses import replace

from moto_core.errors import ConfigError, unknown_name
from moto_core.guard.limits import load_robot
from moto_core.spec import Setup
from moto_sim import kitchen, kitchen_task, metaworld_task
from moto_sim.actuation import OWN
from moto_sim.views import Mount

NO_GUARD = 'none'  # the profile's name for it, where a person chooses


def own_setup(task: str) -> Setup:
    """Returns the setup that a task has if nothing else is chosen.

    The Kitchen: the robot kitchen_sim under the guard's profile 'normal'. MetaWorld: no guard.
    """
    return metaworld_task.SETUP if task.startswith(metaworld_task.PREFIX) else kitchen_task.SETUP


def choose_setup(
    task: str,
    recorded: Setup | None = None,
    *,
    robot: str = '',
    profile: str = '',
    actuation: str = '',
    view: str = '',
) -> Setup:
    """Returns the recorded setup, or the task's own if none is known, with choices over it.

    '' chooses nothing; `profile` 'none' leaves the guard out, and so does an actuation that
    cannot be guarded if no profile is chosen; `view` is every camera's but of those that a body
    carries. Raises ConfigError for what was recorded on a robot that the task does not have, an
    unknown robot and an unknown profile; other unknown names are refused where the environment is
    made.
    """
    own = own_setup(task)
    if recorded is not None and recorded.robot and not own.robot:
        raise ConfigError(
            f"the policy or dataset is of the robot '{recorded.robot}', and '{task}' moves "
            "MetaWorld's own hand; take a task of that robot"
        )
    base = own if recorded is None or recorded == Setup() else recorded
    chosen = replace(
        base,
        robot=robot or base.robot or own.robot,
        profile=profile or base.profile,
        actuation=actuation or base.actuation,
    )
    if chosen.profile == NO_GUARD or (actuation not in ('', OWN) and not profile):
        chosen = replace(chosen, profile='')
    if chosen.actuation == OWN:
        chosen = replace(chosen, actuation='')
    if own.robot:
        _check_profile(chosen)
    return replace(chosen, views=_views(task, chosen, view))


def _check_profile(setup: Setup) -> None:
    robot = load_robot(setup.robot)
    if setup.profile not in ('', *robot.profiles):
        kind = f"profile of robot '{robot.name}'"
        raise ConfigError(unknown_name(kind, setup.profile, [*robot.profiles, NO_GUARD]))


def _views(task: str, setup: Setup, view: str) -> dict[str, str]:
    if task.startswith(metaworld_task.PREFIX):
        known, spec = metaworld_task.VIEWS, metaworld_task.SPEC
    else:
        known, spec = kitchen.VIEWS, load_robot(setup.robot).spec
    free = [name for name in spec.cameras if not isinstance(known.get(name), Mount)]
    views = dict.fromkeys(free, view) if view else setup.views
    return {
        camera: name
        for camera, name in views.items()
        if name not in known or known[name] != known.get(camera)
    }
