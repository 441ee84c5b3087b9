"""The online phase's source of episodes: the policy in the simulator, as the dataset's robot.

In: a learner, the run's simulator. Out: one episode after another in the run's own dataset, cached
for replay.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from moto_core.episodes.dataset import Dataset
from moto_learning.agents.learner import Learner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config
from moto_learning.data.cache import CachedEpisode, cache_episode
from moto_learning.run.ahead import Ahead
from moto_learning.run.simulator import Simulator

if TYPE_CHECKING:
    from moto_core.episodes.episode import EpisodeHeader
    from moto_sim.episode import EpisodeResult


class OnlineCollector:
    """Opens its dataset on the first episode and keeps it; used as a context manager."""

    def __init__(self, config: Config, learner: Learner, simulator: Simulator, root: Path) -> None:
        self.config, self.learner, self.simulator, self.root = config, learner, simulator, root
        self.metrics: dict[str, float] = {}  # of the last episode
        self._dataset: Dataset | None = None
        self._ahead: Ahead | None = None

    def collect(self, index: int) -> CachedEpisode:
        """Runs online episode number `index`, which seeds it, exploring; returns it cached."""
        from moto_sim.episode import ONLINE, learning_seed, run_episode, simulated_header

        env = self.simulator.env()
        if self._dataset is None:
            self._dataset = Dataset.create_or_open(self.root, env.spec, setup=env.setup)
        if self.config.collect.ahead:
            return self._take_ahead(self._dataset, index)
        c, seed = self.config.collect, learning_seed(ONLINE, self.config.seed, index)
        policy = self.learner.policy(Exploration(c.explore, c.noise, seed))
        header = simulated_header(env, seed, policy_hash=policy.hash)
        with self._dataset.new_episode(header) as writer:
            result = run_episode(
                env, policy, seed, writer.append, max_steps=c.max_steps, start=header.created
            )
            writer.close(result.outcome)
        return self._taken(self._dataset, header, result)

    def _take_ahead(self, dataset: Dataset, index: int) -> CachedEpisode:
        """Records the episode that was played ahead, and begins the one after it, if any."""
        if self._ahead is None:
            make = self.simulator.maker()
            self._ahead = Ahead(self.config, self.simulator.env().spec, make)
        played = self._ahead.take(index, self.learner)
        if index + 1 < self.config.train.online_episodes:
            self._ahead.begin(index + 1, self.learner)
        with dataset.new_episode(played.header) as writer:
            for row in played.rows:
                writer.append(row)
            writer.close(played.result.outcome)
        return self._taken(dataset, played.header, played.result)

    def _taken(
        self, dataset: Dataset, header: EpisodeHeader, result: EpisodeResult
    ) -> CachedEpisode:
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
        if self._ahead is not None:
            self._ahead.close()
        if self._dataset is not None:
            self._dataset.close()
