"""Training, from the top: an offline phase, an online phase, rounds of fine-tuning (Algorithm 1).

In: Config, datasets. Out: a run's folder with checkpoints, metrics and, online, a dataset of its
own episodes. Every phase can stop after any update and continue with the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moto_core.config import to_yaml
from moto_core.episodes.dataset import Dataset
from moto_core.errors import MotoError
from moto_core.spec import Spec
from moto_learning.agents.moto import Agent
from moto_learning.config import Config, ReplayConfig
from moto_learning.data.batch import learned_columns
from moto_learning.data.cache import CachedEpisode, compile_dataset
from moto_learning.data.replay import Replay
from moto_learning.run.checkpoint import Checkpoint, save_checkpoint
from moto_learning.run.metrics import MetricsLog
from moto_learning.run.online import OnlineCollector

EPISODES = 'dataset'  # the run's own episodes, under its folder
DUMPS = 5  # batches kept of updates that were not finite
GIVE_UP = 100  # such updates in a row
Listener = Callable[[str, int, int, Mapping[str, float]], None]


class TrainingError(MotoError):
    """Training that cannot go on."""


@dataclass
class Counters:
    """How far each phase is; part of every checkpoint."""

    offline: int = 0  # updates done
    episodes: int = 0  # collected online
    online: int = 0  # updates done
    finetune: int = 0  # updates done, in all rounds
    finetune_goal: int = 0  # updates at which the current round ends


class Training:
    """A run: its agent, replay, counters and files."""

    def __init__(
        self,
        config: Config,
        spec: Spec,
        data: Sequence[Path],
        out: Path,
        listener: Listener | None = None,
        resumed: Checkpoint | None = None,
    ) -> None:
        self.config, self.spec, self.data, self.out = config, spec, list(data), out
        self.listener, self.counters = listener, Counters()
        self.stopped = False  # set from a signal handler: stop after this update
        self.left_out: list[str] = []  # episodes that came after the checkpoint
        self.replay = open_replay(self._roots(), config.replay, config.seed)
        self.agent = Agent(config, spec, choose_device(config.train.device))
        if resumed is not None:
            self.agent.load_state_dict(resumed.state['agent'])
            self.left_out = self.replay.load_state_dict(json.loads(resumed.state['replay']))
            self.counters = Counters(**resumed.state['counters'])
        self.log = MetricsLog(out, config.train.tensorboard, self.agent.updates)
        self._recent: list[dict[str, float]] = []
        self._bad = 0  # updates in a row that were not finite
        out.mkdir(parents=True, exist_ok=True)
        (out / 'config.yaml').write_text(to_yaml(config))

    def offline(self) -> None:
        """Trains on the datasets until train.offline_updates are done."""
        goal = self.config.train.offline_updates
        while self.counters.offline < goal and not self.stopped:
            self.counters.offline += 1
            self._update('offline', self.counters.offline, goal)
        self.save()

    def online(self) -> None:
        """Collects an episode with the policy, makes G updates, and so on."""
        c, counters = self.config.train, self.counters
        goal = c.online_episodes * c.episode_updates
        with OnlineCollector(self.config, self.agent, self.data[0], self.out / EPISODES) as source:
            while not self.stopped and (
                counters.episodes < c.online_episodes or counters.online < goal
            ):
                if counters.online < counters.episodes * c.episode_updates:
                    counters.online += 1
                    self._update('online', counters.online, goal)
                else:
                    self.replay.add(self._prepared(source.collect(counters.episodes)))
                    counters.episodes += 1
                    self.log.write(self.agent.updates, 'episode', source.metrics)
                    self.save()
        self.save()

    def finetune(self) -> None:
        """Takes in the episodes that came to the datasets since, then trains one round on all.

        A round that was stopped goes on with the episodes that it had.
        """
        counters = self.counters
        if counters.finetune >= counters.finetune_goal:
            self.take_new_episodes()
            counters.finetune_goal = counters.finetune + self.config.train.finetune_updates
        first = counters.finetune_goal - self.config.train.finetune_updates
        while counters.finetune < counters.finetune_goal and not self.stopped:
            counters.finetune += 1
            self._update('finetune', counters.finetune - first, counters.finetune_goal - first)
        self.save()

    def take_new_episodes(self) -> int:
        """Adds every episode of the datasets that replay has not; returns how many."""
        known, new = set(self.replay.episodes), 0
        for episode in read_episodes(self._roots(), self.config.replay):
            if episode.id not in known:
                self.replay.add(episode)
                new += 1
        self.left_out = []
        return new

    def save(self) -> Path:
        """Writes a checkpoint of everything that the next update depends on."""
        state = {
            'agent': self.agent.state_dict(),
            'counters': asdict(self.counters),
            'replay': json.dumps(self.replay.state_dict()),
        }
        meta = {
            'updates': self.agent.updates,
            'skipped': self.agent.skipped,
            'data': [str(path.resolve()) for path in self.data],
            'episodes': list(self.replay.episodes),
            'counters': asdict(self.counters),
        }
        return save_checkpoint(self.out, state, self.config, self.spec, meta)

    def close(self) -> None:
        """Closes the metrics."""
        self.log.close()

    def _update(self, phase: str, done: int, goal: int) -> None:
        batch = self.replay.sample()
        metrics = self.agent.update(batch)
        self._recent.append(metrics)
        if self.agent.updates % self.config.train.log_every == 0 or done == goal:
            self.log.write(self.agent.updates, phase, _mean(self._recent))
            self._recent = []
        self._watch(metrics, batch)
        if self.listener is not None:
            self.listener(phase, done, goal, metrics)
        if self.agent.updates % self.config.train.save_every == 0 and done < goal:
            self.save()

    def _watch(self, metrics: Mapping[str, float], batch: Mapping[str, Any]) -> None:
        """Keeps the batch of an update that was not finite; gives up after many in a row."""
        if not metrics['update/skipped']:
            self._bad = 0
            return
        self._bad += 1
        folder = self.out / 'nonfinite'
        folder.mkdir(exist_ok=True)
        if len(list(folder.glob('*.npz'))) < DUMPS:
            flat = {name: value for name, value in batch.items() if name != 'images'}
            flat |= {f'image_{name}': value for name, value in batch['images'].items()}
            np.savez_compressed(folder / f'{self.agent.updates:08d}.npz', **flat)
        if self._bad >= GIVE_UP:
            raise TrainingError(
                f'{self._bad} updates in a row had gradients that are not finite; '
                f"their batches are in '{folder}'. Lower the learning rates, or "
                'look for wrong values in the data'
            )

    def _roots(self) -> list[Path]:
        own = self.out / EPISODES
        return [*self.data, *([own] if (own / 'manifest.jsonl').exists() else [])]

    def _prepared(self, episode: CachedEpisode) -> CachedEpisode:
        return mark_success(episode, self.config.replay.success_reward)


def open_replay(roots: Sequence[Path], config: ReplayConfig, seed: int) -> Replay:
    """Returns a Replay over the datasets' episodes; raises DatasetError where there are none."""
    return Replay(read_episodes(roots, config), config.batch, config.length, seed)


