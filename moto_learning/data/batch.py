"""What training is given: B sequences of T rows, and the one shift of actions.

In: the table of moto_core/row.py. Out: the names, shapes and dtypes of a batch.

    row        t=0        t=1        t=2        t=3
    image      x0         x1         x2         x3
    reward     r0         r1         r2         r3         received with x_t
    chosen     a0         a1         a2         a3         chosen at x_t: the behaviour prior's
    action     0          a0         a1         a2         led to x_t: the world model's
    is_first   1          0          0          0          also after a gap in the recording

a_t is what was requested where the arm did it, as far as limits let it. Where it did something
else (held, disarmed, a person drove), a_t is what was executed, and only a person's is imitated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from moto_core.row import COLUMNS

Batch = dict[str, Any]
"""'images' {camera: (B, T, h, w, 3) uint8}, and arrays (B, T, ...) by name:

'action' and 'chosen' (A,) float32, 'is_first' bool, 'bc_mask' float32 (1 in a successful episode
where the arm did what its driver asked), 'proprioception' (P,) float32 if the spec has it, and
each field of a row that is marked for the batch ('reward'). 'successes' () int64 counts the
successful episodes drawn from.
"""

DRAWN = tuple(column.name for column in COLUMNS if column.batch)


def learned_columns(
    columns: Mapping[str, Any], reward: np.ndarray, successful: bool
) -> dict[str, np.ndarray]:
    """Returns an episode's arrays (T, ...) that a batch is cut from, by the batch's names.

    `reward` (T,) stands in for the recorded one (moto_learning/data/rewards.py).
    """
    edges = columns['is_first'] | columns['gap']
    done = done_actions(columns)
    found = {
        'action': previous_actions(done, edges),
        'chosen': done,
        'is_first': edges,
        'bc_mask': (columns['let_through'] & successful).astype(np.float32),
    }
    if columns['proprioception'] is not None:
        found['proprioception'] = columns['proprioception']
    return found | {name: columns[name] for name in DRAWN} | {'reward': reward}


def done_actions(columns: Mapping[str, Any]) -> np.ndarray:
    """Returns the actions (T, A) that are learned from: requested, or executed if not the same.

    A policy's that limits changed is the one that it requested, which it is told at its next
    decision.
    """
    followed = columns['let_through'] & ~columns['intervention']
    return np.where(followed[:, None], columns['requested'], columns['executed'])


def previous_actions(actions: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Returns the action that led to each row (T, A): the one chosen before, 0 at a first row."""
    led = np.zeros_like(actions)
    led[1:] = actions[:-1]
    led[is_first] = 0
    return led


def empty_batch(
    images: Mapping[str, np.ndarray], learned: Mapping[str, np.ndarray], batch: int, length: int
) -> Batch:
    """Returns a batch of B x T rows of the shapes that one episode's arrays have."""

    def room(value: np.ndarray) -> np.ndarray:
        return np.empty((batch, length, *value.shape[1:]), value.dtype)

    return {
        'images': {name: room(value) for name, value in images.items()},
        **{name: room(value) for name, value in learned.items()},
    }
