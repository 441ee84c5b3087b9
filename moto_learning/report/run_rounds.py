"""What a run's rounds beside a robot come to, in numbers.

In: a Run. Out: its rounds ready for JSON, the robot's episodes that it learned from, the round
that goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import LABELLED
from moto_core.episodes.manifest import Record
from moto_core.errors import MotoError
from moto_learning.report.runs import Run


def describe_rounds(run: Run, label: str) -> dict[str, Any]:
    """Returns the rounds of a run of the row `label`, without their metrics of training."""
    return {
        'path': str(run.path),
        'task': run.task,
        'row': label,
        'seed': run.seed,
        'robot_episodes': robot_episodes(run),
        'round_now': round_now(run),
        'rounds': [
            {name: value for name, value in asdict(one).items() if name != 'metrics'}
            for one in run.rounds
        ],
    }


def robot_episodes(run: Run) -> int:
    """Counts the episodes that the run learned from and that a robot, or its simulation, logged.

    They are a robot's or a twin's, or a policy bundle drove in them. Where the datasets are away,
    those that the rounds took in are counted.
    """
    learned, counted = {*run.meta.get('episodes', ())}, 0
    for root in run.data:
        with suppress(MotoError, OSError):
            records = Dataset.open(root).episodes()
            counted += sum(one.id in learned and _is_logged(one) for one in records)
    return max(counted, sum(one.new for one in run.rounds))


def round_now(run: Run) -> int | None:
    """Returns the number of the round that goes on: begun, or trained and not judged; else None.

    A run that no moto-finetune has judged yet is in none.
    """
    if not run.rounds:
        return None
    done = run.meta.get('counters', {})
    begun = done.get('finetune', 0) < done.get('finetune_goal', 0)
    unjudged = run.rounds[-1].updates < run.meta.get('updates', 0)
    return run.rounds[-1].number + 1 if begun or unjudged else None


def ends(rounds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the policy that the run had before its rounds, and the last that was published.

    Those alone that were tried at starts of the simulator; the first alone before a round.
    """
    tried = [one for one in rounds if one['published'] and one['starts']]
    first = [one for one in tried if not one['number']]
    later = [one for one in tried if one['number']]
    return first[:1] + later[-1:]


def _is_logged(record: Record) -> bool:
    return record.source in LABELLED or bool(record.policy_hash)
