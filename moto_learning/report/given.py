"""Which episodes a run was given to learn from: seeds of one row have the same ones.

In: a checkpoint's meta, the run's own episodes, its datasets. Out: Given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from moto_core.config import flatten, to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.spec import Setup


class Given(NamedTuple):
    """The episodes that a run learned from and did not make itself."""

    hash: str  # of what they are, or `ids` if they cannot be read; '' if they are not known
    episodes: int
    ids: str = ''  # a hash of their names, by which a run knows them

    def __str__(self) -> str:
        """Says them as a row's name does."""
        return (
            f'{self.episodes} {"episode" if self.episodes == 1 else "episodes"}, data {self.hash}'
        )


def given_episodes(meta: Mapping[str, Any], own: Iterable[str], data: Sequence[Path]) -> Given:
    """Returns the episodes of a checkpoint that are not the run's own.

    An episode that a simulator made is known by how it began and was drawn and what it came to, so
    that the same demonstrations recorded twice are the same; another by its id, and all are if one
    of them is not there. Raises MotoError or OSError for a dataset that cannot be read.
    """
    ids = {*meta.get('episodes', ())} - set(own)
    if not ids:
        return Given('', 0)
    names = _hash(ids)
    records = {one.id: one for root in data for one in Dataset.open(root).episodes()}
    if not ids <= set(records):
        return Given(names, len(ids), names)
    return Given(_hash(_identity(records[name]) for name in ids), len(ids), names)


def _identity(record: Record) -> str:
    header = read_header(record.path)
    if header.seed is None:
        return record.id
    seed, drawn = header.seed, header.extra.get('rendering', '')
    about = (record.task, record.controller, record.spec_hash, _chosen(record.setup))
    return repr((*about, seed, record.rows, record.return_, drawn))


def _chosen(setup: Setup) -> list[tuple[str, Any]]:
    """Returns what a setup says, without fields at their defaults: others may come."""
    usual = dict(flatten(to_dict(Setup())))
    return sorted(pair for pair in flatten(to_dict(setup)) if usual.get(pair[0]) != pair[1])


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256('\n'.join(sorted(lines)).encode()).hexdigest()[:8]
