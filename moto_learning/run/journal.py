"""The online episodes of a run, one synced line each: what has happened since the last weights.

In: an episode as it is counted. Out: `<run>/episodes.jsonl`; after a crash, which episode was
which. Weights are saved now and then; a resumed run makes the updates since then again, on the
same batches, and meets the episodes of the journal where it collected them. One that is resumed
with other settings is another run from there on: the episodes that came later are set aside, and
it collects its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moto_core.durable import append_synced, sync_folder
from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_header
from moto_core.errors import MotoError
from moto_core.strict_json import read_maps

FILE = 'episodes.jsonl'
UNCOUNTED = 'the run was killed before it counted this episode'
SUPERSEDED = 'the run went back to before this episode, and on with other settings'


class JournalError(MotoError):
    """A journal that cannot be written."""


@dataclass(frozen=True)
class Entry:
    """One online episode that was counted."""

    index: int  # its number in the online phase, from 0
    id: str  # in the run's own dataset
    update: int  # whole updates before it
    metrics: dict[str, float]
    settings: str = ''  # the name (resume.py) of those that it was collected under; '': not known


class Journal:
    """Appends entries and finds them by number; the last line of a number wins."""

    def __init__(self, run: Path, settings: Sequence[str] = ()) -> None:
        """Reads the journal of a run that now has settings of these names (`names_of`)."""
        self.path, self.settings = run / FILE, settings
        self._entries = {entry.index: entry for entry in read_journal(run)}

    @property
    def ids(self) -> set[str]:
        """The episodes that are counted."""
        return {entry.id for entry in self._entries.values()}

    def find(self, index: int) -> Entry | None:
        """Returns the entry of online episode `index` as these settings collected it, or None."""
        entry = self._entries.get(index)
        return entry if entry is not None and self._is_ours(entry) else None

    def superseded(self, episodes: int) -> list[str]:
        """Returns the episodes after the first so many that other settings collected."""
        later = [entry for index, entry in self._entries.items() if index >= episodes]
        return [entry.id for entry in later if not self._is_ours(entry)]

    def decisions(self, episodes: int) -> int:
        """Returns the decisions in the first so many episodes."""
        found = (self._entries[i] for i in range(episodes) if i in self._entries)
        return round(sum(entry.metrics.get('episode/decisions', 0) for entry in found))

    def append(self, entry: Entry) -> None:
        """Writes an entry and waits until the disk has it; raises JournalError."""
        existed = self.path.exists()
        try:
            append_synced(self.path, json.dumps(asdict(entry)).encode())
            if not existed:
                sync_folder(self.path.parent)
        except OSError as error:
            raise JournalError(f"cannot write '{self.path}': {error}") from error
        self._entries[entry.index] = entry

    def _is_ours(self, entry: Entry) -> bool:
        return not self.settings or entry.settings in ('', *self.settings)


def set_aside(root: Path, episodes: Sequence[str], reason: str) -> dict[str, str]:
    """Moves episodes of a run's own dataset to quarantine; returns each with the reason."""
    if episodes:
        with Dataset.open(root, lock=True) as dataset:
            for episode in episodes:
                dataset.quarantine(episode, reason)
    return dict.fromkeys(episodes, reason)


def discard_uncounted(root: Path, counted: set[str], seed: int, collected: int) -> dict[str, str]:
    """Moves the episodes that a killed run did not count out of its own dataset, to quarantine.

    Such an episode was being collected, or was just collected: it starts as one of this run's
    `collected` + 1 first does by the run's `seed`, and is not among the `counted`. The run
    collects it again from the same start with the same weights. Episodes that came from elsewhere
    stay. Returns the ids with the reason.
    """
    if not (root / 'episodes').is_dir():
        return {}
    with Dataset.open(root, lock=True) as dataset:
        unknown = [record for record in dataset.episodes() if record.id not in counted]
        if not unknown:
            return {}
        from moto_sim.episode import ONLINE, learning_seed  # where episodes are, it is

        starts = {learning_seed(ONLINE, seed, index) for index in range(collected + 1)}
        extra = [record.id for record in unknown if read_header(record.path).seed in starts]
    return set_aside(root, extra, UNCOUNTED)


def read_journal(run: Path) -> list[Entry]:
    """Returns the whole lines of a run's journal; a torn one was not counted."""
    found = []
    for line in read_maps(run / FILE):
        with suppress(TypeError):
            found.append(Entry(**line))
    return [entry for entry in found if _is_sound(entry)]


def _is_sound(entry: Entry) -> bool:
    metrics: Any = entry.metrics
    return (
        isinstance(entry.index, int)
        and isinstance(entry.settings, str)
        and isinstance(entry.update, int)
        and isinstance(entry.id, str)
        and EPISODE_ID.fullmatch(entry.id) is not None
        and isinstance(metrics, Mapping)
        and all(isinstance(value, (int, float)) for value in metrics.values())
    )
