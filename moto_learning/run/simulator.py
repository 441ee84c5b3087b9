"""The simulator of a run, which online episodes and evaluations share.

In: the run's settings, spec and datasets. Out: the environment (TaskEnv) of the datasets' task and
robot: spec and setup (robot, guard's profile, actuation, views) are theirs. Every episode begins
with a seeded reset, so that none depends on those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_core.spec import Setup, Spec, is_known, setup_mismatches, spec_mismatches
from moto_learning.config import Config
from moto_learning.data.sources import common_robot

if TYPE_CHECKING:
    from moto_learning.run.side_by_side import SideBySide


class Simulator:
    """Makes the environment when it is first asked for and keeps it until `close`."""

    def __init__(self, config: Config, spec: Spec, datasets: Sequence[Dataset]) -> None:
        self.config, self.spec, self.datasets = config, spec, datasets
        self._env: Any = None
        self._beside: SideBySide | None = None

    def env(self) -> Any:
        """Returns the environment; raises ConfigError as `online_environment` does."""
        if self._env is None:
            self._env = online_environment(self.config, self.spec, self.datasets)
        return self._env

    def maker(self) -> Callable[[], Any]:
        """Returns what makes the same environment in another process."""
        return remaking(self.env())

    def beside(self, count: int) -> SideBySide:
        """Returns `count` environments like `env`, each in a process of its own."""
        from moto_learning.run.side_by_side import SideBySide  # gymnasium comes with it

        if self._beside is None or self._beside.count != count:
            if self._beside is not None:
                self._beside.close()
            self._beside = SideBySide(self.maker(), self.env().spec, count)
        return self._beside

    def close(self) -> None:
        """Closes the environments, if there are; another call of `env` makes a new one."""
        if self._beside is not None:
            self._beside.close()
            self._beside = None
        if self._env is not None:
            self._env.close()
            self._env = None


def online_environment(config: Config, spec: Spec, datasets: Sequence[Dataset]) -> Any:
    """Returns the simulator (TaskEnv) with the datasets' task, spec and setup.

    Raises ConfigError that names both if a setting of config.collect or the simulator's spec
    differs from the datasets', and if they hold two tasks and config.collect names none.
    """
    try:
        from moto_sim import tasks
    except ImportError as error:
        raise ConfigError(
            f"the online phase needs the simulator ({error}); pip install '.[sim]'"
        ) from error
    task = config.collect.task or _one_task(datasets)
    size = next((camera.height for camera in spec.cameras.values()), None)
    env = tasks.make(
        task,
        _setup(config, task, common_robot(datasets)[1]),
        size=size,
        seed=config.seed,
        proprioception=spec.proprioception,
    )
    wrong = spec_mismatches(spec, env.spec)
    if wrong:
        raise ConfigError(
            f"the dataset does not fit '{task}' in the simulator: "
            f'{"; ".join(wrong)}. Set collect.task'
        )
    return env


def remaking(env: Any) -> Callable[[], Any]:
    """Returns what makes an environment like a TaskEnv of moto_sim's; it can be pickled."""
    from moto_sim import tasks

    height = next(iter(env.spec.cameras.values())).height
    return partial(
        tasks.make,
        env.task.name,
        env.setup,
        size=height,
        proprioception=list(env.spec.proprioception),
    )


def unsimulated(config: Config, datasets: Sequence[Dataset]) -> str:
    """Says why there is nothing to evaluate in and to practise in; '' if there may be."""
    sources = {record.source for dataset in datasets for record in dataset.episodes()}
    if config.collect.task or sources != {'robot'}:
        return ''
    return "the episodes are a robot's, and no simulator is named for them (collect.task)"


def _one_task(datasets: Sequence[Dataset]) -> str:
    tasks = sorted({record.task for dataset in datasets for record in dataset.episodes()})
    if len(tasks) != 1:
        raise ConfigError(
            f'the data holds episodes of {len(tasks)} tasks ({", ".join(tasks)}); set '
            'collect.task to the one to practise'
        )
    return tasks[0]


def _setup(config: Config, task: str, recorded: Setup) -> Setup:
    """Returns the datasets' setup; if it is not known, the task's own with config.collect's."""
    from moto_sim.setups import choose_setup

    c = config.collect
    chosen = choose_setup(
        task, recorded, robot=c.robot, profile=c.profile, actuation=c.actuation, view=c.view
    )
    wrong = setup_mismatches(chosen, recorded) if is_known(recorded, chosen) else []
    if wrong:
        raise ConfigError(
            f"config.collect and the dataset ask for two robots (config.collect's first): "
            f'{"; ".join(wrong)}. Leave robot, profile, actuation and view of collect empty to '
            "take the dataset's"
        )
    return chosen
