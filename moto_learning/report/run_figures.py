"""The pictures of a report about runs, from the numbers that report.json holds.

In: plain values. Out: matplotlib Figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from moto_learning.report.figures import BLUE, COLOURS, GREY, INK, RED, Line, lines_plot, panels
from moto_learning.report.paper import NAMES
from moto_learning.report.row_marks import MARKS, Mark, row_marks
from moto_learning.report.training import loss_names

BEYOND = 1.25  # times the decisions of our runs to which the paper's curves are drawn
STYLES = {'mode': '-', 'sample': ':'}  # of a way to act


def success_figure(
    task: str,
    groups: Sequence[Mapping[str, Any]],
    paper: Mapping[str, Mapping[str, Any]],
    marks: Mapping[str, Mark],
) -> Figure:
    """Draws the success_lines of a task, as far as drawn_to says; `marks` are by row."""
    return lines_plot(
        success_lines(groups, paper, marks),
        'online decisions',
        success_label(groups),
        title=task or 'unknown task',
        share=True,
        right=drawn_to(groups),
    )


def success_panels(
    groups: Sequence[Mapping[str, Any]], paper: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Figure:
    """Draws the success_lines of every task of the groups in a small plot; `paper` is by task."""
    marks = row_marks(group['row'] for group in groups)
    tasks = dict.fromkeys(group['task'] for group in groups)
    by_task = {task: [group for group in groups if group['task'] == task] for task in tasks}
    return panels(
        {task: success_lines(here, paper[task], marks) for task, here in by_task.items()},
        'online decisions',
        ylabel=success_label(groups),
        share=True,
        rights={task: drawn_to(here) for task, here in by_task.items()},
    )


def success_label(groups: Sequence[Mapping[str, Any]]) -> str:
    """Returns what an axis of success counts: a share of how many starts, if all have as many."""
    starts = {one for group in groups for run in group['by_run'] for one in run['starts']}
    return f'success, a share of {starts.pop()} starts' if len(starts) == 1 else 'success'


def drawn_to(groups: Sequence[Mapping[str, Any]]) -> float | None:
    """Returns the decisions a little beyond our runs; the paper's curves would hide their part."""
    most = max(x for group in groups for run in group['by_run'] for x in run['decisions'])
    return BEYOND * most if most else None


def success_lines(
    groups: Sequence[Mapping[str, Any]],
    paper: Mapping[str, Mapping[str, Any]],
    marks: Mapping[str, Mark],
) -> list[Line]:
    """Returns each row's mean with its band, its seeds, and the paper's curves, of one task."""
    right = drawn_to(groups)
    lines = []
    for group in groups:
        (colour, marker), style = marks[group['row']], STYLES[group['explore']]
        alone = len(group['by_run']) == 1
        if not alone:
            lines += [
                Line(
                    x=np.array(run['decisions']),
                    y=np.array(run['success']),
                    colour=colour,
                    style=style,
                    width=0.5,
                )
                for run in group['by_run']
            ]
        points = group['points']
        acting = '' if group['explore'] == 'mode' else ', sampled'
        lines.append(
            Line(
                x=np.array([point['decisions'] for point in points]),
                y=np.array([point['mean'] for point in points]),
                label=f'{group["row"]}{acting}',
                colour=colour,
                style=style,
                width=2.0,
                marker=marker,
                low=np.array([point['low'] for point in points]),
                high=np.array([point['high'] for point in points]),
            )
        )
    for row, curve in paper.items():
        if right and min(curve['decisions']) > right:
            continue
        lines.append(
            Line(
                x=np.array(curve['decisions']),
                y=np.array(curve['success']),
                label=f'paper: {NAMES[row]}',
                colour=MARKS[row].colour,
                style='--',
                width=1.0,
                marker=MARKS[row].marker,
            )
        )
    return lines


def online_panels(runs: Sequence[Mapping[str, Any]], marks: Mapping[str, Mark]) -> Figure | None:
    """Draws moving means over the online episodes of each run; None without an episode."""
    titles = {
        'success': 'success of sampled episodes',
        'return_': 'return of sampled episodes',
        'disagreement': 'disagreement in them',
    }
    plots = {
        title: _by_run(
            runs, lambda run, key=key: (run['online']['decisions'], run['online'][key]), marks
        )
        for key, title in titles.items()
    }
    kept = {title: lines for title, lines in plots.items() if lines}
    return panels(kept, 'online decisions') if kept else None


