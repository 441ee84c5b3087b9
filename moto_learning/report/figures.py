"""The reports' pictures, each a function of arrays that returns a matplotlib Figure."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import matplotlib
import numpy as np

matplotlib.use('Agg')

from matplotlib.artist import Artist  # noqa: E402  (the backend must be chosen first)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

INK, GRID, GREY = '#24292f', '#d0d7de', '#6e7781'
BLUE, GREEN, RED, AMBER = '#0969da', '#1a7f37', '#cf222e', '#bf8700'
LEGEND = 8  # [pt]
COLOURS = (BLUE, '#d1570a', GREEN, '#8250df', RED, '#0a7ea4', AMBER, '#bf3989', '#57606a')
MARKED = 8  # points of a long line that get its mark, about
NARROW = 8  # frames of a strip under which a line of small print has no room
LONGEST = 40  # characters of a name in a picture


class Line(NamedTuple):
    """A line of a plot; without a label it is not in the legend."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    label: str = ''
    colour: str = BLUE
    style: str = '-'
    width: float = 1.2
    marker: str = ''  # at some of the points
    low: np.ndarray | None = None  # (N,) of a band around it
    high: np.ndarray | None = None


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Returns the figure as PNG bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=dpi, facecolor='white', bbox_inches='tight')
    return stream.getvalue()


def svg(figure: Figure) -> bytes:
    """Returns the figure as SVG: the same bytes of the same figure, letters as letters."""
    stream = io.BytesIO()
    with matplotlib.rc_context({'svg.hashsalt': 'moto', 'svg.fonttype': 'none'}):
        figure.savefig(
            stream,
            format='svg',
            facecolor='white',
            bbox_inches='tight',
            metadata={'Date': None, 'Creator': None},
        )
    return stream.getvalue()


def plain_name(name: str) -> str:
    """Returns somebody's name as a picture can show it: no markup, no foreign letters, short."""
    shown = ''.join(c if c.isascii() and c.isprintable() else '?' for c in name)
    shown = shown if len(shown) <= LONGEST else f'{shown[: LONGEST - 3]}...'
    return shown.lstrip('_').replace('\\', '/').replace('$', r'\$')


def lines_plot(
    lines: Sequence[Line],
    xlabel: str,
    ylabel: str,
    *,
    title: str = '',
    share: bool = False,
    right: float | None = None,
) -> Figure:
    """Draws lines, each with its band if it has one.

    `share`: y runs from 0 to 1; `right`: x runs from 0 to there.
    """
    figure = Figure(figsize=(4.6, 3.2))
    axis = figure.subplots()
    draw_lines(axis, lines)
    axis.set_xlabel(xlabel, fontsize=9, color=INK)
    axis.set_ylabel(ylabel, fontsize=9, color=INK)
    axis.set_title(plain_name(title), fontsize=10, color=INK)
    _limit(axis, share, right)
    legend(figure)
    return figure


