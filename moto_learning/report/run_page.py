"""The page about runs: what report.json holds, drawn and laid out, and the films.

In: the numbers of a Report and what was examined. Out: HTML that needs no other file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from moto_core.errors import counted
from moto_learning.report import figures, page
from moto_learning.report.examine import Examined
from moto_learning.report.look_page import look
from moto_learning.report.paper import NAMES, place_in_paper
from moto_learning.report.rounds_section import round_cards, rounds_section
from moto_learning.report.row_marks import Mark, row_marks
from moto_learning.report.run_figures import loss_panels, online_panels, success_figure
from moto_learning.report.training import PENALISED

CARDS = 4  # at the head of the page
DASH = '\N{EN DASH}'


def run_page(found: Mapping[str, Any], examined: Sequence[Examined]) -> bytes:
    """Returns report.html."""
    tasks = list(dict.fromkeys(run['task'] for run in found['runs']))
    marks = row_marks(run['row'] for run in found['runs'])
    body = [
        page.headline(
            f'{counted(len(found["runs"]), "run")} of {counted(len(tasks), "task")}',
            f'Made {found["made"]} in {found["seconds"]:.0f} s on {found["machine"]}'
            f'{_commit(found["commit"])}. report.json beside this page has every number of it.',
        ),
        page.cards(_cards(found)),
        _problems(found['problems']),
        rounds_section(found['rounds']),
        _success(found, tasks, marks),
        _means(found['means']),
        _training(found, tasks, marks),
        *(look(one, numbers) for one, numbers in zip(examined, found['looks'])),
        _provenance(found['runs']),
        _episodes(found['training']),
    ]
    return page.document(f'MOTO: {", ".join(tasks)}', body)


def _cards(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    hours = sum(run['wall_seconds'] for run in found['runs']) / 3600
    training = (f'{hours:.1f} h', f'of training in {counted(len(found["runs"]), "run")}')
    return [*_scores(found)[:CARDS], *round_cards(found['rounds']), training]


def _scores(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns each row's mean over its tasks at their last common point, the paper's order first.

    Where no row has several tasks, the last point of each row of a task.
    """
    told = []
    for one in found['means']:
        if one['explore'] == 'mode' and one['cells']:
            of = f'the mean of {len(one["tasks"])} tasks'
            told.append((place_in_paper(one['paper_row']), one['row'], of, one['cells'][-1]))
    if not told:
        for one in found['success']:
            if one['explore'] == 'mode' and one['points']:
                place, of = place_in_paper(one['paper_row']), one['task'] or 'unknown task'
                told.append((place, one['row'], of, one['points'][-1]))
    told.sort(key=lambda one: one[0])
    return [
        (
            f'{last["mean"]:.2f}',
            f'{row}, {of}, by mode after {last["decisions"]} decisions ({_interval(last)})',
        )
        for _, row, of, last in told
    ]


def _problems(lines: Sequence[str]) -> str:
    if not lines:
        return ''
    title = f'Missing or damaged: {counted(len(lines), "thing")}'
    return page.hidden(title, page.listing(lines))


def _success(found: Mapping[str, Any], tasks: Sequence[str], marks: Mapping[str, Mark]) -> str:
    if not found['success'] and len(found['rounds']) == len(found['runs']):
        return ''  # rounds try starts of their own
    if not found['success']:
        note = 'No run has an evaluation yet; moto-train evaluate.every=50 makes them.'
        return page.section('Success against online decisions', '', note)
    pictures, tables = [], []
    for task in tasks:
        groups = [group for group in found['success'] if group['task'] == task]
        if not groups:
            continue
        drawn = success_figure(task, groups, found['paper'].get(task, {}), marks)
        alt = f'Success against online decisions on {task}, beside the curves of the paper'
        pictures.append(page.picture(alt, figures.png(drawn, dpi=130)))
        table = next(one for one in found['tables'] if one['task'] == task)
        tables.append(page.section(task or 'unknown task', _task_table(table), level=3))
    return page.section(
        'Success against online decisions',
        page.grid(pictures),
        'One colour and mark a row, the same in every picture. Solid: mean over seeds, a band of '
        '95 %; thin: each seed; dotted: sampled. Dashed: the paper, read off its figures. A point '
        "is where every seed was evaluated; its interval is the wider of Wilson's of all starts "
        "and Student's t over the seeds (of one seed: Wilson's alone, which says nothing about "
        'other seeds).',
    ) + page.section('Rows and tasks', ''.join(tables))


def _task_table(table: Mapping[str, Any]) -> str:
    header = ['row', 'acts by', 'seeds', *_columns(table['episodes'], table['decisions'])]
    rows: list[list[str | float]] = [
        [row['row'], row['explore'], row['seeds'], *(_cell(cell) for cell in row['cells'])]
        for row in table['rows']
    ]
    rows += [
        [f'paper: {NAMES[row["row"]]}', DASH, DASH, *map(_share, row['cells'])]
        for row in table['paper']
    ]
    return page.table(header, rows)


def _means(means: Sequence[Mapping[str, Any]]) -> str:
    """Returns a table for each set of tasks and decisions that several rows share."""
    tables: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for one in means:
        key = (*one['tasks'], *(cell['episodes'] for cell in one['cells']))
        tables.setdefault(key, []).append(one)
    content = ''
    for rows in tables.values():
        tasks = rows[0]['tasks']
        episodes = [one['episodes'] for one in rows[0]['cells']]
        decisions = [one['decisions'] for one in rows[0]['cells']]
        header = ['row', 'acts by', *_columns(episodes, decisions)]
        lines = [[one['row'], one['explore'], *map(_cell, one['cells'])] for one in rows]
        papers = {one['paper_row']: [cell['paper'] for cell in one['cells']] for one in rows}
        lines += [
            [f'paper: {NAMES[row]}', DASH, *map(_share, cells)]
            for row, cells in papers.items()
            if any(cell is not None for cell in cells)
        ]
        title = f'{len(tasks)} tasks: {", ".join(tasks)}'
        content += page.section(title, page.table(header, lines), level=3)
    note = 'The interval is for these tasks: tasks are given, not drawn.'
    return page.section('Means over the tasks', content, note) if content else ''


