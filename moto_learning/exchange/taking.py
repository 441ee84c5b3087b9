"""Takes the episodes of a foreign file into a dataset: each whole or not at all, none twice.

In: a Source, a dataset's folder. Out: Taken (what came, what was there, what was refused).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import FILE
from moto_core.episodes.layout import EPISODES, FOLDERS, inside
from moto_core.episodes.lock import take_back
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import MotoError
from moto_learning.exchange.contents import CONTENTS
from moto_learning.exchange.foreign import Incoming, Source


@dataclass
class Taken:
    """What an import did."""

    new: list[Record] = field(default_factory=list)
    present: list[str] = field(default_factory=list)  # where in the file: they were there already
    refused: dict[str, str] = field(default_factory=dict)  # where in the file: why
    clipped: int = 0  # entries of the new ones' actions that were cut off at [-1, 1]


def take_episodes(
    source: Source, root: Path | str, told: Callable[[Taken], None] | None = None
) -> Taken:
    """Writes every episode of `source` that the dataset at `root` lacks, making it if needed.

    One whose numbers or images cannot be used is refused by name, and the others come. `told`
    hears of each. A dataset that was made and got none is taken away again. Raises DatasetError
    for a locked dataset or one of another spec or setup; nothing is written then, and what came
    before an interruption stays.
    """
    done, root = Taken(), Path(root)
    folders = [*reversed(root.parents), root, *(root / name for name in FOLDERS)]
    missing = [path for path in folders if not path.exists()]
    with Dataset.create_or_open(root, source.spec, setup=source.setup) as dataset:
        known = {_contents(record.path) for record in dataset.episodes()} - {''}
        ids = set(dataset.index.records)
        for index, where in enumerate(source.places):
            try:
                one = source.episode(index)
                if one.header.extra.get(CONTENTS) in known or one.header.id in ids:
                    done.present.append(where)
                else:
                    done.new.append(_take(one, dataset))
                    known.add(one.header.extra.get(CONTENTS, ''))
                    ids.add(one.header.id)
                    done.clipped += one.clipped
            except MotoError as error:
                done.refused[where] = str(error)
            if told:
                told(done)
    if not done.new:
        take_back(root, missing, None)  # a dataset that was made for them
    return done


def _take(one: Incoming, dataset: Dataset) -> Record:
    """Writes an episode beside its place under a hidden name, where it is read, then renames."""
    part = inside(dataset.root, EPISODES) / f'.{one.header.id}.part'
    try:
        shutil.rmtree(part, ignore_errors=True)
        with EpisodeWriter(part, one.header, floor=dataset.floor) as writer:
            for row in one.rows:
                writer.append(row)
            writer.close(one.outcome, one.ended)
        return dataset.take_in(part, one.header.id, part / FILE)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _contents(path: Path) -> str:
    try:
        return read_header(path).extra.get(CONTENTS, '')
    except MotoError:
        return ''  # damaged: the index has said so
