"""Where a run comes from: the nearest preset, differences from it, commit, machine, time.

In: a Run. Out: plain values for the page and report.json.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from moto_core.config import flatten, load_config, share_dir, to_dict
from moto_core.errors import MotoError
from moto_learning.config import Config
from moto_learning.data.sources import open_datasets
from moto_learning.report.run_rounds import robot_episodes, round_now
from moto_learning.report.runs import Run
from moto_learning.report.training import cpu_time, wall_time
from moto_learning.run.counters import Counters
from moto_learning.run.heldout import is_finished
from moto_learning.run.simulator import unsimulated
from moto_learning.run.watch import DIVERGED

NOT_COUNTED = ('seed', 'collect.task', 'train.threads', 'train.device', 'train.tensorboard')


class Nearest(NamedTuple):
    """The shipped preset from which settings differ least."""

    name: str
    differences: dict[str, tuple[Any, Any]]  # key: the run's value, the preset's


def nearest_preset(config: Config) -> Nearest:
    """Returns the preset of config/train with the fewest differences, and those."""
    ours = dict(flatten(to_dict(config)))
    found = [Nearest(name, _differences(ours, theirs)) for name, theirs in _presets().items()]
    return min(found, key=lambda one: len(one.differences))


def describe(run: Run) -> dict[str, Any]:
    """Returns the run's settings, commit, machine, progress and time, ready for JSON."""
    seconds, paused = wall_time(run.metrics)
    return {
        'path': str(run.path),
        'task': run.task,
        'row': run.row,
        'seed': run.seed,
        'commit': run.meta.get('git', ''),
        'torch': run.meta.get('torch', ''),
        'machine': run.meta.get('machine', ''),
        'updates': run.meta.get('updates', 0),
        'episodes': len({entry.index for entry in run.journal}),
        'robot_episodes': robot_episodes(run),
        'rounds': sum(one.number > 0 for one in run.rounds) if run.rounds else None,
        'round_now': round_now(run),
        'finished': _finished(run),
        'diverged': _diverged(run),
        'wall_seconds': seconds,
        'paused_seconds': paused,
        'cpu_seconds': cpu_time(run.metrics),
        'evaluation_seconds': sum(one.seconds for one in run.evaluations),
        'last_line_seconds_ago': _silent(run),
        **_settings(run.config),
    }


def _settings(config: Config | None) -> dict[str, Any]:
    if config is None:
        return {'agent': '', 'preset': '', 'differences': {}}
    nearest = nearest_preset(config)
    return {
        'agent': config.agent,
        'preset': nearest.name,
        'differences': {key: list(pair) for key, pair in nearest.differences.items()},
    }


def _finished(run: Run) -> bool:
    """Says whether the last checkpoint has done all that the settings ask for."""
    done = run.meta.get('counters', {})
    if run.config is None or not done:
        return False
    with suppress(TypeError, MotoError):  # counters of another version; data that is away
        counters = Counters(**done)
        if is_finished(counters, run.config, run.evaluations):
            return True
        alone = replace(run.config, evaluate=replace(run.config.evaluate, every=0))
        if is_finished(counters, alone, ()):
            return bool(unsimulated(run.config, open_datasets(run.data)))
    return False


def _diverged(run: Run) -> int:
    """Returns the update at which training was given up, and is not beyond yet; 0: it was not."""
    kept = [int(path.stem) for path in (run.path / DIVERGED).glob('*.npz') if path.stem.isdigit()]
    last = max(kept, default=0)
    return last if last >= run.meta.get('updates', 0) else 0


def _silent(run: Run) -> float | None:
    """Returns the seconds since the run last wrote a line of metrics; None if it never did."""
    times = [row['time'] for row in run.metrics if type(row.get('time')) in (int, float)]
    return max(0.0, time.time() - max(times)) if times else None


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: (value, theirs.get(key))
        for key, value in ours.items()
        if key not in NOT_COUNTED and value != theirs.get(key)
    }


@cache
def _presets() -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted((share_dir() / 'config' / 'train').glob('*.yaml')):
        try:
            found[path.stem] = dict(flatten(to_dict(load_config(Config, path))))
        except MotoError:
            continue  # somebody's own file beside ours
    return found
