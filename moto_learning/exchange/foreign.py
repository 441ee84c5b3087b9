"""An episode of somebody else's file: as arrays under its own names, then as rows of a spec.

In: Arrays and a Mapping. Out: rows. Nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import EpisodeError, unknown_name
from moto_core.observation import preprocess, proprioception
from moto_core.row import STAMP_LIMIT, Row
from moto_core.spec import Setup, Spec
from moto_learning.exchange.contents import row_bytes, with_contents
from moto_learning.exchange.mapping import Columns, Mapping

NANO = 1_000_000_000
ROUNDING = 1e-6  # of an action at its bound


class Incoming(NamedTuple):
    """One episode, ready to be written."""

    where: str  # it lies in the file
    header: EpisodeHeader
    rows: Iterable[Row]
    outcome: str
    ended: str = 'done'
    clipped: int = 0  # entries of its actions that lay beyond [-1, 1]


class Source(Protocol):
    """An opened foreign file or folder."""

    spec: Spec
    setup: Setup
    notes: list[str]  # what of it no episode can hold, a sentence each
    places: list[str]  # where its episodes lie in it, in order: 'episode 3', 'data/demo_0'

    def episode(self, index: int) -> Incoming:
        """Returns one; raises a MotoError, now or from its rows, if it cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """One episode as its file has it, T rows long."""

    where: str
    numbers: MappingOf[str, np.ndarray]  # (T,) or (T, n)
    images: MappingOf[str, Iterable[np.ndarray]]  # (H, W, 3) uint8 RGB, T of them
    stamps: np.ndarray | None = None  # (T,) [s] from the episode's begin; None: the spec's rate
    task: str = ''
    outcome: str = 'unlabelled'
    success: np.ndarray | None = None  # (T,) bool, the task is done at the row
    gap: np.ndarray | None = None  # (T,) bool, rows are missing before the row
    begun: int = 0  # [ns] since 1970; 0: not known


def incoming(arrays: Arrays, mapping: Mapping, spec: Spec, setup: Setup, kind: str) -> Incoming:
    """Returns an episode as its rows, under a spec; `kind` names the file's format.

    Its header holds a hash of them, so that the same one imported again is known: its processed
    images are all in memory. Raises EpisodeError that names an array or a number that does not
    fit.
    """
    made = _numbers(arrays, mapping, spec)
    rows = [*_rows(arrays, made, mapping, spec)]
    header = EpisodeHeader(
        task=mapping.task or arrays.task or 'unnamed',
        source=mapping.source,
        spec=spec,
        setup=setup,
        controller='teleop',
        created=arrays.begun,
        extra={'imported': kind},
    )
    return Incoming(
        where=arrays.where,
        header=with_contents(header, row_bytes(rows)),
        rows=rows,
        outcome=mapping.outcome or arrays.outcome,
        clipped=made.clipped,
    )


class _Numbers(NamedTuple):
    """What a row needs beside its images, for all T of them."""

    stamps: np.ndarray  # (T,) int64 [ns]
    actions: np.ndarray  # (T, A) float32 in [-1, 1]
    rewards: np.ndarray  # (T,)
    seen: list[np.ndarray | None]  # (P,) float32
    clipped: int  # entries of actions that were cut off


def _numbers(arrays: Arrays, mapping: Mapping, spec: Spec) -> _Numbers:
    position, velocity = (
        _taken(arrays, columns, spec.action_size) if columns.key else None
        for columns in (mapping.position, mapping.velocity)
    )
    actions = _taken(arrays, mapping.action, spec.action_size)
    count = len(actions)
    for values, columns in ((position, mapping.position), (velocity, mapping.velocity)):
        if values is not None:
            _check_rows(arrays, columns.key, values, count)
    actions = _scaled(actions, position, mapping, spec)
    none = np.zeros((count, spec.action_size))
    seen = [
        proprioception(spec, none[t] if position is None else position[t],
                       none[t] if velocity is None else velocity[t])
        for t in range(count)
    ]  # fmt: skip
    return _Numbers(
        stamps=_stamps(arrays, count, spec),
        actions=actions.clip(-1.0, 1.0).astype(np.float32),
        rewards=_rewards(arrays, mapping, count),
        seen=seen,
        clipped=beyond(actions),
    )


