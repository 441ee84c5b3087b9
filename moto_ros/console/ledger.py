"""The dataset as a page shows it: its last episodes, how many succeeded, labels corrected.

In: the dataset's folder, read without its LOCK beside the recorder. Out: Episodes, newest first;
labels, given as `moto-data label` gives them.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import NamedTuple

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.layout import EPISODES
from moto_core.episodes.manifest import Record
from moto_core.errors import DatasetError, MotoError, one_line

SHOWN = 20  # episodes in the list
CHOSE = {'teleop': 'a person', 'scripted': 'a script'}  # who, where no policy did
BY = 'moto-console'  # who says so, in the label's line


class Entry(NamedTuple):
    """One episode of the list."""

    id: str
    created: int  # [ms] since 1970
    rows: int
    seconds: float
    outcome: str
    ended: str
    by: str  # who chose: a policy, by the start of its hash, or a person, or a script
    interventions: int  # rows


class Count(NamedTuple):
    """How episodes went."""

    episodes: int = 0
    success: int = 0
    failure: int = 0
    unlabelled: int = 0


class Ledger:
    """One dataset, read anew when something changed."""

    def __init__(self, root: Path, since: int) -> None:
        """Takes the folder, which may not be there yet, and when this session began [ns]."""
        self.root, self.since = root, since
        self.version = 0  # grows with every change
        self.entries: tuple[Entry, ...] = ()
        self.session, self.total = Count(), Count()
        self.problem = ''
        self._dataset: Dataset | None = None
        self._lock = Lock()

    def read(self) -> None:
        """Reads what is there; a folder that is not, or cannot be read, is a problem to show."""
        with self._lock:
            try:
                records, problem = self._records(), ''
            except (MotoError, OSError) as error:
                records, problem = [], one_line(error)
            before = (self.entries, self.total, self.problem)
            self.entries = tuple(_entry(record) for record in reversed(records[-SHOWN:]))
            self.session = _count([one for one in records if one.created >= self.since])
            self.total, self.problem = _count(records), problem
            if (self.entries, self.total, self.problem) != before:
                self.version += 1

    def outcome(self, episode: str) -> str:
        """Returns the outcome of an episode of the list; '' if it is not in it."""
        return next((one.outcome for one in self.entries if one.id == episode), '')

    def label(self, episode: str, label: str) -> str:
        """Labels an episode by its whole id; the last label wins and earlier ones stay on file.

        Raises DatasetError for an unknown episode or label.
        """
        with self._lock:
            self._records()
            if self._dataset is None:
                raise DatasetError(f"there is no dataset at '{self.root}' yet")
            record = self._dataset.find(episode)
            if record.id != episode:
                raise DatasetError(f"'{episode}' is not the whole id of an episode")
            self._dataset.label(episode, label, BY)
        self.read()
        return f'{episode}: {record.outcome} -> {label}'

    def _records(self) -> list[Record]:
        if self._dataset is None:
            if not (self.root / EPISODES).is_dir():
                return []
            self._dataset = Dataset.open(self.root)
        else:
            self._dataset.refresh()
        return self._dataset.episodes()


def _entry(record: Record) -> Entry:
    return Entry(
        id=record.id,
        created=record.created // 1_000_000,
        rows=record.rows,
        seconds=round(record.duration, 1),
        outcome=record.outcome,
        ended=record.ended,
        by=_by(record),
        interventions=record.interventions,
    )


def _by(record: Record) -> str:
    if record.policy_hash:
        return f'policy {record.policy_hash[:12]}'
    return CHOSE.get(record.controller, f'{record.controller}, no policy')


def _count(records: list[Record]) -> Count:
    outcomes = [record.outcome for record in records]
    return Count(
        episodes=len(outcomes),
        success=outcomes.count('success'),
        failure=outcomes.count('failure'),
        unlabelled=outcomes.count('unlabelled'),
    )
