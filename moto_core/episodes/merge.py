"""Copies episodes from one dataset into another: their ids and labels stay, none is half there.

In: a dataset to read, a dataset held by its LOCK. Out: Merged (what came, what was refused).
"""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import FILE
from moto_core.episodes.examine import Finding
from moto_core.episodes.labels import LABELS, take_labels
from moto_core.episodes.layout import EPISODES, episode_folder, inside
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.errors import DatasetError, EpisodeError
from moto_core.plain_file import is_plain

_BLOCK = 1 << 20  # [bytes] copied at a time


@dataclass
class Merged:
    """What a merge did."""

    copied: list[str] = field(default_factory=list)  # ids
    present: list[str] = field(default_factory=list)  # ids that were there, byte for byte
    labels: int = 0  # that came to episodes which were there
    refused: list[Finding] = field(default_factory=list)


def merge(source: Dataset, target: Dataset) -> Merged:
    """Copies every whole episode of `source` that `target` lacks and that fits it.

    An episode of another spec or setup, of an id that `target` has with other contents, one whose
    bytes are not those that were written, and what `source` holds that is no episode are refused
    by name, and so are labels that are not read. An episode that is there takes the labels of
    `source` that are later than its own, as `take_labels` says.
    Raises DatasetError if the disk refuses; what came before stays.
    """
    if source.root.resolve() == target.root.resolve():
        raise DatasetError(f"'{source.root}' cannot be merged into itself; name another dataset")
    done = Merged(
        refused=[item for item in source.findings if item.id not in source.index.records]
    )
    for _, record in sorted(source.index.records.items()):
        try:
            _merge_one(record, target, done)
        except (DatasetError, EpisodeError) as error:
            done.refused.append(
                Finding(id=record.id, rows=record.rows, reason=str(error), path=record.path)
            )
        except OSError as error:
            raise DatasetError(f"cannot copy {record.id} into '{target.root}': {error}") from error
    named = {item.id for item in done.refused}
    done.refused += [
        item for item in source.findings if item.path.name == LABELS and item.id not in named
    ]
    return done


def _merge_one(record: Record, target: Dataset, done: Merged) -> None:
    """Copies an episode or its labels; raises DatasetError or EpisodeError if it is refused."""
    known = target.index.records.get(record.id)
    if known is not None and equal_files(known.path, record.path):
        done.present.append(record.id)
        done.labels += take_labels(record.path.parent, known.path.parent)
        return
    if known is not None:
        raise DatasetError(f"'{target.root}' has another episode of this id")
    folder = episode_folder(target.root, record.id)
    if os.path.lexists(folder):
        raise DatasetError(
            f"'{folder}' is there and no whole episode; 'moto-data recover' keeps its whole rows, "
            "'moto-data remove' sets it aside"
        )
    header = read_header(record.path)
    target.check(header.spec, header.setup)
    _copy(record, target)
    done.copied.append(record.id)


def _copy(record: Record, target: Dataset) -> None:
    """Copies beside its place under a hidden name, where it is read whole, then renames.

    Raises OSError if the target's disk refuses.
    """
    part = inside(target.root, EPISODES) / f'.{record.id}.part'
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in (FILE, LABELS):
            if is_plain(record.path.parent / name):
                _copy_synced(record.path.parent / name, part / name)
        target.take_in(part, record.id, record.path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_synced(path: Path, copy: Path) -> None:
    """Copies a file; raises EpisodeError if it cannot be read, OSError if the copy cannot be."""
    try:
        source = path.open('rb')
    except OSError as error:
        raise EpisodeError(f"cannot read '{path}': {error}") from error
    with source, copy.open('xb') as stream:
        while block := _read(source):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(_BLOCK)
    except OSError as error:
        raise EpisodeError(f"cannot read '{source.name}': {error}") from error


def equal_files(path: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; raises DatasetError if the system cannot read one."""
    try:
        return path.samefile(other) or filecmp.cmp(path, other, shallow=False)
    except OSError as error:
        raise DatasetError(f"cannot compare '{path}' with '{other}': {error}") from error
