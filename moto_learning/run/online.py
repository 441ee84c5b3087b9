"""The online phase's source of episodes: the policy in the simulator, under the dataset's spec.

In: a learner, the task. Out: one episode after another in the run's own dataset, cached.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError
from moto_core.spec import spec_mismatches
from moto_learning.agents.learner import Learner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config
from moto_learning.data.cache import CachedEpisode, cache_episode
from moto_learning.run.episode import run_episode


class OnlineCollector:
    """Makes the simulator on the first episode and keeps it; used as a context manager."""

    def __init__(self, config: Config, learner: Learner, data: Path, root: Path) -> None:
        self.config, self.learner, self.data, self.root = config, learner, data, root
        self.metrics: dict[str, float] = {}  # of the last episode
        self._env: Any = None
        self._dataset: Dataset | None = None

    def collect(self, index: int) -> CachedEpisode:
        """Runs online episode number `index`, which seeds it, exploring; returns it cached."""
        c, seed = self.config.collect, self.config.seed * 1_000_003 + index
        env, dataset = self._open()
        policy = self.learner.policy(Exploration(c.explore, c.noise, seed))
        header = EpisodeHeader(
            task=self._task(),
            source='sim',
            spec=self.learner.spec,
            controller='policy',
            policy_hash=policy.hash,
        )
        writer = dataset.new_episode(header)
        with writer:
            result = run_episode(env, policy, writer, c.max_steps, seed)
        self.metrics = {
            'episode/return': result.return_,
            'episode/success': float(result.success),
            'episode/steps': float(result.steps),
            'episode/disagreement': result.disagreement,
        }
        return cache_episode(self.root, dataset.find(header.id))[0]

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

    def _task(self) -> str:
        return self.config.collect.task or Dataset.open(self.data).episodes()[0].task

    def _open(self) -> tuple[Any, Dataset]:
        if self._env is None or self._dataset is None:
            try:
                from moto_sim import tasks
            except ImportError as error:
                raise ConfigError(
                    f"the online phase needs the simulator ({error}); pip install '.[sim]'"
                ) from error
            c, spec = self.config.collect, self.learner.spec
            size = next((camera.height for camera in spec.cameras.values()), None)
            env = tasks.make(
                self._task(),
                robot=c.robot or None,
                guard=c.profile or None,
                size=size,
                seed=self.config.seed,
                proprioception=spec.proprioception,
            )
            wrong = spec_mismatches(spec, env.spec)
            if wrong:
                raise ConfigError(
                    f"the dataset does not fit '{self._task()}' in the simulator: "
                    f'{"; ".join(wrong)}. Set collect.task, collect.robot'
                )
            self._env, self._dataset = env, Dataset.create_or_open(self.root, spec)
        return self._env, self._dataset
