"""Episodes as memory-mapped arrays: what training reads instead of MCAP files.

In: a Dataset. Out: `cache/<hash of spec, table of rows and format>/<ulid>/` (entry.py says what
lies there) and CachedEpisode. Rebuilt from the episodes at will; labels are read at load, never
baked in. An entry is whole or absent, one process at a time builds one, and no link is followed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock

from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.layout import CACHE, LOCK, inside
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_episode
from moto_core.errors import DatasetError, EpisodeError
from moto_core.plain_file import is_plain
from moto_core.row import ARRAYS
from moto_core.spec import Spec
from moto_learning.data.batch import learned_columns
from moto_learning.data.entry import DamagedEntryError, Stored, read_entry, write_entry
from moto_learning.data.rewards import is_successful, learned_reward

CACHE_FORMAT = 5
Progress = Callable[[int, int], None]  # episodes done, episodes in all


@dataclass(frozen=True)
class CachedEpisode:
    """One episode's arrays: images memory-mapped, the small ones in memory; T rows.

    Every one of moto_core.row.ARRAYS is an attribute (T, ...): `reward`, `requested`, ...;
    `proprioception` is None if the spec has none. Non-finite entries of `requested` are 0.
    `let_through` (T,) says whether the arm did what its driver asked.
    """

    id: str
    spec_hash: str
    source: str  # 'sim', 'robot' or 'twin'
    parts: tuple[str, ...]  # of the task, the columns of `done_parts`
    outcome: str  # of the last label, or the file's own without one
    successful: bool  # the behaviour prior takes its actions
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8, memory-mapped
    columns: dict[str, Any]  # as recorded, by the name of the row's field, and `let_through`
    learned: dict[str, np.ndarray]  # (T, ...) by the names of a batch

    def __len__(self) -> int:
        """Counts the rows."""
        return len(self.columns['stamp'])

    @property
    def followed(self) -> np.ndarray:
        """Whether the arm did what the policy asked, of each row (T,): no hold, no person."""
        return self.let_through & ~self.intervention

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
        assert dataset.spec is not None, dataset.root  # it has an episode
        try:
            episode, new = cache_episode(dataset.root, record, dataset.spec)
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


def cache_episode(root: Path, record: Record, spec: Spec) -> tuple[CachedEpisode, bool]:
    """Opens one episode's cache entry, building it if it is missing, stale or damaged.

    Returns the episode and whether it was built. Raises EpisodeError if the episode itself is
    damaged or unusable, DatasetError if the cache cannot be written, the entry cannot be read or
    a link lies on the way to it.
    """
    name = cache_hash(record.spec_hash)
    folder = inside(root, CACHE, name, record.id)
    found = _open_entry(folder, record, spec)
    if found is not None:
        return _cached(record, found), False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(root, name):
            found = _open_entry(folder, record, spec)  # built by another process meanwhile?
            if found is not None:
                return _cached(record, found), False
            _build_entry(folder, inside(root, CACHE, name, f'.{record.id}.new'), record)
            return _cached(record, read_entry(folder, record, spec)), True
    except DamagedEntryError as error:
        raise DatasetError(f"the cache entry '{folder}' changed at once: {error}") from error
    except OSError as error:
        raise DatasetError(f"cannot write the cache '{folder}': {error}") from error


def remove_entries(root: Path, episode: str) -> None:
    """Removes an episode's entries of every spec and format; does nothing for what is no id.

    Raises DatasetError, and removes nothing outside, for a link on the way to one.
    """
    if not EPISODE_ID.fullmatch(episode):
        return
    try:
        for name in os.listdir(inside(root, CACHE)):
            entries = [inside(root, CACHE, name, kind) for kind in (episode, f'.{episode}.new')]
            if any(os.path.lexists(entry) for entry in entries):
                with _locked(root, name):
                    for entry in entries:
                        _clear(entry)
    except OSError as error:
        raise DatasetError(f'cannot remove {episode} from the cache: {error}') from error


def cache_hash(spec: Spec | str) -> str:
    """Returns the name of the cache folder for a spec (or its hash).

    It changes with the cache's format and with the table of a row's arrays, so that entries of
    another format or table are not looked at.
    """
    text = spec if isinstance(spec, str) else spec.hash
    table = [(column.name, str(column.dtype), column.shape) for column in ARRAYS]
    return hashlib.sha256(f'{CACHE_FORMAT} {text} {table}'.encode()).hexdigest()[:16]


def _open_entry(folder: Path, record: Record, spec: Spec) -> Stored | None:
    """Returns the entry if it is up to date and whole, else None.

    An error of the system (too many open files, a disk that fails) says nothing about the entry:
    it raises DatasetError and nothing is built over it.
    """
    try:
        return read_entry(folder, record, spec)
    except DamagedEntryError:
        return None
    except OSError as error:
        raise DatasetError(f"cannot read the cache entry '{folder}': {error}") from error


def _cached(record: Record, stored: Stored) -> CachedEpisode:
    columns = stored.columns
    said = (record.source, columns['reward'], columns['success'], record.outcome)
    successful = is_successful(*said)
    return CachedEpisode(
        id=record.id,
        spec_hash=record.spec_hash,
        source=record.source,
        parts=stored.parts,
        outcome=record.outcome,
        successful=successful,
        images=stored.images,
        columns=columns,
        learned=learned_columns(columns, learned_reward(*said), successful),
    )


def _build_entry(folder: Path, new: Path, record: Record) -> None:
    """Writes to `new` beside the entry, then renames; what lies there is a dead process's.

    Raises EpisodeError if the episode cannot be used, OSError if the entry cannot be written.
    """
    episode = read_episode(record.path)
    header = episode.header
    found = (header.id, header.source, header.spec.hash, len(episode))
    if found != (record.id, record.source, record.spec_hash, record.rows):
        raise EpisodeError(
            f"'{record.path}' is not what manifest.jsonl says of it; try again, or remove the "
            'manifest: it is made anew from the episodes'
        )
    _clear(new)
    try:
        write_entry(new, record, episode)
        _clear(folder)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


@contextmanager
def _locked(root: Path, name: str) -> Iterator[None]:
    """Holds the lock of one of the cache's folders; raises DatasetError if it is no plain file."""
    path = inside(root, CACHE, name, LOCK)
    if path.exists() and not is_plain(path):
        raise DatasetError(f"'{path}' is no plain file; remove it")
    with FileLock(path):
        yield


def _clear(path: Path) -> None:
    """Removes a folder, or whatever else lies there; a link itself, not what it points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
