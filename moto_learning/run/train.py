"""Training, from the top: an offline phase, an online phase, rounds of fine-tuning (Algorithm 1).

In: Config, datasets. Out: a run's folder with checkpoints, metrics and, online, a dataset of its
own episodes. Every phase can stop after any update and continue with the same numbers; killed
anywhere, a run goes on from its last checkpoint: the updates since then are made again on the same
batches (bit-equal on a CPU), and online episodes since then are taken from the journal.

Of several processes (moto_learning/processes.py) all make every update; the first alone collects,
evaluates and writes, and the others read its episodes from the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from moto_core.config import to_dict, to_yaml
from moto_core.durable import replace_synced
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.identity import Identity, differences
from moto_core.errors import ConfigError, DatasetError, one_line
from moto_core.spec import Setup, Spec
from moto_learning import processes
from moto_learning.agents.learner import Learner, make_learner
from moto_learning.config import Config
from moto_learning.data.cache import CachedEpisode, cache_episode
from moto_learning.data.replay import Replay, without_gone
from moto_learning.data.sources import (
    EPISODES,
    Found,
    Reading,
    common_robot,
    open_datasets,
    own_dataset,
    own_episodes,
    read_episodes,
    with_success,
)
from moto_learning.run.boards import open_boards
from moto_learning.run.checkpoint import Checkpoint, contents_of, restore
from moto_learning.run.checkpoint_files import CheckpointError
from moto_learning.run.checkpoints import (
    is_begun,
    latest_checkpoint,
    save_checkpoint,
    tidy_checkpoints,
)
from moto_learning.run.counters import Counters, ToCome, is_evaluated
from moto_learning.run.heldout import HeldOut
from moto_learning.run.journal import SUPERSEDED, Entry, Journal, discard_uncounted, set_aside
from moto_learning.run.lock import lock_run
from moto_learning.run.metrics import MetricsLog, Unwritten
from moto_learning.run.online import OnlineCollector
from moto_learning.run.resume import names_of
from moto_learning.run.simulator import Simulator, unsimulated
from moto_learning.run.tasks import learned_tasks, of_other_tasks
from moto_learning.run.watch import UNKNOWN, TrainingError, Watch

Listener = Callable[[str, int, int, Mapping[str, float]], None]


class Training:
    """A run: its learner, replay, counters and files; it holds the run's lock until `close`."""

    def __init__(
        self,
        config: Config,
        spec: Spec,
        data: Sequence[Path | Dataset],
        out: Path,
        listener: Listener | None = None,
        resumed: Checkpoint | None = None,
        reading: Reading | None = None,
        taking: Callable[[CachedEpisode, bool], bool] = lambda episode, known: True,
        gone: bool = False,
    ) -> None:
        """Starts a run in `out`, or continues the one there from its last checkpoint.

        One that has no checkpoint any more starts anew: what it collected under these settings
        is met again where it was collected.
        `taking` says of an episode, and whether it is known, whether a round of fine-tuning takes
        it in as it is now. With `gone` a resumed run goes on without episodes of its checkpoint
        that are no longer there. `data` are folders, or datasets that are open already.
        `listener` is told of each update and of each episode that is collected or evaluated,
        `reading` of each that is read. Raises RunLockedError if another process trains it, and
        DatasetError, ConfigError or CheckpointError for data, settings or a checkpoint that
        cannot be used.
        """
        self.config, self.spec, self.out = config, spec, out
        self.datasets = open_datasets(data)
        self.data = [dataset.root for dataset in self.datasets]
        self.listener, self.taking = listener, taking
        self.episode_updates = 0  # of a round for each episode; 0: train.finetune_updates a round
        self.stopped = False  # set from a signal handler: stop after this update
        self.left_out: list[str] = []  # episodes that came after the checkpoint
        self.gone: list[str] = []  # episodes of the checkpoint that it goes on without
        self._without_gone = gone
        self.skipped: dict[str, str] = {}  # id: why an episode cannot be used
        self.discarded: dict[str, str] = {}  # episodes that were set aside, and why
        self._held = ExitStack()  # the run's lock
        try:
            with processes.first_in_turn():
                if processes.leads():
                    self._held.callback(lock_run(out).release)
                self._open(resumed, reading)
            if processes.number() > 1:
                self._check_alike()
        except BaseException:
            self._held.close()
            raise

    def _open(self, resumed: Checkpoint | None, reading: Reading | None) -> None:
        config, out = self.config, self.out
        self.counters, lines = Counters(), 0
        self._recent: list[dict[str, float]] = []  # metrics of updates since the last line
        self._watch = Watch(out, config.train.divergence)
        self._evaluated = -1  # online episodes at the last evaluation of this process
        self._unsaved = resumed is not None and resumed.config != config
        self._settings = names_of(config, resumed)
        self._journal = Journal(out, self._settings)
        if processes.leads():
            tidy_checkpoints(out)
        journal = self._journal.ids
        counted = set(journal)
        if resumed is not None:
            _check_newest(resumed, out)
            with contents_of(resumed.path):
                counted |= set(resumed.run['replay']['episodes'])
        if processes.leads():
            self.discarded = discard_uncounted(out / EPISODES, counted, config.seed, len(journal))
        episodes, self.skipped, spec, self.setup = self._read(reading)
        wrong = differences(Identity(self.spec, Setup()), spec) if spec else []
        if wrong:
            raise DatasetError(
                f"the run and '{self.data[0]}' are of two robots: {'; '.join(wrong)}. "
                'A run learns from one: start a new run for it'
            )
        c = config.replay
        later = journal & own_episodes(out) if resumed is None else ()
        first = [episode for episode in episodes if episode.id not in later]
        self.replay = Replay(
            first,
            c.batch,
            c.length,
            config.seed,
            c.successful,
            c.demonstrations,
            c.demonstrations_half,
        )
        self.learner = _made(config, self.spec)
        self._simulator = Simulator(config, self.spec, self.datasets)
        self.unsimulated = unsimulated(config, self.datasets)
        self._held_out = HeldOut(config, self.learner, self._simulator, out, self._settings)
        if resumed is not None:
            restore(self.learner, resumed)
            lines = self._restore(resumed)
        own, ids = own_dataset(out), set(self.replay.episodes)
        self.tasks = learned_tasks([*self.datasets, *own], ids, config.collect.task)
        known = {episode.id: episode for episode in episodes}
        self._waiting = {key: known[key] for key in known.keys() - set(self.replay.episodes)}
        self.left_out = sorted(self._waiting.keys() - self._journal.ids)
        self.log: MetricsLog | Unwritten = Unwritten()
        if processes.leads():
            self.log = MetricsLog(out, open_boards(config, out, self.learner.updates), lines)
        if not self._unsaved:
            self._write_config()

    def _check_alike(self) -> None:
        """Raises DatasetError unless this process begins as the first one does."""
        ours = {'weights': self.learner.policy().hash, **self.replay.state_dict()}
        theirs = processes.from_first(lambda: ours)
        wrong = [name for name, value in theirs.items() if value != ours[name]]
        if wrong:
            raise DatasetError(
                f'this process and the first differ in {", ".join(wrong)}: they read other data '
                'or run another version. Let all see the same folders, which nobody writes to '
                'while they start, and start again'
            )

    def prepare(self, phase: str) -> None:
        """Makes the simulator now if `--phase` will need it after its updates.

        Raises ConfigError before the first of them if it does not fit the data, or if there is
        none to practise in.
        """
        to_come = self.to_come(phase)
        if not to_come.updates or not (to_come.episodes or to_come.starts):
            return
        if self.unsimulated:
            raise ConfigError(
                f'{self.unsimulated}: there is no online phase. --phase offline learns from the '
                'data alone'
            )
        try:
            self._simulator.env()
        except ConfigError as error:
            raise ConfigError(
                f'{error}. Without a simulator: --phase offline evaluate.every=0'
            ) from None

    def offline(self) -> None:
        """Trains on the datasets until train.offline_updates are done."""
        goal = self.config.train.offline_updates
        self._begin()
        while self.counters.offline < goal and not self._ends():
            self.counters.offline += 1
            self._update('offline', self.counters.offline, goal)
        self.save('offline')
        self._evaluate()

    def online(self) -> None:
        """Collects an episode with the policy, makes G updates, and so on."""
        c, counters = self.config.train, self.counters
        self._begin()
        if not is_begun(self.out):
            self.save('online')  # the first episode, too, can be killed and resumed
        own = self.out / EPISODES
        self._set_aside(own)
        with OnlineCollector(self.config, self.learner, self._simulator, own) as source:
            while not self._ends():
                to_come = max(0, c.online_episodes - counters.episodes) * c.episode_updates
                if counters.online < counters.online_goal:
                    counters.online += 1
                    self._update('online', counters.online, counters.online_goal + to_come)
                    continue
                self._evaluate()
                if counters.episodes >= c.online_episodes or self._ends():
                    break
                self._take_episode(source)
        self.save('online')

    def finetune(self) -> None:
        """Begins a round (`begin_round`), or goes on with one that was stopped, and trains it."""
        counters = self.counters
        self._begin()
        self.begin_round()
        length = self.config.train.finetune_updates
        first = counters.finetune if self.episode_updates else counters.finetune_goal - length
        while counters.finetune < counters.finetune_goal and not self.stopped:
            counters.finetune += 1
            self._update('finetune', counters.finetune - first, counters.finetune_goal - first)
        self.save()

    def begin_round(self) -> tuple[int, int] | None:
        """Takes in the episodes and labels that came to the datasets since the last round.

        Returns how many episodes and how many labels are new, or None if a round goes on that was
        begun before: it keeps the episodes that it had.
        """
        counters = self.counters
        if counters.finetune < counters.finetune_goal:
            return None
        new = self.take_new_episodes()
        updates = self.config.train.finetune_updates
        if self.episode_updates:
            updates = self.episode_updates * sum(new)
        counters.finetune_goal = counters.finetune + updates
        self.save()
        return new

    def take_new_episodes(self) -> tuple[int, int]:
        """Takes in every episode of the datasets as it is labelled now.

        One of another task than the run learns is left out, and `skipped` says so. Returns how
        many are new and how many known ones have another label.
        """
        for dataset in self.datasets:
            dataset.refresh()
        found = self._read()
        records = [one for dataset in self.datasets for one in dataset.episodes()]
        others = of_other_tasks(records, self.tasks)
        self.left_out, self.skipped = [], found.skipped | others
        known = set(self.replay.episodes)
        own = [one for one in found.episodes if one.id not in others]
        taken = [one for one in own if self.taking(one, one.id in known)]
        return self.replay.update(taken)

    def watch(self, dataset: Dataset) -> None:
        """Adds a dataset, of which the next round takes in the episodes.

        Raises DatasetError that names both if it is of another robot than those that are there.
        """
        common_robot([*self.datasets, dataset])
        self.datasets.append(dataset)
        self.data.append(dataset.root)

    def to_come(self, phase: str) -> ToCome:
        """Counts what `--phase` has still to do."""
        to_come = self.counters.to_come(phase, self.config, self._evaluated)
        return to_come._replace(starts=0) if self.unsimulated else to_come

    def save(self, phase: str = '') -> Path:
        """Writes a checkpoint of everything that the next update depends on."""
        if not processes.leads():  # it has the same
            self._unsaved = False
            return self.out
        run = {
            'counters': asdict(self.counters),
            'replay': self.replay.state_dict(),
            'recent': self._recent,
            'watch': self._watch.state_dict(),
            'lines': self.log.lines,
        }
        meta = {
            'updates': self.learner.updates,
            'skipped': self.learner.skipped,
            'data': [str(path.resolve()) for path in self.data],
            'episodes': list(self.replay.episodes),
            'setup': to_dict(self.setup),
            'counters': asdict(self.counters),
            'kept': self._is_milestone(phase),
            'sound': self._watch.sound,
            'settings': self._settings[0],
        }
        keep, learner = self.config.train.keep, self.learner.state_dict()
        saved = save_checkpoint(self.out, learner, run, self.config, self.spec, meta, keep)
        if self._unsaved:  # a resume that was refused before this has changed nothing
            self._write_config()
            self._unsaved = False
        return saved

    def close(self) -> None:
        """Closes simulator and metrics and gives the run's lock back."""
        self._simulator.close()
        self.log.close()
        self._held.close()

    def _read(self, reading: Reading | None = None) -> Found:
        """Reads the episodes of the datasets, and of the run's own, as they were opened."""
        data = [*self.datasets, *own_dataset(self.out)]
        return read_episodes(data, self.config.replay.success_parts, reading)

    def _update(self, phase: str, done: int, goal: int) -> None:
        batch = self.replay.sample()
        metrics = self.learner.update(batch)
        self._recent.append(metrics)
        if self.learner.updates % self.config.train.log_every == 0 or done == goal:
            self.log.write(self.learner.updates, phase, _mean(self._recent))
            self._recent = []
        self._watch.see(self.learner.updates, metrics, batch)
        if self.listener is not None:
            self.listener(phase, done, goal, metrics)
        due = self.learner.updates % self.config.train.save_every == 0 and done < goal
        if due or self._is_milestone(phase):
            self.save(phase)

    def _ends(self) -> bool:
        """Whether to stop now; of several processes all do once one of them is told to."""
        self.stopped = processes.any_of(self.stopped)
        return self.stopped

    def _write_config(self) -> None:
        if processes.leads():
            replace_synced(self.out / 'config.yaml', to_yaml(self.config).encode())

    def _begin(self) -> None:
        """Makes the settings of a resumed run its own before anything is done under them."""
        if self._unsaved:
            self.save()
        if processes.leads():
            self._held_out.set_aside(self.learner.updates)

    def _set_aside(self, own: Path) -> None:
        """Sets aside what the run collected later under other settings."""
        later = self._journal.superseded(self.counters.episodes)
        waiting = [episode for episode in later if episode in self._waiting]
        if processes.leads():
            self.discarded |= set_aside(own, waiting, SUPERSEDED)
        self._waiting = {key: self._waiting[key] for key in self._waiting.keys() - set(waiting)}

    def _take_episode(self, source: OnlineCollector) -> None:
        """Counts the next online episode: the journal's if it was collected before, or a new one.

        Only the journal is written: weights follow every train.save_every updates.
        """
        index = self.counters.episodes
        entry, collected = processes.from_first(lambda: self._next_episode(source, index))
        if entry.id not in self._waiting.keys() | set(self.replay.episodes):
            self._waiting[entry.id] = self._read_own(entry.id)
        if entry.id in self._waiting:
            self.replay.add(self._waiting.pop(entry.id))
        self.counters.episodes += 1
        self.counters.online_goal += self.config.train.episode_updates
        self.log.write(self.learner.updates, 'episode', entry.metrics)
        if collected and self.listener is not None:
            self.listener('episode', index + 1, self.config.train.online_episodes, {})
        if not self.config.train.episode_updates and self._is_milestone('online'):
            self.save('online')

    def _next_episode(self, source: OnlineCollector, index: int) -> tuple[Entry, bool]:
        """Returns the entry of an online episode, and whether it was collected just now."""
        entry = self._journal.find(index)
        known = self._waiting.keys() | set(self.replay.episodes)
        if entry is not None and entry.id in known:
            return entry, False
        episode = with_success(source.collect(index), self.config.replay.success_parts)
        entry = Entry(
            index=index,
            id=episode.id,
            update=self.learner.updates,
            metrics=source.metrics,
            settings=self._settings[0],
        )
        self._waiting[episode.id] = episode
        self._journal.append(entry)
        return entry, True

    def _read_own(self, key: str) -> CachedEpisode:
        """Returns an episode that the first process has collected."""
        with Dataset.open(self.out / EPISODES) as dataset:
            assert dataset.spec is not None, dataset.root  # it has an episode
            episode, _ = cache_episode(dataset.root, dataset.find(key), dataset.spec)
        return with_success(episode, self.config.replay.success_parts)

    def _evaluate(self) -> None:
        """Evaluates the policy if it is due: every so many online episodes, and after the last."""
        done, trained = self.counters.episodes, self.counters.online == self.counters.online_goal
        if not processes.leads() or self.stopped or self.unsimulated or not trained:
            return
        if not is_evaluated(done, self.config):
            return

        def told(start: int, starts: int) -> bool:
            if self.listener is not None:
                self.listener('evaluation', start, starts, {})
            return not self.stopped

        for found in self._held_out.measure(done, self._journal.decisions(done), told):
            metrics = {
                f'evaluation/{found.explore}_success': found.successes / found.starts,
                f'evaluation/{found.explore}_return': found.return_,
            }
            self.log.draw(self.learner.updates, metrics)
        self._evaluated = done

    def _is_milestone(self, phase: str) -> bool:
        """Whether the checkpoint of now is one that stays."""
        c, counters = self.config.train, self.counters
        if counters.episodes:
            trained = phase == 'online' and counters.online == counters.online_goal
        else:
            trained = phase in ('offline', 'online') and counters.offline >= c.offline_updates
        return self.learner.updates in c.milestone_updates or (
            trained and counters.episodes in c.milestone_episodes
        )

    def _restore(self, resumed: Checkpoint) -> int:
        """Takes the run's state from a checkpoint; returns its count of lines of metrics."""
        with contents_of(resumed.path):
            state = resumed.run
            self.counters = Counters(**state['counters'])
            self._recent = [dict(row) for row in state['recent']]
            _mean(self._recent)
            self._watch.load_state_dict(state.get('watch', UNKNOWN))
            replay = state['replay']
            if self._without_gone:
                replay, self.gone = without_gone(replay, set(self.replay.episodes))
            self.replay.load_state_dict(replay)
            return int(state['lines'])


