"""One episode's arrays as files: written once, and believed only as far as they can be checked.

In: an Episode and its Record, the spec. Out: a folder, and Stored. Nothing but the names of the
task's parts and a checksum is taken from what lies there: which files there are, their shapes and
their types follow from the record, the spec and the table of a row.

    meta.json            'parts', and 'sum' over them, the episode's id and file, and the columns
    <column>.npy         each of STORED, (T, ...), read into memory: moto_core.row.ARRAYS, and
                         `let_through` (T,), of the guard's reasons, which are not kept
    image_<camera>.npy   (T, h, w, 3) uint8, memory-mapped: its header and size are checked
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.episode import Episode
from moto_core.episodes.manifest import Record
from moto_core.errors import EpisodeError, MotoError
from moto_core.plain_file import is_plain, read_plain
from moto_core.row import ARRAYS, Column
from moto_core.spec import Spec
from moto_core.strict_json import parse_json
from moto_learning.data.followed import let_through, not_followed
from moto_learning.data.mapped import map_array

LET_THROUGH = Column(
    name='let_through',
    dtype=np.dtype(bool),
    shape=(),
    log='',
    batch=False,
    kind=None,
    default=True,
)
STORED = (*ARRAYS, LET_THROUGH)
"""The columns of an entry."""

META, META_LIMIT = 'meta.json', 1 << 20  # [bytes]


class Stored(NamedTuple):
    """What an entry holds."""

    parts: tuple[str, ...]  # of the task, the columns of `done_parts`
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8, memory-mapped
    columns: dict[str, Any]  # of STORED; `proprioception` is None if the spec has none


class DamagedEntryError(MotoError):
    """An entry that is missing, older than its episode, or not as it was written."""


def write_entry(folder: Path, record: Record, episode: Episode) -> None:
    """Writes a new folder; raises EpisodeError for an unusable episode, OSError for the disk."""
    columns = to_columns(episode)
    parts = list(episode.header.parts)
    meta = {'parts': parts, 'sum': _sum(record, parts, columns)}
    folder.mkdir()
    for name, values in columns.items():
        np.save(folder / f'{name}.npy', values, allow_pickle=False)
    for name, values in episode.images.items():
        np.save(folder / f'image_{name}.npy', values, allow_pickle=False)
    (folder / META).write_text(json.dumps(meta))


def read_entry(folder: Path, record: Record, spec: Spec) -> Stored:
    """Returns what lies in the folder of a record's entry.

    Raises DamagedEntryError, and OSError if the system cannot read it.
    """
    parts, total = _read_meta(folder)
    columns = {
        column.name: np.array(_array(folder, column.name, column.dtype, shape))
        for column, shape in _shapes(record.rows, spec, parts)
    }
    if _sum(record, parts, columns) != total:
        raise DamagedEntryError('its columns are not those that were written of this file')
    images = {
        name: _array(folder, f'image_{name}', np.uint8, (record.rows, side.height, side.width, 3))
        for name, side in spec.cameras.items()
    }
    return Stored(
        parts=tuple(parts),
        images=images,
        columns={column.name: columns.get(column.name) for column in STORED},
    )


def to_columns(episode: Episode) -> dict[str, np.ndarray]:
    """Returns the columns that an entry holds; raises EpisodeError if one cannot be used.

    A non-finite requested action becomes 0: the guard refused it and held
    (docs/safety.md, fault 11). An episode in which the arm did nothing that was asked, as in a
    dry run, cannot be used.
    """
    columns = {
        column.name: episode.columns[column.name]
        for column in ARRAYS
        if episode.columns[column.name] is not None
    }
    columns[LET_THROUGH.name] = let_through(episode)
    if not columns[LET_THROUGH.name].any():
        why = not_followed(episode) or 'the arm did not do what was asked at its one row'
        raise EpisodeError(f'nothing is learned from it: {why}')
    columns['requested'] = np.nan_to_num(episode.requested, nan=0.0, posinf=0.0, neginf=0.0)
    for name in {'executed', 'proprioception', *(c.name for c in ARRAYS if c.batch)} & {*columns}:
        if not np.isfinite(columns[name]).all():
            row = int(np.argwhere(~np.isfinite(columns[name]))[0][0])
            raise EpisodeError(f'a non-finite {name} at row {row}; quarantine the episode')
    return columns


def _read_meta(folder: Path) -> tuple[list[str], str]:
    _check_plain(folder / META)
    try:
        meta = parse_json(read_plain(folder / META, META_LIMIT))
    except ValueError as error:
        raise DamagedEntryError(f'its {META} is no JSON: {error}') from error
    except OSError as error:
        if error.errno is None:  # read_plain's own word about the file, not the system's
            raise DamagedEntryError(f'its {META} is not read: {error}') from error
        raise
    if not isinstance(meta, dict) or set(meta) != {'parts', 'sum'}:
        raise DamagedEntryError(f'its {META} is no map of parts and sum')
    parts = meta['parts']
    if not isinstance(parts, list) or not all(isinstance(name, str) for name in parts):
        raise DamagedEntryError(f'its {META} has no list of names as parts')
    return parts, meta['sum']


def _shapes(rows: int, spec: Spec, parts: list[str]) -> Iterator[tuple[Column, tuple[int, ...]]]:
    """Yields each of STORED that an episode of this spec has, and its shape."""
    sizes = {'A': spec.action_size, 'P': spec.proprioception_size, 'parts': len(parts)}
    for column in STORED:
        if column.log != 'joints' or spec.proprioception_size:
            yield column, (rows, *(sizes[name] for name in column.shape))


def _array(folder: Path, name: str, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    path = folder / f'{name}.npy'
    _check_plain(path)
    try:
        return map_array(path, np.dtype(dtype), shape)
    except ValueError as error:
        raise DamagedEntryError(str(error)) from error


def _check_plain(path: Path) -> None:
    if not is_plain(path):
        raise DamagedEntryError(f'its {path.name} is missing, or no plain file')


def _sum(record: Record, parts: list[str], columns: Mapping[str, np.ndarray]) -> str:
    """Returns the checksum that binds an entry's columns to the episode's file as it is now."""
    status = record.path.stat()
    about = [record.id, status.st_size, status.st_mtime_ns, parts, list(columns)]
    found = hashlib.sha256(json.dumps(about).encode())
    for values in columns.values():
        found.update(values.tobytes())
    return found.hexdigest()
