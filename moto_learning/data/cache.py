"""Episodes as memory-mapped arrays: what training reads instead of MCAP files.

In: a Dataset. Out: `cache/<hash of spec and format>/<ulid>/{image_<camera>,requested,...}.npy` and
CachedEpisode. Rebuilt from the episodes at will; labels are read at load, never baked in.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_episode
from moto_core.errors import DatasetError, EpisodeError
from moto_core.row import ARRAYS
from moto_core.spec import Spec
from moto_learning.data.batch import learned_columns

CACHE_FORMAT = 2
Progress = Callable[[int, int], None]  # episodes done, episodes in all


@dataclass(frozen=True)
class CachedEpisode:
    """One episode's arrays: images memory-mapped, the small ones in memory; T rows.

    Every one of moto_core.row.ARRAYS is an attribute (T, ...): `reward`, `requested`, ...;
    `proprioception` is None if the spec has none. Non-finite entries of `requested` are 0.
    """

    id: str
    spec_hash: str
    successful: bool  # labelled so, or unlabelled and a row succeeded
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8, memory-mapped
    columns: dict[str, Any]  # by the name of the row's field
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

    Only missing, stale or damaged entries are built. Raises DatasetError where the dataset is
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
    """Opens one episode's cache entry, building it where it is missing, stale or damaged.

    Returns the episode and whether it was built. Raises EpisodeError where the episode itself is
    damaged or unusable, DatasetError where the cache cannot be written.
    """
    folder = root / 'cache' / cache_hash(record.spec_hash) / record.id
    source = _fingerprint(record.path)
    if _read_meta(folder).get('source') == source:
        try:
            return load_entry(folder, record.successful), False
        except DatasetError:
            shutil.rmtree(folder, ignore_errors=True)
    episode = read_episode(record.path)
    arrays = to_arrays(episode)
    meta = {
        'id': record.id,
        'spec_hash': record.spec_hash,
        'source': source,
        'steps': len(episode),
        'cameras': list(episode.images),
        'columns': [name for name in arrays if not name.startswith('image_')],
    }
    try:
        _write(folder, arrays, meta)
    except OSError as error:
        raise DatasetError(f"cannot write the cache '{folder}': {error}") from error
    return load_entry(folder, record.successful), True


def load_entry(folder: Path, successful: bool) -> CachedEpisode:
    """Opens a cache entry; raises DatasetError where it is missing or damaged."""
    meta = _read_meta(folder)
    try:
        images = {
            name: np.load(folder / f'image_{name}.npy', mmap_mode='r', allow_pickle=False)
            for name in meta['cameras']
        }
        columns: dict[str, Any] = {
            name: np.load(folder / f'{name}.npy', allow_pickle=False) for name in meta['columns']
        }
        lengths = {len(x) for x in (*images.values(), *columns.values())} | {meta['steps']}
        if len(lengths) != 1:
            raise ValueError(f'its arrays have {sorted(lengths)} rows')
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(
            f"the cache entry '{folder}' is damaged ({error}); 'moto-data compile' rebuilds it"
        ) from error
    columns.setdefault('proprioception', None)
    return CachedEpisode(
        id=meta['id'],
        spec_hash=meta['spec_hash'],
        successful=successful,
        images=images,
        columns=columns,
        learned=learned_columns(columns, successful),
    )


def to_arrays(episode: Episode) -> dict[str, np.ndarray]:
    """Returns the arrays that a cache entry holds; raises EpisodeError where one cannot be used.

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
    """Returns the name of the cache folder for a spec (or its hash) and this cache format."""
    text = spec if isinstance(spec, str) else spec.hash
    return hashlib.sha256(f'{CACHE_FORMAT} {text}'.encode()).hexdigest()[:16]


def _write(folder: Path, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Writes beside the entry, then renames: an entry is whole or absent."""
    new = folder.with_name(f'.{folder.name}.{os.getpid()}')
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, value in arrays.items():
        np.save(new / f'{name}.npy', value, allow_pickle=False)
    (new / 'meta.json').write_text(json.dumps(meta))
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta = json.loads((folder / 'meta.json').read_text())
    except (OSError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _fingerprint(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
