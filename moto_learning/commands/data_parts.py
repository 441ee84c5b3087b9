"""What `moto-data stats --parts` shows: how much of its task each episode did, and how long it is.

In: a dataset, whose episodes are read whole. Out: rich tables, one for each task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import NamedTuple

import numpy as np
from rich.table import Table

from moto_core.episodes.dataset import Dataset
from moto_core.errors import EpisodeError

Progress = Callable[[int, int], None]  # episodes done, episodes in all


class Deeds(NamedTuple):
    """What one episode did."""

    task: str
    parts: tuple[str, ...]  # of the task
    last: np.ndarray  # (parts,) bool, done at the last row
    ever: np.ndarray  # (parts,) bool, done at any row
    most: int  # parts done at one row
    rows: int
    objects: str  # that it was to move, joined by '+'; '' if the header does not say
    attempts: int  # given up before it


def read_deeds(dataset: Dataset, progress: Progress) -> Iterator[Deeds]:
    """Yields what each episode of a dataset did, oldest first; a damaged one is left out."""
    records = dataset.episodes()
    for index, record in enumerate(records):
        try:
            episode = dataset.read(record.id)
        except EpisodeError:
            continue
        done, about = episode.done_parts, episode.header.extra
        yield Deeds(
            task=record.task,
            parts=episode.header.parts,
            last=done[-1],
            ever=done.any(0),
            most=int(done.sum(1).max()),
            rows=len(episode),
            objects=about.get('objects', ''),
            attempts=int(about.get('attempt', 0)),
        )
        progress(index + 1, len(records))


def deed_tables(deeds: Iterable[Deeds]) -> Iterator[Table]:
    """Yields a table for each task and its parts."""
    found: dict[tuple[str, tuple[str, ...]], list[Deeds]] = {}
    for one in deeds:
        found.setdefault((one.task, one.parts), []).append(one)
    for (task, parts), ours in found.items():
        yield _table(task, parts, ours)


def _table(task: str, parts: tuple[str, ...], deeds: list[Deeds]) -> Table:
    table = Table(f'{task}: {len(deeds)} episodes', 'at the end', 'at any row')
    last = Counter(int(one.last.sum()) for one in deeds)
    most = Counter(one.most for one in deeds)
    for count in range(len(parts) + 1):
        table.add_row(f'{count} of {len(parts)} parts done', str(last[count]), str(most[count]))
    for column, name in enumerate(parts):
        ended = sum(bool(one.last[column]) for one in deeds)
        ever = sum(bool(one.ever[column]) for one in deeds)
        table.add_row(name, str(ended), str(ever))
    rows = sorted(one.rows for one in deeds)
    table.add_section()
    table.add_row('rows, in all', str(sum(rows)), '')
    table.add_row('rows, least, median, most', f'{rows[0]}, {median(rows):g}, {rows[-1]}', '')
    orders = Counter(one.objects for one in deeds if one.objects)
    if orders:
        groups = {tuple(sorted(order.split('+'))) for order in orders}
        table.add_row('groups of objects moved', str(len(groups)), '')
        table.add_row('orders in which they were', str(len(orders)), '')
        table.add_row('attempts given up', str(sum(one.attempts for one in deeds)), '')
    return table
