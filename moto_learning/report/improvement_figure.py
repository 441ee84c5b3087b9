"""The demonstration's first picture: success of logged episodes, between the held-out starts.

    before |  o success of a logged episode   x failure   line: share of the last ten   | after
           |        : another bundle begins to drive                                    |

In: outcomes, swaps, counts. Out: a figure that reads at 390 px, and what it shows in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moto_learning.report.figures import AMBER, BLUE, GREEN, GREY, INK, RED, legend, plain
from moto_learning.report.training import moving_mean

WINDOW = 10  # logged episodes of the moving share
MARKS = {  # outcome: height, mark, colour, name
    'success': (1.1, 'o', GREEN, 'success'),
    'failure': (-0.1, 'x', RED, 'failure'),
    'unlabelled': (-0.24, 'D', GREY, 'not judged'),
}
TOP = 1.2  # where the names of swaps begin


def improvement_figure(
    logged: Sequence[str],
    swaps: Sequence[tuple[int, str]],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Figure:
    """Draws outcomes of logged episodes, and k of n held-out starts at both ends.

    swaps: (number of episodes before it, name) of each bundle that begins to drive; before,
    after: `k`, `n` and Wilson's `interval`.
    """
    figure = Figure(figsize=(4.3, 3.7))
    axis = figure.subplots()
    count = len(logged)
    apart = max(1.5, 0.12 * count)
    for index, name in swaps:
        axis.plot([index + 0.5] * 2, [-0.3, TOP], color=AMBER, linestyle='--', linewidth=1)
        axis.text(
            index + 0.5,
            TOP + 0.03,
            name,
            rotation=90,
            fontsize=8,
            ha='center',
            va='bottom',
            color=INK,
        )
    _dots(axis, logged)
    share = moving_share(logged)
    axis.plot(np.arange(1, count + 1), share, color=BLUE, label=f'share of the last {WINDOW}')
    _held_out(axis, 1 - apart, before, 'held-out starts')
    _held_out(axis, count + apart, after, '')
    ticks = [n for n in range(1, count + 1) if count < 10 or n % 10 == 0]
    axis.set(
        xlim=(1 - 2 * apart, count + 2 * apart),
        ylim=(-0.32, 1.62 if swaps else 1.3),
        yticks=[0, 0.25, 0.5, 0.75, 1],
        xticks=[1 - apart, *ticks, count + apart],
        xticklabels=['before', *map(str, ticks), 'after'],
    )
    axis.set_xlabel('logged episodes', fontsize=9, color=INK)
    axis.set_ylabel('share solved', fontsize=9, color=INK, y=0.4)
    plain(axis)
    legend(figure)
    return figure


def improvement_words(
    logged: Sequence[str],
    swaps: Sequence[tuple[int, str]],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> str:
    """Returns in numbers what `improvement_figure` draws."""
    share = moving_share(logged)
    known = share[np.isfinite(share)]
    parts = [f'Held-out starts solved before: {_interval(before)}; after: {_interval(after)}.']
    parts.append(
        f'Between them {len(logged)} logged episodes, of which {logged.count("success")} '
        f'succeeded and {logged.count("failure")} failed.'
        if logged
        else 'No episode was logged between them.'
    )
    if known.size:
        first = known[min(WINDOW, known.size) - 1]
        parts.append(f'The share of the last {WINDOW} goes from {first:.2f} to {known[-1]:.2f}.')
    parts += [f'{name} begins to drive after {index} of them.' for index, name in swaps]
    return ' '.join(parts)


def moving_share(logged: Sequence[str]) -> np.ndarray:
    """Returns the share of successes (N,) of each outcome and the nine before, NaN unknown.

    Those that nobody could judge are left out.
    """
    known = {'success': 1.0, 'failure': 0.0}
    return moving_mean(np.array([known.get(one, np.nan) for one in logged]), WINDOW)


def _dots(axis: Axes, logged: Sequence[str]) -> None:
    for outcome, (height, marker, colour, name) in MARKS.items():
        places = [index for index, one in enumerate(logged, 1) if one == outcome]
        if places:
            axis.plot(
                places,
                [height] * len(places),
                color=colour,
                marker=marker,
                markersize=4.5,
                linestyle='',
                label=name,
            )


def _held_out(axis: Axes, x: float, found: Mapping[str, Any], label: str) -> None:
    """Draws k of n starts with its interval."""
    k, n, (low, high) = found['k'], found['n'], found['interval']
    if not n:
        axis.text(x, 0.5, 'none', ha='center', fontsize=8, color=INK)
        return
    axis.plot([x, x], [low, high], color=INK, linewidth=1.5)
    axis.plot([x], [k / n], color=INK, marker='s', markersize=6, linestyle='', label=label or None)
    axis.text(x, low - 0.03, f'{k} of {n}', ha='center', va='top', fontsize=8, color=INK)


def _interval(found: Mapping[str, Any]) -> str:
    if not found['n']:
        return 'none was driven'
    low, high = found['interval']
    return f'{found["text"]} (95 % interval {low:.2f} to {high:.2f})'