def _training(found: Mapping[str, Any], tasks: Sequence[str], marks: Mapping[str, Mark]) -> str:
    content = ''
    for task in tasks:
        runs = [run for run in found['training'] if run['task'] == task]
        parts = []
        for drawn, what in (
            (online_panels(runs, marks), 'Success, return and disagreement of online episodes'),
            (loss_panels(runs, marks), 'Losses, imagined values and disagreement against updates'),
        ):
            if drawn is not None:
                parts.append(page.wide(page.picture(f'{what} on {task}', figures.png(drawn))))
        if parts:
            content += page.section(task or 'unknown task', ''.join(parts), level=3)
    note = (
        'One line a run, one colour and mark a row. Online episodes sample the policy; mean of '
        f'the last 20. {PENALISED}'
    )
    return page.section('Training', content, note) if content else ''


def _provenance(runs: Sequence[Mapping[str, Any]]) -> str:
    header = ('run', 'row', 'seed', 'state', 'time', 'commit', 'torch', 'machine', 'settings')
    rows = [
        (
            run['path'],
            run['row'],
            run['seed'],
            _state(run),
            _time(run),
            run['commit'][:10] + run['commit'][40:] or DASH,
            run['torch'] or DASH,
            run['machine'] or 'not recorded',
            _settings(run),
        )
        for run in runs
    ]
    differences: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if run['differences']:
            text = repr(sorted(run['differences'].items())) + run['preset']
            differences.setdefault(hashlib.sha256(text.encode()).hexdigest(), []).append(run)
    content = page.table(header, rows)
    for group in differences.values():
        first = group[0]
        lines = [
            (key, str(ours), str(theirs)) for key, (ours, theirs) in first['differences'].items()
        ]
        who = f'{first["task"]} {first["row"]}' + (
            f' and {len(group) - 1} more' * (len(group) > 1)
        )
        content += page.hidden(
            f'{who}: {counted(len(lines), "difference")} from the preset {first["preset"]}',
            page.table(('setting', 'run', first['preset']), lines),
        )
    return page.section(
        'Settings, commit, machine, time',
        content,
        'The preset is the shipped one from which the settings differ least. Time is from the '
        'first line of metrics to the last, without pauses.',
    )


def _episodes(training: Sequence[Mapping[str, Any]]) -> str:
    content = ''
    for run in training:
        if run['episodes']:
            rows = [
                (
                    index,
                    one['decisions'],
                    f'{one["return"]:.2f}' if one['return'] is not None else DASH,
                    'yes' if one['success'] else 'no',
                    f'{one["disagreement"]:.3f}' if one['disagreement'] is not None else DASH,
                )
                for index, one in enumerate(run['episodes'])
            ]
            count = counted(len(rows), 'online episode')
            content += page.hidden(
                f'{run["task"]} {run["row"]} seed {run["seed"]}: {count}',
                page.table(('episode', 'decisions', 'return', 'success', 'disagreement'), rows),
            )
    return page.section('Online episodes', content) if content else ''


def _columns(episodes: Sequence[int], decisions: Sequence[int]) -> list[str]:
    """Returns the heads of columns of success."""
    pairs = zip(episodes, decisions)
    return [f'{counted(one, "episode")}, {counted(of, "decision")}' for one, of in pairs]


def _cell(cell: Mapping[str, Any] | None) -> str:
    return DASH if cell is None else f'{cell["mean"]:.2f} ({_interval(cell)})'


def _share(value: float | None) -> str:
    return DASH if value is None else f'{value:.2f}'


def _interval(cell: Mapping[str, Any]) -> str:
    return f'{cell["low"]:.2f} to {cell["high"]:.2f}'


def _commit(commit: str) -> str:
    return f', commit {commit[:10]}{commit[40:]}' if commit else ''


def _state(run: Mapping[str, Any]) -> str:
    done = f'{run["updates"]} updates, {_episodes_words(run)}'
    ago = run['last_line_seconds_ago']
    when = 'nothing written yet' if ago is None else f'last line {ago / 60:.0f} min ago'
    if run['round_now'] is not None:
        return f'in round {run["round_now"]}: {done}, {when}'
    if run['rounds'] is not None:
        return f'{counted(run["rounds"], "round")} done: {done}'
    return f'finished: {done}' if run['finished'] else f'not finished: {done}, {when}'


def _episodes_words(run: Mapping[str, Any]) -> str:
    own, robot = run['episodes'], run['robot_episodes']
    if not robot:
        return counted(own, 'online episode')
    beside = f' and {counted(own, "online episode")}' if own else ''
    return counted(robot, 'robot episode') + beside


def _time(run: Mapping[str, Any]) -> str:
    paused = run['paused_seconds']
    pause = f', {paused / 60:.0f} min of pauses left out' if paused else ''
    evaluation = run['evaluation_seconds'] / 60
    return f'{run["wall_seconds"] / 60:.1f} min ({evaluation:.1f} evaluating{pause})'


def _settings(run: Mapping[str, Any]) -> str:
    if not run['preset']:
        return 'cannot be read'
    count = len(run['differences'])
    return run['preset'] + (f' and {counted(count, "difference")}' if count else ', as it is')
