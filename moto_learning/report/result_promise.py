"""Figure 4 as docs/results.md shows it: promised rewards above the most that the data gave.

In: Kept runs, the tasks of the data that a block asks for. Out: a Block.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import numpy as np

from moto_learning.report.figures import Line, panels
from moto_learning.report.markdown import Block, mean_of_all, table
from moto_learning.report.results import Kept, Promise
from moto_learning.report.row_marks import row_marks
from moto_learning.report.rows import row_names

HEADER = (
    *('task', 'row', 'online episodes', 'seeds', "data's maximum", 'predicted maximum'),
    *('99th percentile', "steps above the data's maximum", "the same at the data's rows"),
)
Promised = dict[tuple[str, str, int], list[Promise]]  # by task, row and online episodes


def promise(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns what rollouts were promised after each row's episodes, the mean over the seeds."""
    promised: Promised = {}
    for run, name in zip(kept, row_names(kept)):
        for one in run.promises:
            if not tasks or one.task in tasks:
                promised.setdefault((one.task, name, one.episodes), []).append(one)
    lines = [
        (
            task,
            name,
            episodes,
            len(found),
            f'{mean(one.data_max for one in found):.2f}',
            f'{mean(one.imagined_max for one in found):.2f}',
            f'{mean(one.imagined_high for one in found):.2f}',
            f'{100 * mean(one.above for one in found):.1f} %',
            mean_of_all([one.data_above for one in found], 100, ' %'),
        )
        for (task, name, episodes), found in sorted(promised.items())
    ]
    if not lines:
        return Block('')
    figure = panels(_lines(promised), 'online episodes', ylabel='reward a step')
    return Block(table(HEADER, lines), figure, "Predicted reward and the data's maximum by task")


def _lines(promised: Promised) -> dict[str, list[Line]]:
    """Returns for each task a line of each row's predicted maximum, and the data's dashed."""
    marks = row_marks([name for _, name, _ in sorted(promised)])
    plots: dict[str, list[Line]] = {}
    for task, name in dict.fromkeys((task, name) for task, name, _ in sorted(promised)):
        points = [promised[key] for key in sorted(promised) if key[:2] == (task, name)]
        x = np.array([found[0].episodes for found in points])
        y = np.array([mean(one.imagined_max for one in found) for found in points])
        most = np.array([mean(one.data_max for one in found) for found in points])
        plots.setdefault(task, []).extend(
            [
                Line(x=x, y=y, label=name, **marks[name]._asdict()),
                Line(x=x, y=most, label=f'data of {name}', style='--', **marks[name]._asdict()),
            ]
        )
    return plots