def panels(
    plots: Mapping[str, Sequence[Line]],
    xlabel: str,
    boundary: float | None = None,
    *,
    ylabel: str = '',
    share: bool = False,
    rights: Mapping[str, float | None] = MappingProxyType({}),
) -> Figure:
    """Draws each named group of lines in a small plot; something begins at `boundary`.

    `share`: y runs from 0 to 1; `rights`: x runs from 0 to there, by name.
    """
    columns = 3
    rows = max(1, -(-len(plots) // columns))
    figure = Figure(figsize=(10.5, 2.3 * rows + 0.3))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, lines) in zip(axes, plots.items()):
        draw_lines(axis, lines)
        if boundary is not None:
            axis.axvline(boundary, color=AMBER, linestyle='--', linewidth=1)
        axis.set_title(plain_name(name), fontsize=9, color=INK)
        _limit(axis, share, rights.get(name))
    for axis in axes[len(plots) :]:
        axis.set_axis_off()
    figure.supxlabel(xlabel, fontsize=9, color=INK)
    if ylabel:
        figure.supylabel(ylabel, fontsize=9, color=INK)
    figure.tight_layout()
    legend(figure)
    return figure


def draw_lines(axis: Axes, lines: Sequence[Line]) -> None:
    """Draws lines, their marks and bands into an axis; a single point always gets a mark."""
    for line in lines:
        axis.plot(
            line.x,
            line.y,
            color=line.colour,
            linestyle=line.style,
            linewidth=line.width,
            marker=line.marker or ('o' if len(line.x) == 1 else ''),
            markevery=-(-len(line.x) // MARKED) or 1,
            markersize=2.5 + line.width,
            label=plain_name(line.label) if line.label else None,
        )
        if line.low is not None and line.high is not None:
            axis.fill_between(line.x, line.low, line.high, color=line.colour, alpha=0.15, lw=0)
    plain(axis)


def prediction_strip(
    truth: np.ndarray, predicted: np.ndarray, context: int, period: float
) -> Figure:
    """Draws camera frames over the model's reconstructions and open-loop predictions.

    truth, predicted: (T, h, w, 3) uint8, row for row the same time; the first `context` rows of
    `predicted` saw the camera, the rest only the actions. period: time between rows [s]. The
    third row is their difference, the mean over the colours.
    """
    assert truth.shape == predicted.shape, (truth.shape, predicted.shape)
    count = len(truth)
    figure = Figure(figsize=(1.15 * count, 3.9))
    axes = figure.subplots(3, count, squeeze=False)
    error = np.abs(truth.astype(np.float32) - predicted).mean(-1) / 255  # (T, h, w)
    for column in range(count):
        for row, image in enumerate((truth[column], predicted[column], error[column])):
            axis = axes[row, column]
            axis.imshow(image, interpolation='nearest', cmap='magma', vmin=0, vmax=0.5)
            axis.set(xticks=[], yticks=[])
            seen = row != 1 or column < context
            for spine in axis.spines.values():
                spine.set(color=INK if seen else BLUE, linewidth=1.0 if seen else 2.5)
        axes[0, column].set_title(f'{column * period:.1f} s', fontsize=8, color=INK)
        axes[2, column].set_xlabel(f'{error[column].mean():.3f}', fontsize=8, color=INK)
    for row, name in enumerate(('camera', 'model', 'error')):
        axes[row, 0].set_ylabel(name, color=INK)
    figure.subplots_adjust(wspace=0.06, hspace=0.08)
    said = (
        f'black frame: the model saw the camera ({context} frames)',
        'blue frame: predicted from the actions alone',
        'error: brightest at half the range',
    )
    between = ';  ' if count > NARROW else '\n'
    figure.text(0.5, 0.03, between.join(said), ha='center', va='top', fontsize=8, color=INK)
    return figure


def latency_histogram(milliseconds: np.ndarray, period: float) -> Figure:
    """Draws the latency from image stamp to request [ms], with p50, p95 and p99."""
    figure = Figure(figsize=(4.3, 2.6))
    axis = figure.subplots()
    if milliseconds.size:
        axis.hist(milliseconds, bins=40, color=BLUE, alpha=0.85)
        for q, colour in ((50, GREEN), (95, AMBER), (99, RED)):
            value = np.percentile(milliseconds, q)
            axis.axvline(value, color=colour, linewidth=1.5, label=f'p{q} = {value:.1f} ms')
    axis.set(
        xlabel=f'image stamp to request [ms]; the period is {period * 1e3:.0f} ms',
        ylabel='decisions',
    )
    plain(axis)
    legend(figure)
    return figure


def legend(figure: Figure) -> None:
    """Names the lines of all axes once, below the figure's edge, where nothing is drawn."""
    found: dict[str, Artist] = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            found.setdefault(label, handle)
    if not found:
        return
    longest = max(map(len, found))  # letters are about half as wide as high
    inches = (0.55 * longest * LEGEND + 5 * LEGEND) / 72
    figure.legend(
        list(found.values()),
        list(found),
        loc='upper center',
        bbox_to_anchor=(0.5, 0.0 if figure.get_supxlabel() else -0.06),
        ncols=max(1, int(figure.get_figwidth() / inches)),
        frameon=False,
        fontsize=LEGEND,
    )


def _limit(axis: Axes, share: bool, right: float | None) -> None:
    if right:
        axis.set_xlim(-0.03 * right, right)
    if share:
        axis.set_ylim(-0.03, 1.03)


def plain(axis: Axes) -> None:
    """Gives an axis the looks of every picture: a thin grid, no frame above and on the right."""
    axis.grid(color=GRID, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8, colors=INK)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
