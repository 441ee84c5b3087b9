"""What a run wrote while it trained: losses by update, online episodes with a moving mean.

In: metrics.jsonl, the journal. Out: arrays to draw, and the seconds that it took.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from moto_learning.run.journal import Entry

LOSSES = {
    'model/image_loss': 'image loss [nats]',
    'model/reward_loss': 'reward loss [nats]',
    'model/kl': 'KL, posterior to prior [nats]',
    'actor/behaviour': 'behaviour prior: -log pi(a)',
    'imagined/value': 'value of imagined states',
    'critics/data_loss': 'critics: data loss',
    'critics/model_loss': 'critics: model loss',
    'imagined/disagreement': 'disagreement of the ensemble',
}
PENALISED = (
    'With a penalty (actor_critic.penalty.alpha above 0) the value of imagined states is that of '
    "rewards less alpha times the ensemble's disagreement: it lies below 0 where the penalty "
    'outweighs the rewards that are expected.'
)
WINDOW = 20  # episodes of a moving mean
PAUSE = 600.0  # [s] without a line that is no training but a run that was stopped
DRAWN = 400  # points of a line at most


class Online(NamedTuple):
    """A run's online episodes in order."""

    decisions: np.ndarray  # (E,) before and in each
    success: np.ndarray  # (E,) 0 or 1
    return_: np.ndarray  # (E,)
    disagreement: np.ndarray  # (E,)


def series(metrics: Iterable[Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (updates, values) of a metric, as float64; what is no finite number is left out."""
    rows: list[tuple[Any, Any]] = [(row.get('update'), row.get(key)) for row in metrics]
    kept = [(float(x), float(y)) for x, y in rows if _is_number(x) and _is_number(y)]
    found = np.array(kept, np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def fine_tuned_from(metrics: Iterable[Mapping[str, Any]]) -> int | None:
    """Returns the updates before the first round of fine-tuning; None if there was none."""
    before = 0
    for row in metrics:
        if row.get('phase') == 'finetune':
            return before
        before = row['update'] if type(row.get('update')) is int else before
    return None


def loss_names(metrics: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Returns the metrics that are drawn, by key: those of LOSSES, then what else is a loss."""
    there = dict.fromkeys(key for row in metrics for key in row)
    known = {key: title for key, title in LOSSES.items() if key in there}
    others = [key for key in there if key.endswith('loss') and key not in LOSSES]
    return known | {key: key.replace('/', ': ').replace('_', ' ') for key in others}


def online_episodes(entries: Iterable[Entry]) -> Online:
    """Returns the journal's episodes in order of their number, the last line of each."""
    last = {entry.index: entry for entry in entries}
    kept = [last[index].metrics for index in sorted(last)]

    def column(name: str) -> np.ndarray:
        return np.array([one.get(f'episode/{name}', math.nan) for one in kept], np.float64)

    return Online(
        decisions=np.cumsum(np.nan_to_num(column('decisions'))),
        success=column('success'),
        return_=column('return'),
        disagreement=column('disagreement'),
    )


def moving_mean(values: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Returns for each value (N,) the mean of it and the `window` - 1 before, fewer at first.

    What is not finite is left out; a window of nothing else has NaN.
    """
    there = np.isfinite(values)
    sums, counts = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(there, values, 0.0), there)
    )
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - window, 0)
    count = counts[ends] - counts[begins]
    return np.where(count > 0, (sums[ends] - sums[begins]) / np.maximum(count, 1), math.nan)


def thinned(*arrays: np.ndarray, most: int = DRAWN) -> list[np.ndarray]:
    """Returns evenly spaced entries of arrays (N,), the first and the last among them."""
    count = len(arrays[0])
    if count <= most:
        return list(arrays)
    places = np.linspace(0, count - 1, most).round().astype(int)
    return [array[places] for array in arrays]


def wall_time(metrics: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Returns the seconds from the first line of metrics to the last, and those of pauses in it.

    A pause is a time without a line of more than ten minutes and of 20 times the usual one: the
    run was stopped. The first is without the second.
    """
    times = [float(row['time']) for row in metrics if _is_number(row.get('time'))]
    gaps = np.diff(np.array(sorted(times)))
    if not gaps.size:
        return 0.0, 0.0
    pauses = gaps[gaps > max(PAUSE, 20 * float(np.median(gaps)))].sum()
    return float(gaps.sum() - pauses), float(pauses)


def cpu_time(metrics: Sequence[Mapping[str, Any]]) -> float | None:
    """Returns the processor's seconds of all processes that wrote the lines; None if not known.

    Each counts its own from 0: a line that tells of another beginning, or of less than the one
    before it, is a new process's. One that was stopped before its first line is not known.
    """
    lines = [
        (float(row['cpu']), row.get('began')) for row in metrics if _is_number(row.get('cpu'))
    ]
    if not lines or len(lines) < len(metrics):
        return None
    seconds, last, process = 0.0, 0.0, lines[0][1]
    for now, began in lines:
        seconds += now - last if began == process and now >= last else now
        last, process = now, began
    return seconds


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
