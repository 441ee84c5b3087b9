"""Looks closely at one run: films, open-loop predictions, predicted rewards, shifted images.

In: a Run. Out: Examined, with a line for everything that could not be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.errors import MotoError, one_line
from moto_core.spec import Spec
from moto_learning.agents.learner import Learner
from moto_learning.data.rewards import learned_reward
from moto_learning.data.sources import EPISODES
from moto_learning.report.bound import read_bound
from moto_learning.report.filming import Filmed, film_starts
from moto_learning.report.predictions import Prediction, predict, world_model_of
from moto_learning.report.probe import Known, by_distance, frame_errors, rewards_ahead
from moto_learning.report.runs import Run
from moto_learning.report.shifts import compare_shifts
from moto_learning.run.checkpoint import Checkpoint, learner_of
from moto_learning.run.checkpoint_files import CheckpointError
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.evaluate import Score, summarize

HELD_OUT = 'held-out episodes of the policy'
RECORDED = 'recorded episodes, which it learned from'


@dataclass(kw_only=True)
class Examined:
    """What was seen of one run."""

    run: Run
    label: str  # of its row
    checkpoint: str = ''  # the name of the one that was looked at
    source: str = ''  # which episodes the model was shown
    filmed: list[Filmed] = field(default_factory=list)
    prediction: Prediction | None = None
    numbers: dict[str, Any] = field(default_factory=dict)  # ready for JSON
    problems: list[str] = field(default_factory=list)


def examine(
    run: Run,
    label: str,
    starts: int,
    videos: int,
    listener: Callable[[Score], None] = lambda score: None,
) -> Examined:
    """Looks at the run's last checkpoint; without `videos` the simulator is left alone."""
    seen = Examined(run=run, label=label)
    try:
        seen.numbers['bound'] = read_bound(run.path)
    except MotoError as error:
        seen.problems.append(str(error))
    try:
        checkpoint = _load(run)
        learner = learner_of(checkpoint)
    except MotoError as error:
        seen.problems.append(f'not looked at closely: {error}')
        return seen
    seen.checkpoint = checkpoint.path.name
    shown = _film(seen, checkpoint, learner, starts, videos, listener) if videos else []
    seen.source = HELD_OUT if shown else RECORDED
    known = [Known(one, one.reward) for one in shown] or _recorded(seen, checkpoint.spec, starts)
    _probe(seen, learner, [one for one in known if len(one.reward) > 1])
    return seen


def _load(run: Run) -> Checkpoint:
    """Loads the last checkpoint; tries twice, as one may be removed while it is read."""
    try:
        return load_checkpoint(run.path)
    except CheckpointError:
        return load_checkpoint(run.path)


def _film(
    seen: Examined,
    checkpoint: Checkpoint,
    learner: Learner,
    starts: int,
    videos: int,
    listener: Callable[[Score], None],
) -> list[Episode]:
    """Films the policy and returns the episodes; none, and a line of why, if it cannot."""
    task = seen.run.task
    if not task:
        seen.problems.append('no videos: nothing says which task it learns')
        return []
    try:
        seen.filmed, shown = film_starts(checkpoint, learner, task, starts, videos, listener)
    except (MotoError, OSError) as error:
        seen.problems.append(f'no videos: {one_line(error)}')
        return []
    seen.numbers['held_out'] = summarize([one.score for one in seen.filmed])
    return shown


def _recorded(seen: Examined, spec: Spec, most: int) -> list[Known]:
    """Returns the newest episodes of the run's own, or of its data if it has none."""
    for root in (seen.run.path / EPISODES, *seen.run.data):
        if not (root / 'episodes').is_dir():
            continue
        try:
            dataset = Dataset.open(root)
            records = [one for one in dataset.episodes() if one.spec_hash == spec.hash][-most:]
            episodes = [dataset.read(record.id) for record in records]
        except (MotoError, OSError) as error:
            seen.problems.append(one_line(error))
            continue
        if episodes:
            return [
                Known(one, learned_reward(record.source, one.reward, one.success, record.outcome))
                for record, one in zip(records, episodes)
            ]
    return []


def _probe(seen: Examined, learner: Learner, known: list[Known]) -> None:
    model = world_model_of(learner)
    if model is None:
        seen.problems.append(
            f"its learner '{learner.config.agent}' has no world model: no predictions, predicted "
            'rewards or disagreement'
        )
        return
    if not known:
        seen.problems.append('no predictions: no episode of its robot is there to be looked at')
        return
    solved = [one for one in known if one.reward.any()]
    seen.prediction = predict(model, learner.spec, (solved or known)[0].episode)
    penalty = learner.config.actor_critic.penalty
    seen.numbers |= {
        'frame_error': frame_errors(model, known),
        'rewards': by_distance(rewards_ahead(model, known)),
        'images': compare_shifts(model, penalty, [one.episode for one in known]),
    }
