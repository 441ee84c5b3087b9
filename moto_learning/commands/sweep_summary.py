"""What the runs of a sweep came to: successes by task, row and way to act, over all seeds.

In: the runs' evaluations. Out: the lines of sweep.json and the table that is printed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from moto_learning.commands.sweep_plan import Cell, row_name
from moto_learning.run.heldout import Evaluation, read_evaluations
from moto_learning.run.statistics import pooled_interval


def summarize_sweep(cells: Collection[Cell], out: Path) -> list[dict[str, Any]]:
    """Returns, by task, row and way to act, the evaluations at every point that all seeds have."""
    found = []
    for (task, row), group in _grouped(cells):
        runs = [read_evaluations(cell.folder(out)) for cell in group]
        keys = [set(map(_place, run)) for run in runs]
        for episodes, explore in sorted(set.intersection(*keys)):
            here = [
                next(one for one in reversed(run) if _place(one) == (episodes, explore))
                for run in runs
            ]
            successes, starts = [one.successes for one in here], [one.starts for one in here]
            low, high = pooled_interval(successes, starts)
            found.append(
                {
                    'task': task,
                    'row': row_name(row),
                    'seeds': [cell.seed for cell in group],
                    'episodes': episodes,
                    'explore': explore,
                    'by_seed': [one.successes / one.starts for one in here],
                    'success': {'k': sum(successes), 'n': sum(starts), 'low': low, 'high': high},
                }
            )
    return found


def sweep_table(summary: Sequence[dict[str, Any]]) -> Table:
    """Returns the summary as a table to print."""
    table = Table()
    for name in ('task', 'row', 'episodes', 'acts by', 'success', '95 % interval', 'by seed'):
        table.add_column(name)
    for line in summary:
        found = line['success']
        table.add_row(
            line['task'],
            line['row'],
            str(line['episodes']),
            line['explore'],
            f'{found["k"]} of {found["n"]}',
            f'{found["low"]:.2f} to {found["high"]:.2f}',
            ' '.join(f'{value:.2f}' for value in line['by_seed']),
        )
    return table


def said_of(found: Sequence[Evaluation]) -> str:
    """Says in a few words how a run ended, by its last evaluation if there is one."""
    if not found:
        return 'done, not evaluated'
    one = found[0]
    return f'done, {one.successes} of {one.starts} after {one.episodes} episodes by {one.explore}'


def _place(found: Evaluation) -> tuple[int, str]:
    return found.episodes, found.explore


def _grouped(cells: Collection[Cell]) -> Iterator[tuple[tuple[str, str], list[Cell]]]:
    for key in dict.fromkeys((cell.task, cell.row) for cell in cells):
        yield key, [cell for cell in cells if (cell.task, cell.row) == key]
