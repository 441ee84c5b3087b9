"""What the demonstration found, from the files that its stages wrote.

In: the run's folder and the seconds of each stage. Out: the dict that becomes summary.json.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.config import to_dict
from moto_core.version import version
from moto_learning.report.demo_drives import (
    HELD_OUT,
    ROUNDS,
    Drive,
    demonstrations,
    read_drives,
    swaps,
)
from moto_learning.report.demo_folder import MARKER, DemoConfig, read_json
from moto_learning.rounds.journal import read_rounds
from moto_learning.run.commit import git_hash
from moto_learning.run.machine import machine_name
from moto_learning.run.metrics import read_metrics
from moto_learning.run.statistics import paired_interval, wilson_interval


def summarize(task: str, out: Path, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Returns what summary.json holds: successes, pairs, improvement, rounds, swaps, times.

    Raises ConfigError for a damaged file, DatasetError for a damaged dataset.
    """
    drives = read_drives(out)
    uncovered = [drives[name] for name in ('before', ROUNDS, 'after')]
    paired = pairs(drives)
    rounds = read_rounds(out / 'train')
    return {
        'task': task,
        'max_steps': demo_settings(out).get('max_steps'),  # decisions an episode at most
        'device': machine_name(),
        'version': version(),
        'commit': git_hash(),
        'command': command(out),
        'seconds': dict(seconds),
        'updates': count_updates(out / 'train'),
        'success': {name: success(drives[name].outcomes) for name in HELD_OUT},
        'paired': paired,
        'improvement': improvement(paired),
        'logged': success(drives[ROUNDS].outcomes),
        'episodes_logged': {
            'scripted': demonstrations(out),
            'policy': len(drives[ROUNDS].episodes),
            'learned_from': sum(one.new for one in rounds),  # of the policy's
        },
        'rounds': [asdict(one) for one in rounds],
        'swaps': [asdict(swap) for swap in swaps(drives)],
        'bundles': {name: drives[name].bundle for name in ('before', 'after')},
        'latency_ms': percentiles(ms for drive in uncovered for ms in drive.latency_ms),
        'missed_periods': sum(drive.missed_periods for drive in uncovered),
        'guard_interventions': dict(
            sum((Counter(drive.guard_interventions) for drive in uncovered), Counter())
        ),
    }


def success(outcomes: Sequence[str]) -> dict[str, Any]:
    """Returns k of n and its 95 % Wilson interval; n leaves out those that nobody could judge."""
    judged = [outcome == 'success' for outcome in outcomes if outcome != 'unlabelled']
    k, n = sum(judged), len(judged)
    low, high = wilson_interval(k, n)
    return {'k': k, 'n': n, 'interval': [low, high], 'text': f'{k} of {n}'}


def pairs(drives: Mapping[str, Drive]) -> list[dict[str, Any]]:
    """Returns the outcomes of each held-out start before, after and covered, as they were driven.

    An outcome is None if that drive did not begin from the start.
    """
    found: dict[int, dict[str, Any]] = {}
    for name in HELD_OUT:
        for one in drives[name].episodes:
            if one.seed is not None:
                new = {'seed': one.seed, **dict.fromkeys(HELD_OUT)}
                found.setdefault(one.seed, new)[name] = one.outcome
    return list(found.values())


def improvement(paired: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns how many starts were solved before, after, both times and never; the difference.

    Counted are starts that both drives began from and of which both could be judged. `difference`
    is that of the shares, after less before, None without a pair; `interval` is its 95 %.
    """
    judged = ('success', 'failure')
    counts = Counter(
        (one['before'] == 'success', one['after'] == 'success')
        for one in paired
        if one['before'] in judged and one['after'] in judged
    )
    gained, lost, n = counts[False, True], counts[True, False], sum(counts.values())
    low, high = paired_interval(gained, lost, n)
    return {
        'pairs': n,
        'both': counts[True, True],
        'only_before': lost,
        'only_after': gained,
        'neither': counts[False, False],
        'difference': (gained - lost) / n if n else None,
        'interval': [low, high],
    }


def command(out: Path) -> str:
    """Returns the command that makes the demonstration in `out` again, of its own settings."""
    begun, usual = demo_settings(out), to_dict(DemoConfig())
    given = [f'{key}={_typed(value)}' for key, value in begun.items() if value != usual.get(key)]
    return shlex.join(['moto-demo', '--out', str(out), *given])


def demo_settings(out: Path) -> dict[str, Any]:
    """Returns the settings of the demonstration in `out`; {} if its marker is lost."""
    return dict(read_json(out / MARKER).get('config', {}))


def percentiles(values: Iterable[float]) -> dict[str, float | int | None]:
    """Returns the count, p50, p95 and p99; None if there is no value."""
    array = np.asarray(list(values), np.float64)
    marks = {f'p{q}': float(np.percentile(array, q)) if array.size else None for q in (50, 95, 99)}
    return {'count': int(array.size), **marks}


def count_updates(run: Path) -> dict[str, int]:
    """Returns the number of updates of each phase, from the last line of each in metrics.jsonl."""
    counts: dict[str, int] = {}
    previous = 0
    for row in read_metrics(run):
        counts[row['phase']] = int(row['update'])
    for phase, last in sorted(counts.items(), key=lambda item: item[1]):
        counts[phase], previous = last - previous, last
    return counts


def _typed(value: Any) -> str:
    """Returns a setting's value as a command line takes it."""
    return value if isinstance(value, str) else json.dumps(value)
