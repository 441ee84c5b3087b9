"""Evaluations during training: starts that are never learned from, one line each in the run.

In: a learner between two updates, the run's simulator. Out: `<run>/evaluations.jsonl`, one synced
line an evaluation; training itself is not touched: starts and random numbers are others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.durable import append_synced, replace_synced
from moto_core.errors import MotoError
from moto_core.policy.policy import Policy
from moto_core.strict_json import read_maps
from moto_learning.agents.learner import Learner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config
from moto_learning.run.counters import Counters, is_evaluated
from moto_learning.run.evaluate import Score, evaluate
from moto_learning.run.simulator import Simulator

FILE = 'evaluations.jsonl'
ASIDE = 'evaluations.left.jsonl'  # of what a run went back from


class EvaluationError(MotoError):
    """An evaluation that cannot be written."""


@dataclass(frozen=True)
class Point:
    """Where in training a policy was evaluated, and how."""

    updates: int  # whole updates before it
    episodes: int  # online episodes before it
    decisions: int  # in those episodes
    explore: str  # 'mode' or 'sample' of the policy
    seed: int  # of the first start; start i has seed + i
    starts: int


@dataclass(frozen=True)
class Evaluation(Point):
    """What an evaluation found."""

    successes: int  # of `starts` episodes
    return_: float  # mean of their sums of rewards
    length: float  # mean of their decisions
    disagreement: float  # mean
    seconds: float  # that it took
    policy: str = ''  # hash of its weights
    parts: list[int] = field(default_factory=list)  # entry n: episodes of which n parts were done
    settings: str = ''  # the name (resume.py) of those that it was learned under; '': not known


class HeldOut:
    """Evaluates a learner at points of its training."""

    def __init__(
        self,
        config: Config,
        learner: Learner,
        simulator: Simulator,
        run: Path,
        settings: Sequence[str],
    ) -> None:
        """Makes it for a run whose settings have these names, its own the first (`names_of`)."""
        self.config, self.learner, self.simulator = config, learner, simulator
        self.path, self.settings = run / FILE, settings

    def measure(
        self,
        episodes: int,
        decisions: int,
        listener: Callable[[int, int], bool] = lambda done, goal: True,
    ) -> list[Evaluation]:
        """Evaluates the policy as it is now, in each way of evaluate.explore; returns what is new.

        A point that these weights have been evaluated at under these settings is not evaluated
        again. `listener`
        is told of each episode and returns whether to go on; a part of an evaluation is dropped.
        Raises EvaluationError if the result cannot be written.
        """
        c, new = self.config.evaluate, []
        known = {
            (point_of(one), one.policy)
            for one in read_evaluations(self.path.parent)
            if one.settings in self.settings
        }
        for explore in c.explore or ['mode']:
            point = Point(
                updates=self.learner.updates,
                episodes=episodes,
                decisions=decisions,
                explore=explore,
                seed=c.seed,
                starts=c.episodes,
            )
            policy = self.learner.policy(Exploration(point.explore, 0.0, point.seed))
            if (point, policy.hash) in known:
                continue
            found = self._evaluate(point, policy, listener)
            if found is None:
                break
            self._append(found)
            new.append(found)
        return new

    def set_aside(self, updates: int) -> None:
        """Moves what other settings led to after so many updates to ASIDE: that training is left.

        What is of the run and has no name of settings gets the run's: its next checkpoint has one,
        and then nothing tells any more under which settings the line came. Raises EvaluationError
        if the file cannot be written.
        """
        lines, aside = list(read_maps(self.path)), self.path.with_name(ASIDE)
        left = [line for line in lines if self._is_left(line, updates)]
        kept = [self._named(line) for line in lines if line not in left]
        if kept == lines:
            return
        try:
            known = list(read_maps(aside))  # a kill may have come between the two files
            for line in left:
                if line not in known:
                    append_synced(aside, json.dumps(line).encode())
            text = ''.join(json.dumps(line) + '\n' for line in kept)
            replace_synced(self.path, text.encode())
        except OSError as error:
            raise EvaluationError(f"cannot write '{self.path}': {error}") from error

    def _is_left(self, line: Mapping[str, Any], updates: int) -> bool:
        later = type(line.get('updates')) is int and line['updates'] > updates
        return later and line.get('settings', '') not in self.settings

    def _named(self, line: dict[str, Any]) -> dict[str, Any]:
        nameless = '' in self.settings and not line.get('settings')
        return {**line, 'settings': self.settings[0]} if nameless else line

    def _evaluate(
        self, point: Point, policy: Policy, listener: Callable[[int, int], bool]
    ) -> Evaluation | None:
        env = self.simulator.env()
        began = time.monotonic()
        scores: list[Score] = []
        for seeds in self._together(point):
            scores += self._score(policy, seeds)
            if not listener(len(scores), point.starts):
                return None
        return Evaluation(
            **asdict(point),
            successes=sum(score.success for score in scores),
            return_=float(np.mean([score.return_ for score in scores])),
            length=float(np.mean([score.decisions for score in scores])),
            disagreement=float(np.mean([score.disagreement for score in scores])),
            seconds=round(time.monotonic() - began, 3),
            policy=policy.hash,
            parts=_counts([score.parts for score in scores], len(env.task.parts())),
            settings=self.settings[0],
        )

    def _together(self, point: Point) -> list[list[int]]:
        """Returns the starts' seeds, those together that are evaluated side by side.

        A policy that draws has one row of random numbers for all starts, one after the other.
        """
        draws = point.explore != 'mode' or self.config.actor_critic.actor.act_on != 'mode'
        count = 1 if draws else min(self.config.evaluate.workers, point.starts)
        seeds = [point.seed + start for start in range(point.starts)]
        return [seeds[first : first + count] for first in range(0, len(seeds), count)]

    def _score(self, policy: Policy, seeds: list[int]) -> list[Score]:
        steps, count = self.config.collect.max_steps, self.config.evaluate.workers
        if count > 1 and len(seeds) > 1:
            return self.simulator.beside(count).evaluate(policy, seeds, steps)
        return evaluate(self.simulator.env(), policy, len(seeds), seeds[0], max_steps=steps)

    def _append(self, found: Evaluation) -> None:
        try:
            append_synced(self.path, json.dumps(asdict(found)).encode())
        except OSError as error:
            raise EvaluationError(f"cannot write '{self.path}': {error}") from error


def point_of(found: Evaluation) -> Point:
    """Returns where and how an evaluation was made."""
    return Point(**{name: getattr(found, name) for name in Point.__dataclass_fields__})


def is_finished(done: Counters, goal: Config, evaluations: Iterable[Evaluation]) -> bool:
    """Says whether a run that is so far has done all that `goal` asks for.

    The last evaluation is part of it: a run stopped in the middle of that is not finished. Rounds
    of fine-tuning that came after it are none of it.
    """
    c = goal.train
    trained = (
        done.offline >= c.offline_updates
        and done.episodes >= c.online_episodes
        and done.online >= done.online_goal
    )
    if not trained or not is_evaluated(done.episodes, goal):
        return trained
    e, updates = goal.evaluate, done.offline + done.online
    asked = [(last, e.episodes, e.seed) for last in (updates, updates + done.finetune)]
    there = {one.explore for one in evaluations if (one.updates, one.starts, one.seed) in asked}
    return there >= set(e.explore or ['mode'])


def read_evaluations(run: Path) -> list[Evaluation]:
    """Returns the whole lines of a run's evaluations, the oldest first."""
    found = [sound_evaluation(line) for line in read_maps(run / FILE)]
    return [one for one in found if one is not None]


def sound_evaluation(line: Mapping[str, Any]) -> Evaluation | None:
    """Returns the evaluation that a line tells of; None if it is damaged."""
    with suppress(TypeError):
        found = Evaluation(**line)
        if _is_sound(found):
            return found
    return None


def _counts(values: list[int], most: int) -> list[int]:
    """Returns how many of the values are 0, 1, ... `most`."""
    return [values.count(number) for number in range(most + 1)]


def _is_sound(found: Evaluation) -> bool:
    whole = (found.updates, found.episodes, found.decisions, found.seed, found.successes)
    real = (found.return_, found.length, found.disagreement, found.seconds)
    return (
        all(type(value) is int and value >= 0 for value in (*whole, found.starts, *found.parts))
        and all(type(value) in (int, float) for value in real)  # finite: read_maps sees to it
        and isinstance(found.explore, str)
        and isinstance(found.policy, str)
        and isinstance(found.settings, str)
        and found.successes <= found.starts > 0
        and sum(found.parts) in (0, found.starts)
    )
