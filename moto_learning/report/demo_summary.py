"""What the demonstration found, from the files that its stages wrote.

In: the run's folder and the seconds of each stage. Out: the dict that becomes summary.json.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.policy.name_file import named_folder
from moto_learning.run.machine import machine_name
from moto_learning.run.metrics import read_metrics
from moto_learning.run.statistics import wilson_interval

DRIVES = {'offline': 'drive', 'online': 'drive-again', 'camera_covered': 'drive-covered'}


def summarize(task: str, out: Path, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Returns task, device, seconds, updates, successes, latency, periods, hashes, guard."""
    drives = read_drives(out)
    uncovered = [drives['offline'], drives['online']]
    latency = [ms for drive in uncovered for ms in drive['latency_ms']]
    with Dataset.open(out / 'dataset', lock=False) as dataset:
        logged = Counter(record.controller for record in dataset.episodes())
    return {
        'task': task,
        'device': machine_name(),
        'seconds': dict(seconds),
        'updates': count_updates(out / 'train'),
        'success': {name: success(drive['episodes']) for name, drive in drives.items()},
        'latency_ms': percentiles(latency),
        'missed_periods': sum(drive['missed_periods'] for drive in uncovered),
        'episodes_logged': dict(logged),
        'bundles': {
            name: named_folder(out / 'bundles' / name).name for name in ('offline', 'online')
        },
        'guard_interventions': dict(
            sum((Counter(drive['guard_interventions']) for drive in uncovered), Counter())
        ),
    }


def read_drives(out: Path) -> dict[str, dict[str, Any]]:
    """Returns what `moto-up ... json:=` wrote of each drive, by name."""
    return {name: json.loads((out / f'{stem}.json').read_text()) for name, stem in DRIVES.items()}


def success(episodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns k of n and its 95 % Wilson interval; n leaves out those that nobody could judge."""
    judged = [bool(e['success']) for e in episodes if e.get('outcome') != 'unlabelled']
    k, n = sum(judged), len(judged)
    low, high = wilson_interval(k, n)
    return {'k': k, 'n': n, 'interval': [low, high], 'text': f'{k} of {n}'}


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
