"""What drove in a demonstration: the held-out starts and the logged episodes, with their bundles.

    before.json, after.json, covered.json    what moto-up wrote of each drive
    first.json, rounds.json                  of the two whose episodes are learned from, as one
    before/, dataset/, after/, covered/      the episodes of each

In: a demonstration's folder. Out: Drives. What is not there is empty; a damaged file is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.layout import EPISODES
from moto_core.episodes.manifest import Record
from moto_learning.report.demo_folder import read_json

HELD_OUT = ('before', 'after', 'covered')  # drives over the same starts
ROUNDS = 'rounds'  # the drive whose episodes are learned from
FIRST = 'first'  # the part of it before the first round
FOLDERS = {ROUNDS: 'dataset'}  # of a drive's episodes, if it is not called after the drive
SCRIPTED = 'scripted'  # controller of a demonstration


@dataclass(frozen=True, kw_only=True)
class Driven:
    """One episode that a policy drove."""

    id: str  # '' if it was not recorded
    seed: int | None  # of the start; None: not known
    outcome: str  # 'success', 'failure' or 'unlabelled'; the last label
    ended: str
    decisions: int
    seconds: float | None  # [s]; None: not known
    bundle: str  # hash of what drove; '' not known
    recorded: bool  # its rows can be read


@dataclass(frozen=True, kw_only=True)
class Drive:
    """The episodes of one start of `moto-up`, in order, and what it measured."""

    name: str
    data: Path  # dataset of its episodes
    bundle: str = ''  # hash of what drove, at its end; '' not known
    episodes: list[Driven] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)  # image stamp to request
    missed_periods: int = 0
    guard_interventions: dict[str, int] = field(default_factory=dict)  # reason: decisions

    @property
    def outcomes(self) -> list[str]:
        """The outcomes in order."""
        return [one.outcome for one in self.episodes]


@dataclass(frozen=True)
class Swap:
    """Another bundle begins to drive."""

    index: int  # of the first logged episode that it drove; their number: it drove none of them
    bundle: str  # hash


def read_drive(out: Path, name: str) -> Drive:
    """Returns one drive; raises ConfigError for a damaged file, DatasetError for a damaged folder.

    The drive `rounds` has every episode of the dataset that is no demonstration, also those of a
    `moto-up` that was started again and left no file.
    """
    parts = [
        read_json(out / f'{part}.json') for part in ((FIRST, name) if name == ROUNDS else (name,))
    ]
    said = parts[-1]
    data = out / FOLDERS.get(name, name)
    records = {one.id: one for one in _records(data) if one.controller != SCRIPTED}
    played = {one['id']: one for part in parts for one in part.get('episodes', [])}
    if name == ROUNDS:
        found = [_logged(records[key], played.get(key, {})) for key in sorted(records)]
    else:
        bundle = said.get('policy', '')
        found = [
            _held_out(one, records.get(one['id']), bundle) for one in said.get('episodes', [])
        ]
    return Drive(
        name=name,
        data=data,
        bundle=said.get('policy', ''),
        episodes=found,
        latency_ms=[ms for part in parts for ms in part.get('latency_ms', [])],
        missed_periods=sum(part.get('missed_periods', 0) for part in parts),
        guard_interventions=dict(
            sum((Counter(part.get('guard_interventions', {})) for part in parts), Counter())
        ),
    )


def read_drives(out: Path) -> dict[str, Drive]:
    """Returns the drives by name: before, rounds, after, covered. Raises as `read_drive`."""
    return {name: read_drive(out, name) for name in ('before', ROUNDS, 'after', 'covered')}


def swaps(drives: Mapping[str, Drive]) -> list[Swap]:
    """Returns where another bundle begins to drive, from the drive before on to the one after.

    Episodes whose bundle is not known change nothing.
    """
    logged = drives[ROUNDS].episodes
    driving, found = drives['before'].bundle, []
    for index, bundle in enumerate([one.bundle for one in logged] + [drives['after'].bundle]):
        if bundle and bundle != driving:
            if driving:
                found.append(Swap(index, bundle))
            driving = bundle
    return found


def demonstrations(out: Path) -> int:
    """Returns how many demonstrations are learned from."""
    return sum(one.controller == SCRIPTED for one in _records(out / FOLDERS[ROUNDS]))


def _logged(record: Record, said: Mapping[str, Any]) -> Driven:
    """Returns a logged episode; `said` of it is {} if its `moto-up` left no file."""
    return Driven(
        id=record.id,
        seed=said.get('seed'),
        outcome=record.outcome,
        ended=said.get('ended') or record.ended,
        decisions=said.get('steps', record.rows - 1),
        seconds=said.get('seconds', record.duration),
        bundle=record.policy_hash,
        recorded=record.rows > 0,
    )


def _held_out(said: Mapping[str, Any], record: Record | None, bundle: str) -> Driven:
    """Returns an episode over a held-out start; it has no record if it was not recorded."""
    return Driven(
        id=said['id'],
        seed=said['seed'],
        outcome=said['outcome'],
        ended=said['ended'],
        decisions=said['steps'],
        seconds=said['seconds'],
        bundle=record.policy_hash if record and record.policy_hash else bundle,
        recorded=record is not None and record.rows > 0,
    )


def _records(data: Path) -> list[Record]:
    """Returns the records of a dataset, the oldest first; none without one."""
    if not (data / EPISODES).is_dir():
        return []
    with Dataset.open(data) as dataset:
        return dataset.episodes()
