"""Copies episodes from one dataset into another: their ids and labels stay, none is half there.

In: a dataset to read, a dataset held by its LOCK. Out: Merged (what came, what was refused).
"""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from moto_core.durable import sync_folder
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import FILE
from moto_core.episodes.index import Finding
from moto_core.episodes.labels import LABELS, take_labels
from moto_core.episodes.layout import EPISODES, episode_folder, inside, is_plain
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.errors import DatasetError, EpisodeError


@dataclass
class Merged:
    """What a merge did."""

    copied: list[str] = field(default_factory=list)  # ids
    present: list[str] = field(default_factory=list)  # ids that were there, byte for byte
    labels: int = 0  # that came to episodes which were there
    refused: list[Finding] = field(default_factory=list)


def merge(source: Dataset, target: Dataset) -> Merged:
    """Copies every whole episode of `source` that `target` lacks and that fits it.

    An episode of another spec or setup, of an id that `target` has with other contents, and what
    `source` holds that is no episode are refused by name. An episode that is there takes the
    labels of `source` that are later than its own. Raises DatasetError if the
    disk refuses; what came before stays.
    """
    if source.root.resolve() == target.root.resolve():
        raise DatasetError(f"'{source.root}' cannot be merged into itself; name another dataset")
    done = Merged(
        refused=[item for item in source.findings if item.id not in source.index.records]
    )
    for key, record in sorted(source.index.records.items()):
        known = target.index.records.get(key)
        try:
            if known is not None and _equal(known.path, record.path):
                done.present.append(record.id)
                done.labels += take_labels(record.path.parent, known.path.parent)
                continue
            if known is not None:
                raise DatasetError(f"'{target.root}' has another episode of this id")
            header = read_header(record.path)
            target.check(header.spec, header.setup)
        except (DatasetError, EpisodeError) as error:
            done.refused.append(
                Finding(id=record.id, rows=record.rows, reason=str(error), path=record.path)
            )
            continue
        _copy(record, target)
        done.copied.append(record.id)
    return done


def _copy(record: Record, target: Dataset) -> None:
    """Copies beside its place under a hidden name, then renames: whole or absent."""
    folder = episode_folder(target.root, record.id)
    part = inside(target.root, EPISODES) / f'.{record.id}.part'
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in (FILE, LABELS):
            if is_plain(record.path.parent / name):
                _copy_synced(record.path.parent / name, part / name)
        part.rename(folder)  # the copy is read once more, whole, when it is adopted
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise DatasetError(f"cannot copy {record.id} into '{target.root}': {error}") from error
    target.adopt(folder / FILE)


def _copy_synced(path: Path, copy: Path) -> None:
    with path.open('rb') as source, copy.open('xb') as stream:
        shutil.copyfileobj(source, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _equal(path: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError as error:
        raise DatasetError(f"cannot compare '{path}' with '{other}': {error}") from error
