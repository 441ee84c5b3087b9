"""The report about runs: what is read, what is looked at closely, and every number of the page.

In: folders of runs and of sweeps. Out: Report, and its numbers as report.json holds them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.errors import ConfigError
from moto_learning.report.examine import Examined, examine
from moto_learning.report.places import find_runs
from moto_learning.report.provenance import describe
from moto_learning.report.rows import row_names
from moto_learning.report.run_rounds import describe_rounds
from moto_learning.report.runs import Run, read_run
from moto_learning.report.tables import mean_table, paper_curves, success_groups, task_tables
from moto_learning.report.training import (
    fine_tuned_from,
    loss_names,
    moving_mean,
    online_episodes,
    series,
    thinned,
)
from moto_learning.run.commit import git_hash
from moto_learning.run.evaluate import Score
from moto_learning.run.machine import machine_name

Listener = Callable[[str, int, int], None]  # what is looked at, episodes done, of how many
FORMAT = 1  # of report.json


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in the folders."""

    runs: list[Run]
    names: list[str]  # of each run's row
    examined: list[Examined]
    problems: list[str]  # lines about what is missing or damaged
    seconds: float  # that it took


def make_report(
    folders: Sequence[Path],
    starts: int,
    videos: int,
    listener: Listener = lambda name, done, total: None,
) -> Report:
    """Reads the runs in the folders and looks closely at the first seed of each task and row.

    `starts` held-out episodes each are run, and `videos` successes and as many failures filmed (0:
    recorded episodes are looked at and no simulator is needed). Raises ConfigError if no folder
    holds a run, or two the same seed of one row.
    """
    began = time.monotonic()
    places, problems = find_runs(folders)
    if not places:
        raise ConfigError('; '.join(problems) or 'no folder was given')
    runs = [read_run(place) for place in places]
    names = row_names(runs)
    chosen: dict[tuple[str, str], Run] = {}
    for run, name in zip(runs, names):
        if run.meta:
            chosen.setdefault((run.task, name), run)
    examined = []
    for (task, name), run in chosen.items():
        told = _told(f'{task} {name}', starts, listener) if videos else _unheard
        examined.append(examine(run, name, starts, videos, told))
    problems += [f'{run.path}: {line}' for run in runs for line in run.problems]
    problems += [f'{one.run.path}: {line}' for one in examined for line in one.problems]
    return Report(
        runs=runs,
        names=names,
        examined=examined,
        problems=problems,
        seconds=time.monotonic() - began,
    )


def numbers(report: Report) -> dict[str, Any]:
    """Returns every number of the page, ready for JSON; what is not finite is null."""
    groups = success_groups(report.runs, report.names)
    tasks = list(dict.fromkeys(run.task for run in report.runs))
    found = {
        'format': FORMAT,
        'made': time.strftime('%Y-%m-%d %H:%M:%S'),
        'commit': git_hash(),
        'machine': machine_name(),
        'seconds': report.seconds,
        'problems': report.problems,
        'runs': [{**describe(run), 'row': name} for run, name in zip(report.runs, report.names)],
        'success': groups,
        'paper': {
            task: paper_curves(task, [run.row for run in report.runs if run.task == task])
            for task in tasks
        },
        'tables': task_tables(groups),
        'means': mean_table(groups),
        'rounds': [
            describe_rounds(run, name)
            for run, name in zip(report.runs, report.names)
            if run.rounds
        ],
        'training': [_training(run, name) for run, name in zip(report.runs, report.names)],
        'looks': [
            {
                'path': str(one.run.path),
                'task': one.run.task,
                'row': one.label,
                'seed': one.run.seed,
                'checkpoint': one.checkpoint,
                'source': one.source,
                **one.numbers,
            }
            for one in report.examined
        ],
    }
    return _finite(found)


def _unheard(score: Score) -> None:
    """Hears of no episode: none is run."""


def _told(name: str, starts: int, listener: Listener) -> Callable[[Score], None]:
    done: list[Score] = []
    listener(name, 0, starts)

    def tell(score: Score) -> None:
        done.append(score)
        listener(name, len(done), starts)

    return tell


def _training(run: Run, label: str) -> dict[str, Any]:
    """Returns a run's online episodes, moving means of them and its losses, as they are drawn."""
    online = online_episodes(run.journal)
    means = {
        name: moving_mean(getattr(online, name)) for name in ('success', 'return_', 'disagreement')
    }
    decisions, *values = thinned(online.decisions, *means.values())
    losses = {}
    for key in loss_names(run.metrics):
        updates, found = series(run.metrics, key)
        if len(updates):
            updates, found = thinned(updates, found)
            losses[key] = {'updates': updates.tolist(), 'values': found.tolist()}
    length = np.diff(online.decisions, prepend=0.0)
    return {
        'path': str(run.path),
        'task': run.task,
        'row': label,
        'seed': run.seed,
        'online': {
            'decisions': decisions.tolist(),
            **{name: value.tolist() for name, value in zip(means, values)},
        },
        'losses': losses,
        'fine_tuned_from': fine_tuned_from(run.metrics),
        'episodes': [
            {
                'decisions': int(length[index]),
                'return': float(online.return_[index]),
                'success': float(online.success[index]),
                'disagreement': float(online.disagreement[index]),
            }
            for index in range(len(length))
        ],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
