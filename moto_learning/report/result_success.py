"""Success as docs/results.md shows it: by task, by row, by the data given, by objects in place.

In: Kept runs, the rows or tasks that a block asks for. Out: Blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_learning.report.given import Given
from moto_learning.report.markdown import DASH, Block, heading, plain, table
from moto_learning.report.paper import NAMES, place_in_paper
from moto_learning.report.results import Kept
from moto_learning.report.rows import row_names
from moto_learning.report.run_figures import success_panels
from moto_learning.report.settings import otherwise
from moto_learning.report.success import table_points
from moto_learning.report.tables import mean_cell, paper_at, paper_curves, point_at, success_groups

EPISODES = (0, 50, 100, 200, 500)  # online, of the columns
Group = Mapping[str, Any]


def success(kept: Sequence[Kept], rows: Sequence[str]) -> Block:
    """Returns a table for each row of the paper asked for: its tasks, the paper, the means."""
    groups = _groups(kept)
    text, drawn = '', []
    for row in rows or list(dict.fromkeys(group['paper_row'] for group in groups)):
        here = [group for group in groups if group['paper_row'] == row]
        tasks = [group['task'] for group in here]
        alone = len(set(tasks)) == len(tasks)
        names = [group['task'] if alone else f'{group["task"]}, {group["row"]}' for group in here]
        if here:
            text += heading(NAMES.get(row, row)) + _success_table('task', names, here, mean=alone)
            drawn += here
    return _drawn(text, drawn, 'Success against online decisions by task, beside the paper')


def rows(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns a table for each task asked for: its rows side by side, each above the paper's."""
    groups = [group for group in _groups(kept) if not tasks or group['task'] in tasks]
    groups.sort(key=lambda group: (group['task'], _place_in_paper(group)))
    text = ''
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        text += heading(task) + _success_table('row', [group['row'] for group in here], here)
    return _drawn(text, groups, 'Success against online decisions of every row, by task')