def _taken(arrays: Arrays, wanted: Columns, size: int) -> np.ndarray:
    """Returns the wanted numbers (T, size) float64; raises EpisodeError if they are not there."""
    found = _array(arrays, wanted.key)
    if not len(found):
        raise EpisodeError(f'{arrays.where} has no rows')
    found = found.reshape(len(found), -1)
    if wanted.columns:
        if max(wanted.columns) >= found.shape[1]:
            raise EpisodeError(
                f"{arrays.where}: '{wanted.key}' has {found.shape[1]} entries a row; the mapping "
                f'asks for entry {max(wanted.columns)}'
            )
        found = found[:, wanted.columns]
    if found.shape[1] != size:
        raise EpisodeError(
            f"{arrays.where}: '{wanted.key}' has {found.shape[1]} entries a row; expected {size}, "
            'one for each joint and gripper joint. Say which by its columns'
        )
    if not np.isfinite(found).all():
        row = int(np.argwhere(~np.isfinite(found))[0][0])
        raise EpisodeError(f"{arrays.where}: '{wanted.key}' is {found[row]} at row {row}")
    return found


def _array(arrays: Arrays, key: str) -> np.ndarray:
    if key not in arrays.numbers:
        raise EpisodeError(f'{arrays.where}: {unknown_name("array", key, arrays.numbers)}')
    return np.asarray(arrays.numbers[key], np.float64)


def _check_rows(arrays: Arrays, key: str, values: np.ndarray, count: int) -> None:
    if len(values) != count:
        raise EpisodeError(
            f"{arrays.where}: '{key}' has {len(values)} rows; expected {count}, one for each "
            'action'
        )


def _scaled(
    actions: np.ndarray, position: np.ndarray | None, mapping: Mapping, spec: Spec
) -> np.ndarray:
    """Returns actions (T, A) as shares of the spec's scale, whatever the mapping says they are."""
    scale = spec.scale
    if mapping.action_means == 'velocity':
        actions = actions / scale
    elif mapping.action_means == 'displacement':
        actions = actions * spec.rate / scale
    elif mapping.action_means == 'target':
        assert position is not None  # spec_of has asked for it
        actions = (actions - position) * spec.rate / scale
    return actions


def beyond(actions: np.ndarray) -> int:
    """Returns how many entries are cut off at [-1, 1], as a robot under the guard would."""
    return int((np.abs(actions) > 1.0 + ROUNDING).sum())


def _stamps(arrays: Arrays, count: int, spec: Spec) -> np.ndarray:
    seconds = np.arange(count) / spec.rate if arrays.stamps is None else arrays.stamps
    seconds = np.asarray(seconds, np.float64)
    if len(seconds) != count or not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise EpisodeError(f'{arrays.where}: its times do not rise from row to row')
    if (np.abs(seconds) >= STAMP_LIMIT / NANO).any():
        raise EpisodeError(f'{arrays.where}: its times begin at {seconds[0]:g}; expected [s]')
    return (np.round(seconds * NANO).astype(np.int64) - round(seconds[0] * NANO)) + arrays.begun


def _rewards(arrays: Arrays, mapping: Mapping, count: int) -> np.ndarray:
    """Returns the reward received with each row's observation (T,).

    A file has, at a row, the reward that the action chosen there led to: it belongs to the row
    after. The last action's has none; the last row takes it if it is larger than its own.
    """
    if not mapping.reward:
        return np.zeros(count)
    after = _array(arrays, mapping.reward).reshape(-1)
    _check_rows(arrays, mapping.reward, after, count)
    if not np.isfinite(after).all():
        row = int(np.flatnonzero(~np.isfinite(after))[0])
        raise EpisodeError(f"{arrays.where}: '{mapping.reward}' is {after[row]} at row {row}")
    with_row = np.concatenate([[0.0], after[:-1]])
    with_row[-1] = max(with_row[-1], after[-1], key=abs)
    return with_row


def _rows(arrays: Arrays, made: _Numbers, mapping: Mapping, spec: Spec) -> Iterator[Row]:
    for one in mapping.cameras.values():
        if one.key not in arrays.images:
            raise EpisodeError(f'{arrays.where}: {unknown_name("images", one.key, arrays.images)}')
    streams = {name: iter(arrays.images[one.key]) for name, one in mapping.cameras.items()}
    count = len(made.actions)
    for t in range(count):
        images = {}
        for name, stream in streams.items():
            raw: Any = next(stream, None)
            if raw is None:
                raise EpisodeError(
                    f"{arrays.where}: '{mapping.cameras[name].key}' has {t} images; "
                    f'expected {count}'
                )
            images[name] = preprocess(raw, spec.cameras[name])
        yield Row(
            stamp=int(made.stamps[t]),
            images=images,
            proprioception=made.seen[t],
            requested=made.actions[t],
            executed=made.actions[t],
            reward=float(made.rewards[t]),
            success=bool(arrays.success[t]) if arrays.success is not None else False,
            is_first=t == 0,
            is_last=t == count - 1,
            gap=bool(arrays.gap[t]) if arrays.gap is not None else False,
        )
    for name, stream in streams.items():
        if next(stream, None) is not None:
            raise EpisodeError(
                f"{arrays.where}: '{mapping.cameras[name].key}' has more than {count} images; "
                f'expected {count}, one for each action'
            )