def read_episodes(roots: Sequence[Path], config: ReplayConfig) -> list[CachedEpisode]:
    """Compiles what is new in the datasets and returns all their episodes, in order."""
    return [
        mark_success(episode, config.success_reward)
        for root in roots
        for episode in compile_dataset(Dataset.open(root)).episodes
    ]


def mark_success(episode: CachedEpisode, reward: float) -> CachedEpisode:
    """Calls an episode successful where a step's reward reaches `reward`; 0 keeps its label."""
    if not reward:
        return episode
    successful = bool((episode.reward >= reward).any())
    learned = learned_columns(episode.columns, successful)
    return replace(episode, successful=successful, learned=learned)


def choose_device(name: str) -> str:
    """Returns 'cpu' or 'cuda' for train.device; raises TrainingError where it is not there."""
    available = torch.cuda.is_available()
    if name == 'cuda' and not available:
        raise TrainingError("train.device=cuda, but torch sees no GPU; use 'auto' or 'cpu'")
    return 'cuda' if available and name != 'cpu' else 'cpu'


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Averages metrics over the updates that have them; 'update/skipped' is counted."""
    names = dict.fromkeys(name for row in rows for name in row)
    means = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    means['update/skipped'] = float(sum(row['update/skipped'] for row in rows))
    return means
