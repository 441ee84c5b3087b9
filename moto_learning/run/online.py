"""The online phase's source of episodes: the policy in the simulator, as the dataset's robot.

In: a learner, a dataset. Out: one episode after another in the run's own dataset, cached for
replay. Spec and setup (robot, guard's profile, actuation, views) are the dataset's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_core.spec import Setup, Spec, setup_mismatches, spec_mismatches
from moto_learning.agents.learner import Learner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config
from moto_learning.data.cache import CachedEpisode, cache_episode


class OnlineCollector:
    """Makes the simulator on the first episode and keeps it; used as a context manager."""

    def __init__(
        self, config: Config, learner: Learner, data: Sequence[Dataset], root: Path
    ) -> None:
        self.config, self.learner, self.data, self.root = config, learner, data, root
        self.metrics: dict[str, float] = {}  # of the last episode
        self._env: Any = None
        self._dataset: Dataset | None = None

    def collect(self, index: int) -> CachedEpisode:
        """Runs online episode number `index`, which seeds it, exploring; returns it cached."""
        from moto_sim.episode import ONLINE, learning_seed, run_episode, simulated_header

        env, dataset = self._open()
        c, seed = self.config.collect, learning_seed(ONLINE, self.config.seed, index)
        policy = self.learner.policy(Exploration(c.explore, c.noise, seed))
        header = simulated_header(env, seed, policy_hash=policy.hash)
        with dataset.new_episode(header) as writer:
            result = run_episode(
                env, policy, seed, writer.append, max_steps=c.max_steps, start=header.created
            )
            writer.close(result.outcome)
        self.metrics = {
            'episode/return': result.return_,
            'episode/success': float(result.success),
            'episode/decisions': float(result.decisions),
            'episode/disagreement': result.disagreement,
        }
        return cache_episode(self.root, dataset.find(header.id), header.spec)[0]

    def __enter__(self) -> OnlineCollector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._env is not None:
            self._env.close()
        if self._dataset is not None:
            self._dataset.close()

    def _open(self) -> tuple[Any, Dataset]:
        if self._env is None or self._dataset is None:
            self._env = online_environment(self.config, self.learner.spec, self.data)
            spec, setup = self._env.spec, self._env.setup
            self._dataset = Dataset.create_or_open(self.root, spec, setup=setup)
        return self._env, self._dataset


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
        _setup(config, task, next(filter(None, (one.setup for one in datasets)), Setup())),
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


def _one_task(datasets: Sequence[Dataset]) -> str:
    tasks = sorted({record.task for dataset in datasets for record in dataset.episodes()})
    if len(tasks) != 1:
        raise ConfigError(
            f'the data holds episodes of {len(tasks)} tasks ({", ".join(tasks)}); set '
            'collect.task to the one to practise'
        )
    return tasks[0]


def _setup(config: Config, task: str, recorded: Setup) -> Setup:
    """Returns the dataset's setup; if it has none, the task's own with config.collect's."""
    from moto_sim.setups import choose_setup

    c = config.collect
    chosen = choose_setup(
        task, recorded, robot=c.robot, profile=c.profile, actuation=c.actuation, view=c.view
    )
    wrong = [] if recorded == Setup() else setup_mismatches(chosen, recorded)
    if wrong:
        raise ConfigError(
            f"config.collect and the dataset ask for two robots (config.collect's first): "
            f'{"; ".join(wrong)}. Leave robot, profile, actuation and view of collect empty to '
            "take the dataset's"
        )
    return chosen
