"""Success over seeds beside the paper's, as plain values: groups of seeds, tables, means of tasks.

In: runs with the names of their rows. Out: dicts, ready for JSON, that the page draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_learning.report.paper import NAMES, published
from moto_learning.report.rows import Measured
from moto_learning.report.success import (
    Curve,
    Point,
    make_curve,
    mean_over_tasks,
    pooled_curve,
    table_points,
)

EXPLORE = ('mode', 'sample')  # ways to act
ALWAYS = ('moto', 'dreamer_v2')  # rows of the paper that stand beside every table


def success_groups(runs: Sequence[Measured], names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns, by task, row and way to act, the Points of all seeds and each seed's own curve."""
    found = []
    named = list(zip(runs, names))
    for task, name in dict.fromkeys((run.task, name) for run, name in named):
        group = [run for run, its in named if (run.task, its) == (task, name)]
        for explore in EXPLORE:
            curves = [(run.seed, make_curve(run.evaluations, explore)) for run in group]
            there = [(seed, curve) for seed, curve in curves if curve]
            if not there:
                continue
            points = pooled_curve([curve for _, curve in there])
            found.append(
                {
                    'task': task,
                    'row': name,
                    'paper_row': group[0].row,
                    'given': group[0].given._asdict(),
                    'explore': explore,
                    'seeds': [seed for seed, _ in there],
                    'without': [seed for seed, curve in curves if not curve],
                    'points': [point._asdict() for point in points],
                    'by_run': [{'seed': seed, **_columns(curve)} for seed, curve in there],
                }
            )
    return found


def task_tables(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns for each task its rows' success at common points, and the paper's at the same."""
    found = []
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        episodes = table_points(p['episodes'] for group in here for p in group['points'])
        decisions = [mean_decisions(here, one) for one in episodes]
        found.append(
            {
                'task': task,
                'episodes': episodes,
                'decisions': decisions,
                'rows': [
                    {
                        'row': group['row'],
                        'explore': group['explore'],
                        'seeds': len(group['seeds']),
                        'cells': [point_at(group, one) for one in episodes],
                    }
                    for group in here
                ],
                'paper': _paper_rows(task, [group['paper_row'] for group in here], decisions),
            }
        )
    return found


def mean_table(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the mean over the tasks of each row that has several, beside the paper's mean.

    It is taken after the online episodes at which every task of the row has a Point.
    """
    found = []
    for row, explore in dict.fromkeys((group['row'], group['explore']) for group in groups):
        here = [g for g in groups if (g['row'], g['explore']) == (row, explore) and g['points']]
        tasks = [group['task'] for group in here]
        if len(set(tasks)) < 2 or len(set(tasks)) < len(tasks):
            continue
        shared = set.intersection(*({p['episodes'] for p in group['points']} for group in here))
        cells = [mean_cell(here, episodes) for episodes in table_points(shared)]
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


def mean_cell(groups: Sequence[Mapping[str, Any]], episodes: int) -> dict[str, Any]:
    """Returns the mean over the tasks of one row's groups, all of which have a Point there."""
    points = [Point(**cell) for group in groups if (cell := point_at(group, episodes))]
    assert len(points) == len(groups), (len(points), len(groups))
    mean, low, high = mean_over_tasks(points)
    paper = [
        paper_at(group['task'], group['paper_row'], point.decisions)
        for group, point in zip(groups, points)
    ]
    there = [value for value in paper if value is not None]
    return {
        'episodes': episodes,
        'decisions': mean_decisions(groups, episodes),
        'mean': mean,
        'low': low,
        'high': high,
        'paper': sum(there) / len(there) if len(there) == len(paper) else None,
    }


def point_at(group: Mapping[str, Any], episodes: int) -> dict[str, Any] | None:
    """Returns a group's Point after so many online episodes; None if not all were evaluated."""
    return next((one for one in group['points'] if one['episodes'] == episodes), None)


def mean_decisions(groups: Sequence[Mapping[str, Any]], episodes: int) -> int:
    """Returns the decisions in so many online episodes, the mean over the groups that did them."""
    points = [point for group in groups if (point := point_at(group, episodes))]
    return round(sum(point['decisions'] for point in points) / len(points))


def paper_at(task: str, row: str, decisions: int) -> float | None:
    """Returns what the paper's row has on a task at so many online decisions, if anything."""
    curve = published(task).get(row)
    return None if curve is None else curve.at(decisions)


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


def _columns(curve: Curve) -> dict[str, list[Any]]:
    evaluations = list(curve.values())
    return {
        'episodes': [one.episodes for one in evaluations],
        'decisions': [one.decisions for one in evaluations],
        'success': [one.successes / one.starts for one in evaluations],
        'starts': [one.starts for one in evaluations],
    }
