"""The table of a run's rounds beside a robot, and what it says of the starts that they tried.

In: rounds as rounds.jsonl has them (moto_learning/rounds/journal.py), as mappings. Out: HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto_core.errors import counted
from moto_learning.report import page
from moto_learning.report.markdown import DASH

SHORT = 8  # letters of a hash
Cell = str | float


def rounds_table(
    rounds: Sequence[Mapping[str, Any]], driven: Mapping[str, int] | None = None
) -> str:
    """Returns the table, a line a round; a column in which no round has anything is left out.

    `driven` counts the episodes that a bundle drove, by its hash; None: not known.
    """
    columns: dict[str, Callable[[Mapping[str, Any]], Cell]] = {
        'round': lambda one: one['number'],
        'updates': lambda one: one['updates'],
        'new episodes': lambda one: one['new'],
        'changed labels': lambda one: one['labelled'],
        'successes in replay': lambda one: f'{one["successes"]} of {one["episodes"]}',
        'starts solved': lambda one: starts_words(one['starts']),
        'by the one in use': lambda one: starts_words(one['used_starts']),
        'error': lambda one: _error(one['error']),
        "the one in use's": lambda one: _error(one['used_error']),
        'seconds': lambda one: round(one['seconds']),
        'bundle': lambda one: one['bundle'][:SHORT] or DASH,
        'episodes driven': lambda one: _driven(one, driven),
        'outcome': outcome_words,
    }
    found = {name: [cell(one) for one in rounds] for name, cell in columns.items()}
    kept = {name: cells for name, cells in found.items() if any(cell != DASH for cell in cells)}
    return page.table(list(kept), list(zip(*kept.values())))


def outcome_words(one: Mapping[str, Any]) -> str:
    """Says whether a round was published, with how many lost starts, or why it was refused."""
    if not one['published']:
        return f'refused: {one["why"]}'
    lost = sum(one['used_starts']) - sum(one['starts'])
    if one['used_starts'] and lost > 0:
        return f'published: {counted(lost, "lost start")} let pass'
    return 'published'


def starts_words(starts: Sequence[bool]) -> str:
    """Returns how many of the tried starts were solved; a dash if none was tried."""
    return f'{sum(starts)} of {len(starts)}' if starts else DASH


def trial_words(rounds: Sequence[Mapping[str, Any]], lost: int | None = None) -> str:
    """Returns what a reader must know of the columns.

    `lost` is moto-finetune's setting in these rounds; None: not known.
    """
    words = []
    if any(one['starts'] for one in rounds):
        words.append(
            'Both policies of a row were tried at the same starts of the simulator, others in '
            'each round: compare them within a row, not down a column. A candidate is refused if '
            f'it solves fewer of them than the policy in use{_let_pass(lost)}.'
        )
    if any(one['error'] is not None for one in rounds):
        words.append(
            "Error: mean distance from a person's, or a demonstrator's, actions in episodes that "
            'were kept from learning, each action within -1 to 1.'
        )
    return ' '.join(words)


def _let_pass(lost: int | None) -> str:
    if lost is None:
        return "; as many fewer as moto-finetune's setting lost says are let pass"
    return f'; up to {lost} fewer were let pass (lost={lost}): so few are chance' if lost else ''


def _driven(one: Mapping[str, Any], driven: Mapping[str, int] | None) -> Cell:
    return DASH if driven is None or not one['published'] else driven.get(one['bundle'], 0)


def _error(value: float | None) -> str:
    return DASH if value is None else f'{value:.4f}'
