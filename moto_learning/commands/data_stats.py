"""What `moto-data stats` shows: how many episodes of what, and what they add up to.

In: Records, the dataset's folder. Out: rich tables, bytes on disk.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table

from moto_core.episodes.layout import FOLDERS
from moto_core.episodes.manifest import Record

GROUPS: dict[str, Callable[[Record], str]] = {
    'task': lambda record: record.task,
    'outcome': lambda record: record.outcome,
    'controller': lambda record: record.controller,
    'profile': lambda record: record.setup.profile or 'none',
}


def count_table(records: Sequence[Record]) -> Table:
    """Returns how many episodes and rows there are of each task, outcome, controller, profile."""
    table = Table('by', 'which', 'episodes', 'rows', 'successful')
    for group, of in GROUPS.items():
        for value in sorted(Counter(map(of, records))):
            found = [record for record in records if of(record) == value]
            good = sum(record.successful for record in found)
            rows = sum(record.rows for record in found)
            table.add_row(group, value, str(len(found)), str(rows), str(good))
    return table


def sum_table(records: Sequence[Record], root: Path) -> Table:
    """Returns what the episodes add up to, and the disk that each of the folders takes."""
    rows = sum(record.rows for record in records)
    returns = [record.return_ for record in records]
    interventions = sum(record.interventions for record in records)
    disagreement = sum(record.disagreement * record.rows for record in records) / max(rows, 1)
    table = Table('of all episodes', 'value')
    table.add_row('episodes', str(len(records)))
    table.add_row('rows', str(rows))
    table.add_row('duration [s]', f'{sum(record.duration for record in records):.1f}')
    if returns:
        mean = sum(returns) / len(returns)
        table.add_row('return', f'mean {mean:.2f}, {min(returns):.2f} to {max(returns):.2f}')
    table.add_row('disagreement', f'mean {disagreement:.3f} a row')
    table.add_row('gaps', str(sum(record.gaps for record in records)))
    table.add_row('intervention', f'{100 * interventions / max(rows, 1):.1f} % of the rows')
    for name in FOLDERS:
        table.add_row(f'{name}/ [MB]', f'{disk_used(root / name) / 1e6:.2f}')
    return table


def disk_used(folder: Path) -> int:
    """Returns the bytes of the files under a folder; links are not followed."""
    paths = (Path(place) / name for place, _, files in os.walk(folder) for name in files)
    return sum(path.lstat().st_size for path in paths if os.path.lexists(path))
