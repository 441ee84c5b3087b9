"""The ensemble's disagreement over the episodes of a drive, successes apart from failures.

In: Rows of drives, thresholds of bundles. Out: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from moto_core.errors import BundleError
from moto_core.policy.manifest import parse_manifest
from moto_learning.report import figures, page
from moto_learning.report.guard_changes import Rows

LOOKS = {'success': (figures.GREEN, '-'), 'failure': (figures.RED, '--')}
LEAST = 2  # episodes that a median is of, unless there is one alone


class Panel(NamedTuple):
    """The episodes of a drive and what its bundle calls too much."""

    episodes: Sequence[Rows]
    threshold: float | None


def bundle_threshold(bundle: Path) -> float | None:
    """Returns the disagreement threshold of a bundle; None if it has none or cannot be read."""
    with suppress(OSError, BundleError):
        return parse_manifest((bundle / 'manifest.json').read_bytes()).disagreement_threshold
    return None


def disagreement_section(panels: Mapping[str, Panel]) -> str:
    """Returns the section; that there is none if no row was recorded."""
    title = 'Disagreement over the episode'
    drawn = {name: panel for name, panel in panels.items() if panel.episodes}
    if not drawn:
        return page.section(title, page.paragraph('No episode was recorded.'))
    words = ' '.join(panel_words(name, panel) for name, panel in drawn.items())
    return page.section(
        title,
        page.picture(words, figures.png(disagreement_figure(drawn), dpi=160)),
        'A thin line an episode, the median of those still running bold. The threshold is the '
        "bundle's: above it the policy is off what it knows.",
    )


def median(episodes: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the median (T,) at each decision of the episodes that still run.

    It ends where only one of several does.
    """
    if not episodes:
        return np.zeros(0)
    longest = sorted(map(len, episodes))[-min(LEAST, len(episodes))]
    return np.array(
        [np.median([one[t] for one in episodes if t < len(one)]) for t in range(longest)]
    )


def disagreement_figure(panels: Mapping[str, Panel]) -> Figure:
    """Draws a plot for each drive, one below the other, of the same scales."""
    figure = Figure(figsize=(4.3, 2.3 * len(panels) + 0.4))
    axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, (name, panel) in zip(axes, panels.items()):
        for outcome, (colour, style) in LOOKS.items():
            lines = _lines(panel, outcome)
            for line in lines:
                axis.plot(line, color=colour, linewidth=0.6, alpha=0.45, linestyle=style)
            axis.plot(
                median(lines),
                color=colour,
                linewidth=2.2,
                linestyle=style,
                label=f'{outcome}, median' if lines else None,
            )
        if panel.threshold is not None:
            axis.axhline(
                panel.threshold, color=figures.INK, linestyle=':', linewidth=1.2, label='threshold'
            )
        axis.set_title(name, fontsize=9, color=figures.INK)
        axis.set_ylabel('disagreement', fontsize=9, color=figures.INK)
        figures.plain(axis)
    axes[-1].set_xlabel('decision', fontsize=9, color=figures.INK)
    figure.tight_layout()
    figures.legend(figure)
    return figure


def panel_words(name: str, panel: Panel) -> str:
    """Returns in numbers what one plot of `disagreement_figure` draws."""
    parts = []
    for outcome in LOOKS:
        line = median(_lines(panel, outcome))
        count = len(_lines(panel, outcome))
        if len(line):
            parts.append(
                f'{count} of outcome {outcome}, median {line[0]:.2f} at first and '
                f'{line.min():.2f} to {line.max():.2f} over {len(line)} decisions'
            )
    limit = 'no threshold' if panel.threshold is None else f'threshold {panel.threshold:.2f}'
    return f'Disagreement {name}: {"; ".join(parts) or "no episode was judged"}; {limit}.'


def _lines(panel: Panel, outcome: str) -> list[np.ndarray]:
    return [one.disagreement for one in panel.episodes if one.about.outcome == outcome]