def _check_newest(resumed: Checkpoint, out: Path) -> None:
    """Raises CheckpointError unless `resumed` is the last checkpoint of the run in `out`."""
    if resumed.path == out:
        raise CheckpointError(
            f"'{out}' is one checkpoint; --resume takes the run's folder. To go back to it, copy "
            'the run and remove the later checkpoints there'
        )
    if latest_checkpoint(out) != resumed.path:
        raise CheckpointError(
            f"another process went on with '{out}' meanwhile; try --resume again"
        )


def _made(config: Config, spec: Spec) -> Learner:
    """Returns a new learner; raises TrainingError if the memory does not hold it."""
    try:
        return make_learner(config, spec, choose_device(config.train.device))
    except (MemoryError, RuntimeError) as error:
        if 'alloc' not in str(error) and 'memory' not in str(error):
            raise
        raise TrainingError(
            f'the model does not fit into memory ({one_line(error, 160)}); lower the sizes of '
            'model.rssm'
        ) from error


def choose_device(name: str) -> str:
    """Returns 'cpu' or 'cuda' for train.device; raises TrainingError if it is not there."""
    available, here = torch.cuda.is_available(), processes.here()
    if available and name != 'cpu' and here > max(1, torch.cuda.device_count()):
        raise TrainingError(
            f'{here} processes on this machine and {torch.cuda.device_count()} GPUs; each takes '
            'one: give torchrun --nproc-per-node as many, or train.device=cpu'
        )
    if name == 'cuda' and not available:
        raise TrainingError("train.device=cuda, but torch sees no GPU; use 'auto' or 'cpu'")
    return 'cuda' if available and name != 'cpu' else 'cpu'


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Averages metrics over the updates that have them; 'update/skipped' is counted.

    One that was skipped says nothing else, unless all were.
    """
    taken = [row for row in rows if not row['update/skipped']] or rows
    names = dict.fromkeys(name for row in taken for name in row)
    means = {name: float(np.mean([row[name] for row in taken if name in row])) for name in names}
    means['update/skipped'] = float(sum(row['update/skipped'] for row in rows))
    return means
