"""What came to the datasets since a run last learned from them, and what of it is kept apart.

In: the records of datasets, what replay holds. Out: Arrivals. An episode of a robot whose reward
is its label (moto_learning/data/rewards.py) waits until it has one: 0 would be learned from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from moto_core.episodes.episode import LABELLED
from moto_core.episodes.manifest import Record
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.rewards import by_label


class Arrivals(NamedTuple):
    """Ids of episodes, each in one of these."""

    new: tuple[str, ...]  # to learn from
    labelled: tuple[str, ...]  # known, with another label now
    unlabelled: tuple[str, ...]  # of a robot, which wait for a label
    apart: tuple[str, ...]  # kept from learning

    @property
    def taken(self) -> int:
        """How many episodes a round would take in, known ones with another label too."""
        return len(self.new) + len(self.labelled)


def arrivals(
    records: Iterable[Record], known: Mapping[str, str], unusable: Iterable[str], held_out: int
) -> Arrivals:
    """Sorts the episodes of datasets; `known` are the outcomes by id that replay holds.

    `unusable` ids (damaged, refused when they were read, of another task) are none of them.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in Arrivals._fields}
    refused = set(unusable)
    for record in records:
        if record.id in refused:
            continue
        if record.id not in known:
            found[_kind(record, held_out)][record.id] = None
        elif known[record.id] != record.outcome:
            found['unlabelled' if _waits(record) else 'labelled'][record.id] = None
    return Arrivals(**{name: tuple(ids) for name, ids in found.items()})


def is_apart(episode: str, held_out: int) -> bool:
    """Says whether an episode is one of those kept from learning: by its id, the same for ever."""
    if not held_out:
        return False
    return int(hashlib.sha256(episode.encode()).hexdigest(), 16) % held_out == 0


def is_learned_from(episode: CachedEpisode, known: bool, held_out: int) -> bool:
    """Says whether an episode is taken in as it is labelled now.

    One that is `known` and whose label was withdrawn stays as it was, until it has another.
    """
    waits = episode.outcome == 'unlabelled' and by_label(episode.source, episode.reward)
    return not waits and (known or not is_apart(episode.id, held_out))


def _kind(record: Record, held_out: int) -> str:
    if is_apart(record.id, held_out):
        return 'apart'
    return 'unlabelled' if _waits(record) else 'new'


def _waits(record: Record) -> bool:
    return record.source in LABELLED and record.outcome == 'unlabelled' and not record.return_
