"""The report's pictures, each a function of arrays that returns a matplotlib Figure."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np

matplotlib.use('Agg')

from matplotlib.figure import Figure  # noqa: E402  (the backend must be chosen first)

INK, GRID = '#24292f', '#d0d7de'
BLUE, GREEN, RED, AMBER = '#0969da', '#1a7f37', '#cf222e', '#bf8700'


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Returns the figure as PNG bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=dpi, facecolor='white', bbox_inches='tight')
    return stream.getvalue()


def data_uri(data: bytes, kind: str) -> str:
    """Returns bytes as a data: address, so that a page holds them itself."""
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'


def prediction_strip(
    truth: np.ndarray, predicted: np.ndarray, context: int, period: float
) -> Figure:
    """Draws camera frames over the model's reconstructions and open-loop predictions.

    truth, predicted: (T, h, w, 3) uint8, row for row the same time; the first `context` rows of
    `predicted` saw the camera, the rest only the actions. period: time between rows [s].
    """
    assert truth.shape == predicted.shape, (truth.shape, predicted.shape)
    count = len(truth)
    figure = Figure(figsize=(1.15 * count, 2.75))
    axes = figure.subplots(2, count, squeeze=False)
    for column in range(count):
        for row, image in enumerate((truth[column], predicted[column])):
            axis = axes[row, column]
            axis.imshow(image, interpolation='nearest')
            axis.set(xticks=[], yticks=[])
            seen = row == 0 or column < context
            for spine in axis.spines.values():
                spine.set(color=INK if seen else BLUE, linewidth=1.0 if seen else 2.5)
        axes[0, column].set_title(f'{column * period:.1f} s', fontsize=8, color=INK)
    axes[0, 0].set_ylabel('camera', color=INK)
    axes[1, 0].set_ylabel('model', color=INK)
    figure.subplots_adjust(wspace=0.06, hspace=0.08)
    figure.text(
        0.5,
        0.02,
        f'black frame: the model saw the camera ({context} frames);  '
        'blue frame: predicted from the actions alone',
        ha='center',
        fontsize=8,
        color=INK,
    )
    return figure


def success_bars(rows: Sequence[tuple[str, int, int, Sequence[float]]]) -> Figure:
    """Draws k of n with its interval for each (name, k, n, (low, high))."""
    figure = Figure(figsize=(6.0, 0.62 * len(rows) + 0.7))
    axis = figure.subplots()
    for index, (name, k, n, (low, high)) in enumerate(rows):
        share = k / n if n else 0.0
        colour = RED if 'covered' in name else GREEN
        axis.barh(index, share, color=colour, height=0.55, alpha=0.85)
        axis.plot([low, high], [index, index], color=INK, linewidth=1.5)
        axis.text(1.03, index, f'{k} of {n}', va='center', color=INK)
    axis.set(
        yticks=range(len(rows)),
        yticklabels=[row[0] for row in rows],
        xlim=(0, 1),
        xlabel='success through ROS 2 (line: 95 % interval)',
    )
    axis.invert_yaxis()
    _plain(axis)
    return figure


def learning_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], boundary: int | None
) -> Figure:
    """Draws each named (updates, values) in a small plot; fine-tuning begins at `boundary`."""
    columns = 3
    rows = max(1, -(-len(curves) // columns))
    figure = Figure(figsize=(10.5, 2.3 * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, (updates, values)) in zip(axes, curves.items()):
        axis.plot(updates, values, color=BLUE, linewidth=1.2)
        if boundary is not None:
            axis.axvline(boundary, color=AMBER, linestyle='--', linewidth=1)
        axis.set_title(name, fontsize=9, color=INK)
        _plain(axis)
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    figure.supxlabel('updates (dashed: fine-tuning begins)', fontsize=9, color=INK)
    figure.tight_layout()
    return figure


def latency_histogram(milliseconds: np.ndarray, period: float) -> Figure:
    """Draws the latency from image stamp to request [ms], with p50, p95 and p99."""
    figure = Figure(figsize=(6.0, 2.6))
    axis = figure.subplots()
    if milliseconds.size:
        axis.hist(milliseconds, bins=40, color=BLUE, alpha=0.85)
        for q, colour in ((50, GREEN), (95, AMBER), (99, RED)):
            value = np.percentile(milliseconds, q)
            axis.axvline(value, color=colour, linewidth=1.5, label=f'p{q} = {value:.1f} ms')
        axis.legend(frameon=False, fontsize=8)
    axis.set(
        xlabel=f'image stamp to request [ms]; the period is {period * 1e3:.0f} ms',
        ylabel='decisions',
    )
    _plain(axis)
    return figure


def reason_bars(reasons: Mapping[str, int], decisions: int) -> Figure:
    """Draws in how many of all `decisions` the guard changed a command, by reason."""
    items = sorted(reasons.items(), key=lambda item: item[1])
    figure = Figure(figsize=(6.0, 0.36 * max(len(items), 1) + 0.8))
    axis = figure.subplots()
    axis.barh([name for name, _ in items], [count for _, count in items], color=BLUE, alpha=0.85)
    for index, (_, count) in enumerate(items):
        axis.text(count, index, f' {count}', va='center', fontsize=8, color=INK)
    axis.set_xlabel(f'decisions of {decisions} in which the guard changed the command')
    axis.margins(x=0.12)
    _plain(axis)
    return figure


def _plain(axis: matplotlib.axes.Axes) -> None:
    axis.grid(color=GRID, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8, colors=INK)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
