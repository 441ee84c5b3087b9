"""The picture of a run's rounds beside a robot: the starts that each tried, what it took in.

    starts solved |  o the candidate   x one that was refused   [] the policy in use, same starts
    episodes      |  | taken in by the round

In: rounds as mappings. Out: a figure that reads at 390 px, and what it shows in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moto_core.errors import counted
from moto_learning.report.figures import BLUE, GREY, INK, RED, legend, plain
from moto_learning.report.rounds_table import starts_words
from moto_learning.run.statistics import wilson_interval

APART = 0.12  # of a round, the two policies of it


def rounds_figure(rounds: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the share of the tried starts that each round solved, and the episodes taken in."""
    figure = Figure(figsize=(4.6, 3.9))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    yes = [one for one in rounds if one['published']]
    no = [one for one in rounds if not one['published']]
    _shares(above, yes, 'starts', -APART, BLUE, 'o', 'candidate, published')
    _shares(above, no, 'starts', -APART, RED, 'x', 'candidate, refused')
    _shares(above, rounds, 'used_starts', APART, GREY, 's', 'policy in use, same starts')
    above.set(ylim=(-0.05, 1.05), yticks=[0, 0.25, 0.5, 0.75, 1])
    above.set_ylabel('share of starts solved', fontsize=9, color=INK)
    numbers = [one['number'] for one in rounds]
    below.bar(numbers, [one['new'] for one in rounds], width=0.5, color=BLUE, alpha=0.6)
    below.set_ylabel('episodes\ntaken in', fontsize=9, color=INK)
    below.set_xlabel('round', fontsize=9, color=INK)
    below.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    for one in (above, below):
        plain(one)
    legend(figure)
    return figure


def rounds_words(rounds: Sequence[Mapping[str, Any]]) -> str:
    """Returns in numbers what `rounds_figure` draws."""
    return 'Starts solved by round, and episodes taken in. ' + ' '.join(map(_words, rounds))


def _words(one: Mapping[str, Any]) -> str:
    parts = [f'Round {one["number"]}: {"published" if one["published"] else "refused"}']
    if one['starts']:
        low, high = wilson_interval(sum(one['starts']), len(one['starts']))
        solved = starts_words(one['starts'])
        parts.append(f'{solved} starts (95 % interval {low:.2f} to {high:.2f})')
    if one['used_starts']:
        parts.append(f'the policy in use {sum(one["used_starts"])}')
    parts.append(f'{counted(one["new"], "episode")} taken in')
    return ', '.join(parts) + '.'


def _shares(
    axis: Axes,
    rounds: Sequence[Mapping[str, Any]],
    key: str,
    beside: float,
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Draws k of n of each round with its 95 % interval; nothing for rounds without starts."""
    tried = [one for one in rounds if one[key]]
    if not tried:
        return
    x = np.array([one['number'] for one in tried]) + beside
    share = np.array([np.mean(one[key]) for one in tried])
    bounds = np.array([wilson_interval(sum(one[key]), len(one[key])) for one in tried])
    axis.vlines(x, bounds[:, 0], bounds[:, 1], color=colour, linewidth=1.2)
    axis.plot(x, share, color=colour, marker=marker, markersize=6, linestyle='', label=label)
