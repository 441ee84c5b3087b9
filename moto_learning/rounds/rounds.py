"""Rounds of fine-tuning beside a robot: watch, learn, try, publish, and again.

    datasets --> arrivals --> Training.finetune --> bundle --> trial beside the one in use
       ^                                                          |              |
       |                                                      published    refused, and why
       +--- episodes, labels --- robot --- policy node <--- name-file

In: a run (Training), the folder of bundles and the name-file. Out: bundles, the name moved on, a
line a round in `<run>/rounds.jsonl`. Killed anywhere it goes on: a round in training from the last
checkpoint, one that was trained and not yet judged with its trial.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.errors import BundleError
from moto_core.policy.policy import OnnxPolicy
from moto_learning.export.export import export_run
from moto_learning.rounds.arrivals import Arrivals, arrivals, is_learned_from
from moto_learning.rounds.begun import Begun
from moto_learning.rounds.journal import Round, append_round, read_about, read_rounds, write_about
from moto_learning.rounds.judge import Judge
from moto_learning.rounds.publishing import Place
from moto_learning.rounds.settings import RoundSettings
from moto_learning.run.tasks import of_other_tasks
from moto_learning.run.train import Listener, Training

TICK = 0.1  # [s] in which a signal is heard while nothing arrives


class Rounds:
    """Runs rounds on a Training; `close` ends what it holds."""

    def __init__(
        self,
        training: Training,
        place: Place,
        settings: RoundSettings,
        coming: Sequence[Path] = (),
        held_out: Sequence[Path] = (),
        begun: Callable[[Begun], None] = lambda found: None,
        ended: Callable[[Round], None] = lambda found: None,
    ) -> None:
        """Holds the name-file for itself.

        `coming` are datasets that may not be there yet, `held_out` those that the limits of the
        surprise come from too (moto-export). `begun` hears of each round before it is trained,
        `ended` of its end, the attribute `listener` of updates and starts as Training's does.
        Raises RoundError if another process publishes to the name.
        """
        self.training, self.place, self.settings = training, place, settings
        self.coming, self.held_out = list(coming), list(held_out)
        self.begun, self.ended = begun, ended
        self.listener: Listener | None = None
        training.listener = self._heard
        training.episode_updates = settings.episode_updates
        training.taking = partial(is_learned_from, held_out=settings.held_out)
        self._left = {  # id: the state in which it could not be learned from
            one.id: _state(one)
            for dataset in training.datasets
            for one in dataset.episodes()
            if one.id in training.skipped
        }
        self._states: dict[str, tuple[str, int, int]] = {}  # as of the last look
        self.others: dict[str, str] = {}  # of other tasks, as of the last look, and what to do
        self._metrics: dict[str, float] = {}
        self.judge = Judge(training, settings)
        self._lock = place.hold()

    def close(self) -> None:
        """Closes the simulator and gives the name back."""
        self.judge.close()
        self._lock.release()

    def begin(self) -> None:
        """Tries what can be tried, and publishes the run's policy as it is if none is in use.

        Raises BundleError or ConfigError if the bundle in use cannot be loaded or is another
        robot's, ConfigError if there is no simulator for the starts.
        """
        self.judge.prepare()
        for root in self.held_out:
            Dataset.open(root)
        used, rounds = self.place.in_use(self.training.spec), read_rounds(self.training.out)
        published = [self.place.bundles / one.bundle for one in rounds if one.published]
        there = [bundle for bundle in published if bundle.is_dir()]
        if used is None and there:  # another name, or one that was lost
            self.place.publish(there[-1])
        elif used is None or not rounds:
            self._judge(0, time.monotonic())

    def is_due(self, found: Arrivals | None = None) -> bool:
        """Says whether there is a round to begin or to go on with; `found`: by the last look."""
        return self._begun() or (found or self.look()).taken >= self.settings.episodes

    def look(self) -> Arrivals:
        """Returns what came to the datasets since the last round.

        Episodes of other tasks than the run learns are none of it; `others` says which.
        """
        self._open_coming()
        training, records = self.training, []
        for dataset in training.datasets:
            try:
                dataset.refresh()
            except OSError:  # a share that is away for a moment, and its labels with it
                continue
            records += dataset.episodes()
        self._states = {one.id: _state(one) for one in records}
        self.others = of_other_tasks(records, training.tasks)
        left = {key for key, state in self._left.items() if self._states.get(key) == state}
        unusable, known = left | self.others.keys(), training.replay.outcomes
        return arrivals(records, known, unusable, self.settings.held_out)

    def round(self) -> Round | None:
        """Trains a round and judges its policy; None if it was stopped."""
        training, began = self.training, time.monotonic()
        trained = self._begun() and training.counters.finetune == training.counters.finetune_goal
        labelled = 0
        if trained:
            self.begun(Begun(number=self._number(), updates=0, goes_on=True))
        else:
            labelled = self._take_in()
            training.finetune()
        return None if training.stopped else self._judge(labelled, began)

    def wait(self) -> None:
        """Waits until it is time for another look, or the training is to stop."""
        until = time.monotonic() + self.settings.poll
        while not self.training.stopped and time.monotonic() < until:
            time.sleep(min(TICK, self.settings.poll))

    def _heard(self, name: str, done: int, goal: int, metrics: Mapping[str, float]) -> None:
        """Keeps the metrics of an update for the round's line, and passes all on."""
        if metrics:
            self._metrics = {k: float(v) for k, v in metrics.items() if math.isfinite(v)}
        if self.listener is not None:
            self.listener(name, done, goal, metrics)

    def _take_in(self) -> int:
        """Begins a round, or goes on with one; returns how many labels were taken in."""
        before, states = self.look(), self._states
        taken, counters = self.training.begin_round(), self.training.counters
        number, updates = self._number(), counters.finetune_goal - counters.finetune
        if taken is None:
            self.begun(Begun(number=number, updates=updates, goes_on=True))
            return 0
        left = self.look()  # of what was there, that cannot be learned from: no reason for a round
        for key in {*before.new, *before.labelled} & {*left.new, *left.labelled}:
            if states[key] == self._states[key]:  # a label that came meanwhile is looked at
                self._left[key] = states[key]
        new, labelled = taken
        apart = len(left.apart)
        self.begun(Begun(number=number, updates=updates, new=new, labelled=labelled, apart=apart))
        return labelled

    def _number(self) -> int:
        return len(read_rounds(self.training.out))

    def _begun(self) -> bool:
        """Says whether a round is being trained, or was and is not judged."""
        counters, judged = self.training.counters, read_rounds(self.training.out)
        if counters.finetune < counters.finetune_goal:
            return True
        return bool(judged) and judged[-1].updates < self.training.learner.updates

    def _judge(self, labelled: int, began: float) -> Round | None:
        used = self.place.in_use(self.training.spec)
        candidate = self._candidate(labelled, used.hash if used else '')
        found: Round | None
        try:
            done = export_run(self.training.out, self.place.bundles, self.held_out)
        except BundleError as error:
            if isinstance(error.__cause__, OSError):  # says nothing about the policy
                raise
            found = replace(candidate, why=str(error))
        else:
            candidate = replace(candidate, note=done.note)
            found = self._tried(done.path, used, candidate, began)
        if found is not None:
            append_round(self.training.out, found)
            self.ended(found)
        return found

    def _candidate(self, labelled: int, used: str) -> Round:
        """Returns what is known of a round before its bundle is tried."""
        replay, rounds = self.training.replay, read_rounds(self.training.out)
        episodes = len(replay.episodes)
        return Round(
            number=len(rounds),
            updates=self.training.learner.updates,
            bundle='',
            used=used,
            published=False,
            new=max(0, episodes - rounds[-1].episodes) if rounds else 0,
            labelled=labelled,
            episodes=episodes,
            successes=replay.successes,
            metrics=self._metrics,
        )

    def _tried(
        self, bundle: Path, used: OnnxPolicy | None, candidate: Round, began: float
    ) -> Round | None:
        """Compares a bundle with the one in use, and publishes it if it is no worse."""
        policy = OnnxPolicy(bundle, robot=self.training.spec, latency_limit=float('inf'))
        earlier = read_about(bundle)
        if used is not None and used.hash == policy.hash and earlier and candidate.number:
            return replace(  # killed once it was published; the counts are the run's, not a file's
                earlier,
                number=candidate.number,
                updates=candidate.updates,
                new=candidate.new,
                episodes=candidate.episodes,
                successes=candidate.successes,
            )
        seed = self.settings.seed + candidate.number * self.settings.starts  # others each round
        verdict = self.judge.compare(policy, used, seed)
        if verdict is None:
            return None
        new, old, why = verdict
        found = replace(
            candidate,
            bundle=policy.hash,
            published=not why,
            why=why,
            starts=list(new.starts),
            seed=seed,
            used_starts=list(old.starts),
            error=new.error if new.errors else None,
            used_error=old.error if old.errors else None,
            apart=len(new.errors),
            seconds=round(time.monotonic() - began, 3),
        )
        write_about(bundle, found)
        if found.published and (used is None or used.hash != policy.hash):
            self.place.publish(bundle)
        return found

    def _open_coming(self) -> None:
        """Takes datasets that have an episode now."""
        for root in list(self.coming):
            if not (root / 'episodes').is_dir():
                continue
            dataset = Dataset.open(root)
            if dataset.episodes():
                self.training.watch(dataset)
                self.coming.remove(root)


def _state(record: Record) -> tuple[str, int, int]:
    """Returns what changes of an episode if it is labelled or copied again."""
    return record.outcome, record.size, record.changed
