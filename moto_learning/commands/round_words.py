"""What moto-finetune says of a round: when it begins, and what came of it.

In: Begun, Round. Out: a line each.
"""

from __future__ import annotations

from moto_core.errors import counted
from moto_learning.rounds.begun import Begun
from moto_learning.rounds.journal import Round


def begun_words(found: Begun) -> str:
    """Says what a round takes in, how many episodes are held out so far, and its updates."""
    if found.goes_on:
        if not found.updates:
            return f'round {found.number} goes on: it is trained, and is tried now'
        return f'round {found.number} goes on: {counted(found.updates, "update")} to come'
    parts = [_taken(found.new, found.labelled)]
    if found.apart:
        parts.append(f'{found.apart} held out so far, to judge by')
    parts.append(counted(found.updates, 'update'))
    return f'round {found.number}: {", ".join(parts)}'


def ended_words(found: Round) -> str:
    """Says what a round learned from, how it did beside the policy in use, and what came of it."""
    parts = [_taken(found.new, found.labelled) if found.number else 'the policy as it was']
    if found.starts:
        beside = f', the one in use {sum(found.used_starts)}' if found.used_starts else ''
        parts.append(f'{sum(found.starts)} of {len(found.starts)} starts{beside}')
    if found.error is not None:
        beside = '' if found.used_error is None else f', the one in use {found.used_error:.3f}'
        kept = counted(found.apart, 'held-out episode')
        parts.append(f'error {found.error:.3f}{beside}, on {kept}')
    parts.append(f'published {found.bundle[:12]}' if found.published else f'refused: {found.why}')
    if found.published and found.note:
        parts.append(found.note)
    return f'round {found.number}: {"; ".join(parts)}'


def _taken(new: int, labelled: int) -> str:
    changed = f', {counted(labelled, "changed label")}' if labelled else ''
    return counted(new, 'new episode') + changed
