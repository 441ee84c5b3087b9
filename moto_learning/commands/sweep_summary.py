"""What the runs of a sweep came to: successes by task, row and way to act, over all seeds.

In: the runs' evaluations. Out: the lines of sweep.json, of every run in the sweep's folder, and
the table that is printed, of those that were asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from moto_learning.commands.sweep_plan import Cell, row_name
from moto_learning.run.heldout import Evaluation, read_evaluations
from moto_learning.run.statistics import pooled_interval


def summarize_sweep(cells: Collection[Cell], out: Path) -> list[dict[str, Any]]:
    """Returns, by task, row and way to act, every point with the seeds that were evaluated there.

    A seed that is not there yet is none of the line's `seeds`.
    """
    found = []
    for (task, row), group in _grouped(cells):
        runs = {
            cell.seed: {_place(one): one for one in read_evaluations(cell.folder(out))}
            for cell in group
        }
        for episodes, explore in sorted(set().union(*runs.values())):
            place = episodes, explore
            there = {seed: run[place] for seed, run in runs.items() if place in run}
            here = list(there.values())
            successes, starts = [one.successes for one in here], [one.starts for one in here]
            low, high = pooled_interval(successes, starts)
            found.append(
                {
                    'task': task,
                    'row': row_name(row),
                    'seeds': list(there),
                    'episodes': episodes,
                    'explore': explore,
                    'by_seed': [one.successes / one.starts for one in here],
                    'success': {'k': sum(successes), 'n': sum(starts), 'low': low, 'high': high},
                }
            )
    return found


def sweep_table(summary: Sequence[dict[str, Any]]) -> Table:
    """Returns the summary as a table to print, whole in 80 columns; '-' is a missing seed.

    The family of the tasks, what stands before their first hyphen, is the title if all share it.
    """
    families = {_family(line['task']) for line in summary}
    family = families.pop() if len(families) == 1 else ''
    table = Table(
        title=f'tasks of {family}' if family else None,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    for name in ('task', 'row', 'episodes', 'by', 'success', '95 % interval', 'each seed'):
        table.add_column(name, no_wrap=name != 'each seed')
    seeds: dict[tuple[str, str], list[int]] = {}
    for line in summary:
        here = seeds.setdefault((line['task'], line['row']), [])
        here += [seed for seed in line['seeds'] if seed not in here]
    for line in summary:
        found, by_seed = line['success'], dict(zip(line['seeds'], line['by_seed']))
        table.add_row(
            line['task'].removeprefix(f'{family}-'),
            line['row'],
            str(line['episodes']),
            line['explore'],
            f'{found["k"]} of {found["n"]}',
            f'{found["low"]:.2f} to {found["high"]:.2f}',
            ' '.join(
                f'{by_seed[seed]:.2f}' if seed in by_seed else '-'
                for seed in sorted(seeds[line['task'], line['row']])
            ),
        )
    return table


def said_of(found: Sequence[Evaluation]) -> str:
    """Says in a few words how a run ended, by its last evaluation if there is one."""
    if not found:
        return 'done, not evaluated'
    return f'done, {success_of(found[0])}'


def success_of(one: Evaluation) -> str:
    """Says in a few words what one evaluation found."""
    return f'{one.successes} of {one.starts} after {one.episodes} episodes by {one.explore}'


def _family(task: str) -> str:
    return task.partition('-')[0] if '-' in task else ''


def _place(found: Evaluation) -> tuple[int, str]:
    return found.episodes, found.explore


def _grouped(cells: Collection[Cell]) -> Iterator[tuple[tuple[str, str], list[Cell]]]:
    for key in dict.fromkeys((cell.task, cell.row) for cell in cells):
        yield key, [cell for cell in cells if (cell.task, cell.row) == key]
