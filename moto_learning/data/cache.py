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
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import Episode, read_episode
from moto_core.errors import DatasetError, EpisodeError
from moto_core.spec import Spec

CACHE_FORMAT = 1
SMALL = ('requested', 'executed', 'reward', 'success', 'is_first', 'is_last', 'is_terminal')
Progress = Callable[[int, int], None]  # episodes done, episodes in all


@dataclass(frozen=True)
class CachedEpisode:
    """One episode's arrays: images memory-mapped, the small ones in memory; T steps."""

    id: str
    spec_hash: str
    successful: bool  # labelled so, or unlabelled and a step succeeded
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8, memory-mapped
    proprioception: np.ndarray | None  # (T, P) float32
    requested: np.ndarray  # (T, A) float32, non-finite entries as 0
    executed: np.ndarray  # (T, A) float32
    reward: np.ndarray  # (T,) float32
    success: np.ndarray  # (T,) bool
    is_first: np.ndarray  # (T,) bool
    is_last: np.ndarray  # (T,) bool
    is_terminal: np.ndarray  # (T,) bool

    def __len__(self) -> int:
        return len(self.reward)


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
    if not records:
        raise DatasetError(
            f"the dataset '{dataset.root}' has no episodes; record some with 'moto-data collect'"
        )
    episodes, built, skipped = [], [], {}
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
        joints = folder / 'proprioception.npy'
        vector = np.load(joints, allow_pickle=False) if joints.exists() else None
        small = {name: np.load(folder / f'{name}.npy', allow_pickle=False) for name in SMALL}
        lengths = {len(x) for x in (*images.values(), *small.values())} | {meta['steps']}
        if len(lengths) != 1:
            raise ValueError(f'its arrays have {sorted(lengths)} steps')
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(
            f"the cache entry '{folder}' is damaged ({error}); 'moto-data compile' rebuilds it"
        ) from error
    return CachedEpisode(meta['id'], meta['spec_hash'], successful, images, vector, **small)


def to_arrays(episode: Episode) -> dict[str, np.ndarray]:
    """Returns the arrays that a cache entry holds; raises EpisodeError where one cannot be used.

    A non-finite requested action becomes 0: the guard refused it and held (SAFETY.md fault 11).
    """
    for name in ('reward', 'executed', 'proprioception'):
        value = getattr(episode, name)
        if value is not None and not np.isfinite(value).all():
            row = int(np.argwhere(~np.isfinite(value))[0][0])
            raise EpisodeError(f'a non-finite {name} at step {row}; quarantine the episode')
    arrays = {name: getattr(episode, name) for name in SMALL}
    arrays['requested'] = np.nan_to_num(episode.requested, nan=0.0, posinf=0.0, neginf=0.0)
    arrays |= {f'image_{name}': value for name, value in episode.images.items()}
    if episode.proprioception is not None:
        arrays['proprioception'] = episode.proprioception
    return arrays


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
