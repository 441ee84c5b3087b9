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
from moto_core.errors import BundleError
from moto_core.policy.policy import OnnxPolicy
from moto_learning.export.export import export_run
from moto_learning.rounds.arrivals import Arrivals, arrivals, is_learned_from
from moto_learning.rounds.journal import Round, append_round, read_rounds, write_about
from moto_learning.rounds.judge import Judge
from moto_learning.rounds.publishing import Place
from moto_learning.rounds.settings import RoundSettings
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
        ended: Callable[[Round], None] = lambda found: None,
    ) -> None:
        """Holds the name-file for itself.

        `coming` are datasets that may not be there yet, `held_out` those that the limits of the
        surprise come from too (moto-export). `ended` hears of each round's end, the attribute
        `listener` of updates and starts as Training's does. Raises RoundError if another process
        publishes to the name.
        """
        self.training, self.place, self.settings = training, place, settings
        self.coming, self.held_out = list(coming), list(held_out)
        self.ended = ended
        self.listener: Listener | None = None
        training.listener = self._heard
        training.taking = partial(is_learned_from, held_out=settings.held_out)
        self._refused: set[str] = set()  # ids that a round left where they were
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
        self.place.in_use(self.training.spec)
        if not read_rounds(self.training.out):
            self._judge(0, time.monotonic())

    def is_due(self) -> bool:
        """Says whether there is a round to begin or to go on with."""
        return self._begun() or self.look().taken >= self.settings.episodes

    def look(self) -> Arrivals:
        """Returns what came to the datasets since the last round."""
        self._open_coming()
        training, records = self.training, []
        for dataset in training.datasets:
            dataset.refresh()
            records += dataset.episodes()
        unusable = training.skipped.keys() | self._refused
        return arrivals(records, training.replay.outcomes, unusable, self.settings.held_out)

    def round(self) -> Round | None:
        """Trains a round and judges its policy; None if it was stopped."""
        training, began = self.training, time.monotonic()
        trained = self._begun() and training.counters.finetune == training.counters.finetune_goal
        labelled = 0
        if not trained:
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
        before = self.look()
        taken = self.training.begin_round()
        if taken is None:
            return 0
        left = self.look()  # of what was there, that cannot be learned from: no reason for a round
        self._refused |= {*before.new, *before.labelled} & {*left.new, *left.labelled}
        return taken[1]

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
            bundle = export_run(self.training.out, self.place.bundles, self.held_out).path
        except BundleError as error:
            found = replace(candidate, why=str(error))
        else:
            found = self._tried(bundle, used, candidate, began)
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
        verdict = self.judge.compare(bundle, policy, used)
        if verdict is None:
            return None
        new, old, why = verdict
        found = replace(
            candidate,
            bundle=policy.hash,
            published=not why,
            why=why,
            starts=list(new.starts),
            seed=self.settings.seed,
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
