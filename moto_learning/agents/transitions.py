"""Transitions with stacked frames, cut from a batch's sequences for the model-free rows.

In: a batch (B, T) of tensors, as moto_learning/data/batch.py describes it. Out: N transitions,
each of two rows t and t + 1 of one episode, with the F last frames at either:

    row          0      1      2      3      4      5         F = 3
    is_first     0      0      0      1      0      0         also after a gap
    frames       ?      ?    0 1 2  3 3 3  3 3 4  3 4 5       the first one is repeated
    transition                         3 ->4  4 ->5

Rows 0 and 1 are left out because frames of theirs lie before the sequence, 2 -> 3 because it is
no step of the robot. Row t gives the action chosen at it, row t + 1 the reward received with it.
There is no end: the last row of an episode is a state like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Seen(NamedTuple):
    """What is seen at N rows."""

    stacks: dict[str, Tensor]  # camera: (N, h, w, 3 F) uint8, the oldest frame first
    proprioception: Tensor | None  # (N, P), of the newest row alone


class Transitions(NamedTuple):
    """N steps of the robot."""

    now: Seen  # at t
    action: Tensor  # (N, A) chosen at t
    reward: Tensor  # (N,) received at t + 1
    then: Seen  # at t + 1
    successful: Tensor  # (N,) 1 in a successful episode


def cut_transitions(
    data: Mapping[str, Any], frames: int, count: int, generator: torch.Generator
) -> Transitions:
    """Draws `count` of the transitions in a batch without replacement; all if it has fewer."""
    is_first = data['is_first'].bool()
    length = is_first.shape[1]
    rows, whole = frame_rows(is_first, frames)
    usable = whole[:, :-1] & ~is_first[:, 1:]  # (B, T - 1)
    sequence, row = usable.nonzero(as_tuple=True)
    at = sequence * length + row  # (N,) in the rows of all sequences, one after the other
    if count < len(at):
        drawn = torch.randperm(len(at), generator=generator, device=at.device)
        at = at[drawn[:count]]
    begin = torch.arange(len(rows), device=at.device) * length
    rows = (rows + begin[:, None, None]).flatten(0, 1)  # (B T, F)
    return Transitions(
        now=_seen(data, rows, at),
        action=data['chosen'].flatten(0, 1)[at],
        reward=data['reward'].flatten()[at + 1],
        then=_seen(data, rows, at + 1),
        successful=data['bc_mask'].flatten()[at],
    )


def frame_rows(is_first: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Returns the rows (B, T, F) of each row's frames, oldest first, and which rows (B, T) have
    all of theirs in the sequence.
    """
    row = torch.arange(is_first.shape[1], device=is_first.device)
    begun = torch.where(is_first, row, 0).cummax(1).values  # (B, T) of the episode, or row 0
    back = torch.arange(frames - 1, -1, -1, device=is_first.device)
    rows = torch.maximum((row[:, None] - back)[None], begun[..., None])
    whole = (row >= frames - 1) | (is_first.cumsum(1) > 0)
    return rows, whole


def stack_frames(frames: Tensor) -> Tensor:
    """Returns (N, h, w, 3 F) of F frames (N, F, h, w, 3)."""
    return frames.permute(0, 2, 3, 1, 4).flatten(3)


def _seen(data: Mapping[str, Any], rows: Tensor, at: Tensor) -> Seen:
    """Returns what is seen at the rows `at` (N,); `rows` (B T, F) names the frames of each."""
    images = {name: value.flatten(0, 1)[rows[at]] for name, value in data['images'].items()}
    vector = data.get('proprioception')
    return Seen(
        stacks={name: stack_frames(value) for name, value in images.items()},
        proprioception=None if vector is None else vector.flatten(0, 1)[at],
    )
