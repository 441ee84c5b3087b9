"""Which episodes a run was given to learn from: seeds of one row have the same ones.

In: a checkpoint's meta, the run's own episodes, its datasets. Out: Given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header


class Given(NamedTuple):
    """The episodes that a run learned from and did not make itself."""

    hash: str  # '' if they are not known
    episodes: int

    def __str__(self) -> str:
        """Says them as a row's name does."""
        return f'{self.episodes} {"episode" if self.episodes == 1 else "episodes"}, {self.hash}'


def given_episodes(meta: Mapping[str, Any], own: Iterable[str], data: Sequence[Path]) -> Given:
    """Returns the episodes of a checkpoint that are not the run's own.

    An episode that a simulator made is known by how it began and what it came to, so that the same
    demonstrations recorded twice are the same; another by its id. Raises MotoError or OSError for
    a dataset that cannot be read.
    """
    ids = {*meta.get('episodes', ())} - set(own)
    if not ids:
        return Given('', 0)
    records = {one.id: one for root in data for one in Dataset.open(root).episodes()}
    kept = sorted(_identity(name, records.get(name)) for name in ids)
    return Given(hashlib.sha256('\n'.join(kept).encode()).hexdigest()[:8], len(ids))


def _identity(name: str, record: Record | None) -> str:
    seed = None if record is None else read_header(record.path).seed
    if record is None or seed is None:
        return name
    about = (record.task, record.controller, record.spec_hash, record.setup)
    return repr((*about, seed, record.rows, record.return_))
