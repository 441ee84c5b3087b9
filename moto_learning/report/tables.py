"""Success over seeds beside the paper's, as plain values: groups of seeds, tables, means of tasks.

In: Runs with the names of their rows. Out: dicts, ready for JSON, that the page draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moto_learning.report.paper import NAMES, published
from moto_learning.report.runs import Run
from moto_learning.report.success import (
    Point,
    make_curve,
    mean_over_tasks,
    pooled_curve,
    table_points,
)

EXPLORE = ('mode', 'sample')  # ways to act
ALWAYS = ('moto', 'dreamer_v2')  # rows of the paper that stand beside every table


def success_groups(runs: Sequence[Run], names: Mapping[Path, str]) -> list[dict[str, Any]]:
    """Returns, by task, row and way to act, the Points of all seeds and each seed's own curve."""
    found = []
    for task, label in dict.fromkeys((run.task, names[run.path]) for run in runs):
        group = [run for run in runs if (run.task, names[run.path]) == (task, label)]
        for explore in EXPLORE:
            curves = {run.path: make_curve(run.evaluations, explore) for run in group}
            there = [(run, curves[run.path]) for run in group if curves[run.path] is not None]
            kept = [curve for _, curve in there if curve is not None]
            if not kept:
                continue
            found.append(
                {
                    'task': task,
                    'row': label,
                    'paper_row': group[0].row,
                    'explore': explore,
                    'seeds': [run.seed for run, _ in there],
                    'without': [run.seed for run in group if curves[run.path] is None],
                    'points': [point._asdict() for point in pooled_curve(kept)],
                    'by_run': [
                        {
                            'seed': run.seed,
                            'decisions': curve.decisions.tolist(),
                            'success': curve.share.tolist(),
                            'starts': curve.starts.tolist(),
                        }
                        for run, curve in there
                        if curve is not None
                    ],
                }
            )
    return found


def task_tables(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns for each task its rows' success at common points, and the paper's at the same."""
    found = []
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        every = {point['decisions'] for group in here for point in group['points']}
        decisions = table_points(every)
        found.append(
            {
                'task': task,
                'decisions': decisions,
                'rows': [
                    {
                        'row': group['row'],
                        'explore': group['explore'],
                        'seeds': len(group['seeds']),
                        'cells': [_at(group, one) for one in decisions],
                    }
                    for group in here
                ],
                'paper': _paper_rows(task, [group['paper_row'] for group in here], decisions),
            }
        )
    return found


def mean_table(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the mean over the tasks of each row that has several, beside the paper's mean.

    It is taken at the decisions at which every task of the row has a Point.
    """
    found = []
    for row, explore in dict.fromkeys((group['row'], group['explore']) for group in groups):
        here = [g for g in groups if (g['row'], g['explore']) == (row, explore) and g['points']]
        tasks = [group['task'] for group in here]
        if len(set(tasks)) < 2 or len(set(tasks)) < len(tasks):
            continue
        shared = set.intersection(*({p['decisions'] for p in group['points']} for group in here))
        cells = []
        for decisions in table_points(shared):
            points = [Point(**cell) for group in here if (cell := _at(group, decisions))]
            mean, low, high = mean_over_tasks(points)
            cells.append(
                {
                    'decisions': decisions,
                    'mean': mean,
                    'low': low,
                    'high': high,
                    'paper': _paper_mean(tasks, here[0]['paper_row'], decisions),
                }
            )
        found.append(
            {
                'row': row,
                'paper_row': here[0]['paper_row'],
                'explore': explore,
                'tasks': tasks,
                'cells': cells,
            }
        )
    return found


def paper_curves(task: str, rows: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Returns the paper's curves on a task of the rows asked for and of those always shown."""
    there = published(task)
    return {
        row: {'decisions': there[row].decisions.tolist(), 'success': there[row].success.tolist()}
        for row in NAMES
        if row in there and row in {*ALWAYS, *rows}
    }


def _paper_rows(task: str, rows: Sequence[str], decisions: Sequence[int]) -> list[dict[str, Any]]:
    curves = published(task)
    found = [
        {'row': row, 'cells': [curves[row].at(one) for one in decisions]}
        for row in NAMES
        if row in curves and row in {*ALWAYS, *rows}
    ]
    return [one for one in found if any(cell is not None for cell in one['cells'])]


def _paper_mean(tasks: Sequence[str], row: str, decisions: int) -> float | None:
    curves = [published(task).get(row) for task in tasks]
    values = [None if curve is None else curve.at(decisions) for curve in curves]
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if len(there) == len(tasks) else None


def _at(group: Mapping[str, Any], decisions: int) -> dict[str, Any] | None:
    return next((one for one in group['points'] if one['decisions'] == decisions), None)