def loss_panels(runs: Sequence[Mapping[str, Any]], marks: Mapping[str, Mark]) -> Figure | None:
    """Draws every loss that a run has against its updates; None without any.

    Where all runs were fine-tuned from the same update on, a dashed line stands there.
    """
    names = loss_names([run['losses'] for run in runs])

    def drawn(run: Mapping[str, Any], key: str) -> tuple[Sequence[float], Sequence[float]]:
        loss = run['losses'].get(key, {'updates': [], 'values': []})
        return loss['updates'], loss['values']

    plots = {
        title: _by_run(runs, lambda run, key=key: drawn(run, key), marks)
        for key, title in names.items()
    }
    begins = {run['fine_tuned_from'] for run in runs}
    boundary = begins.pop() if len(begins) == 1 else None
    label = 'updates' if boundary is None else 'updates (dashed: fine-tuning begins)'
    return panels(plots, label, boundary) if plots else None


def error_figure(errors: Mapping[str, Sequence[float]]) -> Figure:
    """Draws the mean error of predicted frames against the steps that they are ahead."""
    steps = np.array(errors['steps'])
    lines = [
        Line(x=steps, y=np.array(errors['model']), label='world model', colour=BLUE),
        Line(
            x=steps, y=np.array(errors['held']), label='last frame seen', colour=GREY, style='--'
        ),
    ]
    return lines_plot(lines, 'steps ahead (0: reconstructed)', 'mean error of a pixel')


def reward_figure(distances: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the mean true reward of rows against the reward that was predicted for them."""
    lines = []
    every = [
        value
        for one in distances
        for place in one['bins']
        for value in (place['predicted'], place['true'])
    ]
    ends = np.array([min(every), max(every)])
    lines.append(Line(x=ends, y=ends, label='as it should be', colour=GREY, style='--'))
    for one, colour in zip(distances, COLOURS):
        steps = one['ahead']
        name = f'{steps} step{"s" * (steps > 1)} ahead' if steps else 'as seen'
        lines.append(
            Line(
                x=np.array([place['predicted'] for place in one['bins']]),
                y=np.array([place['true'] for place in one['bins']]),
                label=name,
                colour=colour,
            )
        )
    return lines_plot(lines, 'predicted reward', 'mean true reward')


def roc_figure(alarm: str, shifts: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draws hits against false alarms of telling shifted from ordinary rows by one number."""
    ends = np.array([0.0, 1.0])
    lines = [Line(x=ends, y=ends, colour=GREY, style='--')]
    for (title, found), colour in zip(shifts.items(), (BLUE, RED, INK)):
        one = found[alarm]
        lines.append(
            Line(
                x=np.array(one['false_alarms']),
                y=np.array(one['hits']),
                label=f'{title}: {one["row_area"]:.2f}',
                colour=colour,
            )
        )
    return lines_plot(lines, 'false alarms', 'hits', title=f'by {alarm}', share=True)


def bound_figure(points: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the measured gap along training, for each way to act, and its bound dashed."""
    ways = list(dict.fromkeys(way for point in points for way in point['gaps']))
    lines = []
    for way, colour in zip(ways, COLOURS):
        for of, label, style in (('gaps', f'by {way}', '-'), ('bounds', 'its bound', '--')):
            there = [point for point in points if point[of].get(way) is not None]
            if there:
                lines.append(
                    Line(
                        x=np.array([point['episodes'] for point in there]),
                        y=np.array([point[of][way] for point in there]),
                        label=label,
                        colour=colour,
                        style=style,
                    )
                )
    return lines_plot(lines, 'online episodes', 'return an episode')


def _by_run(
    runs: Sequence[Mapping[str, Any]], values: Any, marks: Mapping[str, Mark]
) -> list[Line]:
    """Returns a line a run, with its row's mark; the first of each row has the name."""
    named: set[str] = set()
    lines = []
    for run in runs:
        x, y = values(run)
        if not len(x):
            continue
        lines.append(
            Line(
                x=np.array(x, np.float64),
                y=np.array(y, np.float64),
                label='' if run['row'] in named else run['row'],
                colour=marks[run['row']].colour,
                width=1.0,
                marker=marks[run['row']].marker,
            )
        )
        named.add(run['row'])
    return lines
