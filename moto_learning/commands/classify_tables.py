"""What `moto-data classify` shows: how often it was right, and what it says of each episode.

In: judged episodes, the threshold. Out: rich tables, lines of text.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from moto_learning.classifier.judgement import (
    DECISIONS,
    Count,
    Judged,
    accuracy,
    confusion,
    decide,
    decided,
)
from moto_learning.classifier.split import KINDS
from moto_learning.run.statistics import wilson_interval


def confusion_table(judged: Sequence[Judged], threshold: float) -> Table:
    """Returns how many episodes of either label were called what."""
    table = _table('labelled', *DECISIONS)
    counts = confusion(judged, threshold)
    for outcome in KINDS:
        table.add_row(outcome, *(str(counts[outcome, decision]) for decision in DECISIONS))
    return table


def held_out_lines(judged: Sequence[Judged], threshold: float) -> list[str]:
    """Returns the accuracy of all, of either label, and of those beyond the threshold."""
    return [
        f'right at 0.5: {_share(accuracy(judged))}',
        f'  of successes: {_share(accuracy(judged, "success"))}',
        f'  of failures: {_share(accuracy(judged, "failure"))}',
        f'right of those beyond {threshold:g}: {_share(decided(judged, threshold))}',
    ]


def decision_table(judged: Sequence[Judged], threshold: float) -> Table:
    """Returns a line an episode: its id, the probability of a success, what that decides."""
    table = _table('id', 'probability', 'decision')
    for one in judged:
        table.add_row(one.id, f'{one.probability:.4f}', decide(one.probability, threshold))
    return table


def _share(count: Count) -> str:
    low, high = wilson_interval(count.k, count.n)
    return f'{count.k} of {count.n} (95 % interval {low:.2f} to {high:.2f})'


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify='left' if name == 'decision' else 'right')
    return table