def less_data(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns a table for each task asked for: MOTO by the number of episodes it was given."""
    groups = [
        {**group, 'row': str(Given(**group['given']))}
        for group in _groups(kept)
        if group['paper_row'] == 'moto' and (not tasks or group['task'] in tasks)
    ]
    groups.sort(key=lambda group: (group['task'], -group['given']['episodes']))
    text = ''
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        text += heading(task) + _success_table(
            'learned from', [group['row'] for group in here], here, paper=False
        )
    drawn = [{**group, 'row': _drawn_as(group, groups)} for group in groups]
    return _drawn(text, drawn, 'Success against online decisions by the episodes given')


def settings(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns a table for each task asked for: MOTO by what it has otherwise than its preset."""
    asked = {
        run.settings: otherwise(run.about.settings, run.about.preset, run.about.differences)
        for run in kept
    }
    groups = [
        {**group, 'row': asked[group['settings']]}
        for group in _groups(kept)
        if group['paper_row'] == 'moto' and (not tasks or group['task'] in tasks)
    ]
    groups.sort(key=lambda group: (group['task'], '=' in group['row'], group['row']))
    text = ''
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        text += heading(task) + _success_table(
            'settings', [group['row'] for group in here], here, paper=False
        )
    return Block(text)


def _drawn_as(group: Group, groups: Sequence[Group]) -> str:
    """Returns the number of episodes given; with which ones if the task has so many of two kinds.

    So tasks, whose demonstrations always differ, have one name for as many.
    """
    count = group['given']['episodes']
    same = [
        one for one in groups if one['task'] == group['task'] and one['given']['episodes'] == count
    ]
    if len(same) > 1:
        return str(group['row'])
    return f'{count} {"episode" if count == 1 else "episodes"}'


def objects(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns a table for each task asked for: evaluated episodes by the parts that were done."""
    text = ''
    groups = [group for group in _groups(kept) if not tasks or group['task'] in tasks]
    for task in dict.fromkeys(group['task'] for group in groups):
        here = [group for group in groups if group['task'] == task]
        lines = [line for group in sorted(here, key=_place_in_paper) for line in _by_parts(group)]
        if lines:
            header = ('row', 'seeds', 'online episodes', *range(len(lines[0]) - 4), 'mean')
            text += heading(f'{task}, evaluated episodes by objects in place')
            text += table(header, lines) + '\n'
    return Block(text)


def _by_parts(group: Group) -> list[list[object]]:
    """Returns a line of counts for each of some Points; none if the parts were not counted."""
    counted = {point['episodes']: point['parts'] for point in group['points'] if point['parts']}
    lines: list[list[object]] = []
    for episodes in table_points(counted):
        parts = counted[episodes]
        mean = sum(number * count for number, count in enumerate(parts)) / sum(parts)
        lines.append([group['row'], _seeds(group), episodes, *parts, f'{mean:.2f}'])
    return lines


def _groups(kept: Sequence[Kept]) -> list[dict[str, Any]]:
    """Returns the groups that act by the mode, with what of their runs the tables say."""
    runs: dict[tuple[str, str], list[Kept]] = {}
    names = row_names(kept)
    for run, name in zip(kept, names):
        runs.setdefault((run.task, name), []).append(run)
    measured = {
        (group['task'], group['row']): group
        for group in success_groups(kept, names)
        if group['explore'] == 'mode'
    }
    return [
        {
            **measured.get(key, _unmeasured(key, here)),
            'settings': here[0].settings,
            'diverged': {run.seed: run.about.diverged for run in here if run.about.diverged},
        }
        for key, here in runs.items()
    ]


def _unmeasured(key: tuple[str, str], runs: Sequence[Kept]) -> dict[str, Any]:
    """Returns a group as `success_groups` does, of runs none of which was evaluated."""
    return {
        'task': key[0],
        'row': key[1],
        'paper_row': runs[0].row,
        'given': runs[0].given._asdict(),
        'explore': 'mode',
        'seeds': [],
        'without': [run.seed for run in runs],
        'points': [],
        'by_run': [],
    }


def _success_table(
    of: str,
    names: Sequence[str],
    groups: Sequence[Group],
    *,
    mean: bool = False,
    paper: bool = True,
) -> str:
    """Returns a line for each group, the paper's under it and their mean, if they are wanted."""
    columns = [one for one in EPISODES if any(_seeds_at(group, one) for group in groups)]
    lines: list[list[object]] = []
    for name, group in zip(names, groups):
        lines.append([name, _seeds(group), *(_cell(group, one) for one in columns)])
        theirs = [_paper(group, one) for one in columns] if paper else []
        if any(value is not None for value in theirs):
            lines.append([f'paper: {NAMES[group["paper_row"]]}', DASH, *map(_share, theirs)])
    measured = [group for group in groups if group['seeds']]
    if mean and len(measured) > 1:
        cells = [
            mean_cell(measured, one) if all(point_at(group, one) for group in measured) else None
            for one in columns
        ]
        lines.append([_mean_name(groups), DASH, *map(_mean_text, cells)])
        theirs = [cell['paper'] if cell else None for cell in cells]
        if any(value is not None for value in theirs):
            lines.append(['paper: their mean', DASH, *map(_share, theirs)])
    header = (of, 'seeds', *(f'after {one} episodes' for one in columns))
    return table(header, lines) + '\n' + _notes(names, groups)


def _notes(names: Sequence[str], groups: Sequence[Group]) -> str:
    """Returns a line for each seed that diverged."""
    found = [
        f'- {plain(name)}: seed {seed} diverged at update {update}\n'
        for name, group in zip(names, groups)
        for seed, update in group['diverged'].items()
    ]
    return ''.join(found) + '\n' * bool(found)


def _mean_name(tasks: Sequence[Group]) -> str:
    """Says of how many of the tasks a mean is, which it lacks, and in what their runs differ."""
    groups = [group for group in tasks if group['seeds']]
    without = [group['task'] for group in tasks if not group['seeds']]
    told = {
        'settings': {group['settings'] for group in groups},
        'episodes given': {group['given']['episodes'] for group in groups},
        'starts': {one for group in groups for run in group['by_run'] for one in run['starts']},
    }
    differ = [name for name, values in told.items() if len(values) > 1]
    said = f', which differ in {" and ".join(differ)}' if differ else ''
    of = f'{len(groups)} of {len(tasks)}' if without else str(len(tasks))
    lacks = f' (without {", ".join(without)})' if without else ''
    return f'mean of {of} tasks{lacks}{said}'


def _seeds(group: Group) -> str:
    """Says how many seeds were evaluated, and of how many if that is not all."""
    there, missing = len(group['seeds']), len(group['without'])
    return f'{there} of {there + missing}' if missing else str(there)


def _cell(group: Group, episodes: int) -> str:
    """Says the mean, k of n and the interval; how many seeds were evaluated if not all."""
    point = point_at(group, episodes)
    if point is None:
        seeds = _seeds_at(group, episodes)
        return f'{seeds} of {len(group["seeds"])} seeds' if seeds else DASH
    counts = f'{sum(point["successes"])} of {sum(point["starts"])}'
    return f'{point["mean"]:.2f}, {counts} ({point["low"]:.2f} to {point["high"]:.2f})'


def _seeds_at(group: Group, episodes: int) -> int:
    return sum(episodes in run['episodes'] for run in group['by_run'])


def _paper(group: Group, episodes: int) -> float | None:
    point = point_at(group, episodes)
    return (
        None if point is None else paper_at(group['task'], group['paper_row'], point['decisions'])
    )


def _mean_text(cell: Mapping[str, Any] | None) -> str:
    return f'{cell["mean"]:.2f} ({cell["low"]:.2f} to {cell["high"]:.2f})' if cell else DASH


def _share(value: float | None) -> str:
    return DASH if value is None else f'{value:.2f}'


def _place_in_paper(group: Group) -> int:
    return place_in_paper(group['paper_row'])


def _drawn(text: str, groups: Sequence[Group], words: str) -> Block:
    """Returns the text with a small plot of success for each task of the groups."""
    groups = [group for group in groups if group['seeds']]
    if not groups:
        return Block(text)
    shown: dict[str, list[str]] = {}
    for group in groups:
        shown.setdefault(group['task'], []).append(group['paper_row'])
    paper = {task: paper_curves(task, rows) for task, rows in shown.items()}
    return Block(text, success_panels(groups, paper), words)
