"""Episodes as memory-mapped arrays: what training reads instead of MCAP files.

In: a Dataset. Out: `cache/<hash of spec, table of rows and format>/<ulid>/{image_<camera>,
requested,...}.npy` and CachedEpisode. Rebuilt from the episodes at will; labels are read at load,
never baked in. An entry is whole or absent, and one process at a time builds one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_episode
from moto_core.errors import DatasetError, EpisodeError
from moto_core.row import ARRAYS
from moto_core.spec import Spec
from moto_learning.data.batch import learned_columns
from moto_learning.data.mapped import map_array
from moto_learning.data.rewards import is_successful, learned_reward

CACHE_FORMAT = 3
Progress = Callable[[int, int], None]  # episodes done, episodes in all


@dataclass(frozen=True)
class CachedEpisode:
    """One episode's arrays: images memory-mapped, the small ones in memory; T rows.

    Every one of moto_core.row.ARRAYS is an attribute (T, ...): `reward`, `requested`, ...;
    `proprioception` is None if the spec has none. Non-finite entries of `requested` are 0.
    """

    id: str
    spec_hash: str
    source: str  # 'sim' or 'robot'
    parts: tuple[str, ...]  # of the task, the columns of `done_parts`
    outcome: str  # of the last label, or the file's own without one
    successful: bool  # the behaviour prior takes its actions
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8, memory-mapped
    columns: dict[str, Any]  # as recorded, by the name of the row's field
    learned: dict[str, np.ndarray]  # (T, ...) by the names of a batch

    def __len__(self) -> int:
        """Counts the rows."""
        return len(self.columns['stamp'])

    def __getattr__(self, name: str) -> Any:
        """Returns a column by name."""
        if name == 'columns' or name not in self.columns:
            raise AttributeError(name)
        return self.columns[name]


class Compiled(NamedTuple):
    """The outcome of compiling a dataset."""

    episodes: list[CachedEpisode]
    built: list[str]  # ids compiled now; the others were there
    skipped: dict[str, str]  # id: why it cannot be used


def compile_dataset(dataset: Dataset, progress: Progress | None = None) -> Compiled:
    """Brings the cache up to date with the dataset and opens every usable episode, oldest first.

    Only missing, stale or damaged entries are built. Raises DatasetError if the dataset is
    empty, none of its episodes is usable, or the cache cannot be written.
    """
    records = dataset.episodes()
    episodes, built, skipped = [], [], dataset.left_out
    if not records and not skipped:
        raise DatasetError(
            f"the dataset '{dataset.root}' has no episodes; record some with 'moto-data collect'"
        )
    for index, record in enumerate(records):
        try:
            episode, new = cache_episode(dataset.root, record)
            episodes.append(episode)
            built += [record.id] if new else []
        except EpisodeError as error:
            skipped[record.id] = str(error)
        if progress:
            progress(index + 1, len(records))
    if not episodes:
        raise DatasetError(
            f"no episode of '{dataset.root}' is usable; the first: {next(iter(skipped.values()))}"
        )
    return Compiled(episodes, built, skipped)


def cache_episode(root: Path, record: Record) -> tuple[CachedEpisode, bool]:
    """Opens one episode's cache entry, building it if it is missing, stale or damaged.

    Returns the episode and whether it was built. Raises EpisodeError if the episode itself is
    damaged or unusable, DatasetError if the cache cannot be written or the entry cannot be read.
    """
    folder = root / 'cache' / cache_hash(record.spec_hash) / record.id
    found = _open_entry(folder, record)
    if found is not None:
        return found, False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / 'LOCK'):
            found = _open_entry(folder, record)  # another process may have built it meanwhile
            if found is not None:
                return found, False
            _build_entry(folder, record)
    except OSError as error:
        raise DatasetError(f"cannot write the cache '{folder}': {error}") from error
    return load_entry(folder, record.outcome), True


def load_entry(folder: Path, outcome: str) -> CachedEpisode:
    """Opens a cache entry; raises DatasetError if it is missing, damaged or cannot be read."""
    try:
        return _load_entry(folder, outcome)
    except (FileNotFoundError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DatasetError(
            f"the cache entry '{folder}' is damaged ({error}); 'moto-data compile' rebuilds it"
        ) from error
    except OSError as error:
        raise DatasetError(f"cannot read the cache entry '{folder}': {error}") from error


def _open_entry(folder: Path, record: Record) -> CachedEpisode | None:
    """Returns the entry if it is up to date and whole, else None.

    An error of the system (too many open files, a disk that fails) says nothing about the entry:
    it raises DatasetError and nothing is built over it.
    """
    try:
        if _read_meta(folder)['file'] != _fingerprint(record.path):
            return None
        return _load_entry(folder, record.outcome)
    except (FileNotFoundError, ValueError, KeyError, TypeError, EOFError):
        return None
    except OSError as error:
        raise DatasetError(f"cannot read the cache entry '{folder}': {error}") from error


def _load_entry(folder: Path, outcome: str) -> CachedEpisode:
    meta = _read_meta(folder)
    images = {name: map_array(folder / f'image_{name}.npy') for name in meta['cameras']}
    columns: dict[str, Any] = {
        name: np.load(folder / f'{name}.npy', allow_pickle=False) for name in meta['columns']
    }
    lengths = {len(x) for x in (*images.values(), *columns.values())} | {meta['rows']}
    if len(lengths) != 1:
        raise ValueError(f'its arrays have {sorted(lengths)} rows')
    columns.setdefault('proprioception', None)
    said = (meta['source'], columns['reward'], columns['success'], outcome)
    successful = is_successful(*said)
    return CachedEpisode(
        id=meta['id'],
        spec_hash=meta['spec_hash'],
        source=meta['source'],
        parts=tuple(meta['parts']),
        outcome=outcome,
        successful=successful,
        images=images,
        columns=columns,
        learned=learned_columns(columns, learned_reward(*said), successful),
    )


def to_arrays(episode: Episode) -> dict[str, np.ndarray]:
    """Returns the arrays that a cache entry holds; raises EpisodeError if one cannot be used.

    A non-finite requested action becomes 0: the guard refused it and held
    (docs/safety.md, fault 11).
    """
    arrays = {
        column.name: episode.columns[column.name]
        for column in ARRAYS
        if episode.columns[column.name] is not None
    }
    arrays['requested'] = np.nan_to_num(episode.requested, nan=0.0, posinf=0.0, neginf=0.0)
    for name in {'executed', 'proprioception', *(c.name for c in ARRAYS if c.batch)} & set(arrays):
        if not np.isfinite(arrays[name]).all():
            row = int(np.argwhere(~np.isfinite(arrays[name]))[0][0])
            raise EpisodeError(f'a non-finite {name} at row {row}; quarantine the episode')
    return arrays | {f'image_{name}': value for name, value in episode.images.items()}


def cache_hash(spec: Spec | str) -> str:
    """Returns the name of the cache folder for a spec (or its hash).

    It changes with the cache's format and with the table of a row's arrays, so that entries of
    another format or table are not looked at.
    """
    text = spec if isinstance(spec, str) else spec.hash
    table = [(column.name, str(column.dtype), column.shape) for column in ARRAYS]
    return hashlib.sha256(f'{CACHE_FORMAT} {text} {table}'.encode()).hexdigest()[:16]


def _build_entry(folder: Path, record: Record) -> None:
    """Writes beside the entry, then renames; its lock is held, so what lies there is a dead one's.

    Raises EpisodeError if the episode cannot be used, OSError if the entry cannot be written.
    """
    episode = read_episode(record.path)
    arrays = to_arrays(episode)
    meta = {
        'id': record.id,
        'spec_hash': record.spec_hash,
        'source': episode.header.source,
        'parts': list(episode.header.parts),
        'file': _fingerprint(record.path),
        'rows': len(episode),
        'cameras': list(episode.images),
        'columns': [name for name in arrays if not name.startswith('image_')],
    }
    new = folder.with_name(f'.{folder.name}.new')
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir()
        for name, value in arrays.items():
            np.save(new / f'{name}.npy', value, allow_pickle=False)
        (new / 'meta.json').write_text(json.dumps(meta))
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _read_meta(folder: Path) -> dict[str, Any]:
    meta = json.loads((folder / 'meta.json').read_text())
    if not isinstance(meta, dict):
        raise ValueError(f'meta.json holds a {type(meta).__name__}')
    return meta


def _fingerprint(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
