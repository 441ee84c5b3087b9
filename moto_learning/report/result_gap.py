"""Theorem B.1 as docs/results.md shows it: measured gaps beside the disagreement and its bound.

In: Kept runs, the tasks that a block asks for. Out: a Block.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from moto_learning.report.markdown import Block, mean_of_all, table
from moto_learning.report.results import Kept, Lag
from moto_learning.report.rows import row_names

HEADER = (
    *('task', 'row', 'online episodes', 'seeds', 'eps_u a decision'),
    *('gap in return an episode', '2 alpha eps_u an episode'),
)


def gap(kept: Sequence[Kept], tasks: Sequence[str]) -> Block:
    """Returns how far each row's policy, by its mode, is behind the expert; means of the seeds."""
    found: dict[tuple[str, str, int], list[Lag]] = {}
    for run, name in zip(kept, row_names(kept)):
        for lag in run.lags:
            if lag.explore == 'mode' and (not tasks or run.task in tasks):
                found.setdefault((run.task, name, lag.episodes), []).append(lag)
    lines = [
        (
            task,
            name,
            episodes,
            len(lags),
            f'{mean(lag.eps_u for lag in lags):.3f}',
            f'{mean(lag.gap for lag in lags):.1f}',
            mean_of_all([lag.bound for lag in lags]),
        )
        for (task, name, episodes), lags in sorted(found.items())
    ]
    return Block(table(HEADER, lines) if lines else '')
