"""The dataset's index: what is known of each episode without opening it, one line an episode.

In: Records, the dataset's identity. Out: `manifest.jsonl`. The first line holds the identity.
Each line carries its own checksum and its file's size and time of change, so that a line that
was edited, torn or belongs to an older file is not believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from moto_core.config import load_config, to_dict
from moto_core.durable import append_synced, replace_synced
from moto_core.episodes.episode import OUTCOMES, ROW_LIMIT, SOURCES, EpisodeHeader
from moto_core.episodes.identity import (
    Identity,
    identity_from_dict,
    identity_key,
    identity_to_dict,
)
from moto_core.episodes.layout import MANIFEST, episode_file
from moto_core.episodes.totals import Totals
from moto_core.errors import DatasetError, MotoError, one_line
from moto_core.plain_file import read_plain
from moto_core.row import STAMP_LIMIT, finite_or_none
from moto_core.spec import Setup
from moto_core.strict_json import parse_json

FORMAT = 3  # of the manifest; another one is made again
LIMIT = 1 << 28  # [bytes] of the file
_DERIVED = {'path'}  # never stored


@dataclass(frozen=True, kw_only=True)
class Record:
    """One episode of a dataset; `outcome` is the last label, or the file's own without one."""

    id: str
    path: Path  # of episode.mcap, made of the id
    task: str
    source: str  # 'sim', 'robot' or 'twin'
    controller: str  # 'scripted', 'policy' or 'teleop'
    policy_hash: str
    config_hash: str
    spec_hash: str
    setup: Setup
    created: int  # [ns]
    rows: int
    return_: float  # sum of rewards
    success: bool  # some row was received as a success
    duration: float  # [s] from the first row to the last
    gaps: int  # rows that miss others before them
    interventions: int  # rows at which a person was in command
    disagreement: float  # mean of the rows'
    outcome: str  # 'success', 'failure' or 'unlabelled'
    ended: str  # 'done', 'timeout', 'exception', 'recovered', ...
    size: int  # [bytes] of the file
    changed: int  # [ns] when the file last was

    @property
    def successful(self) -> bool:
        """Labelled a success, or unlabelled with a row that succeeded."""
        return self.outcome == 'success' or (self.outcome == 'unlabelled' and self.success)

    @property
    def identity_key(self) -> str:
        """Equal in every episode of a dataset: its spec and its setup."""
        return identity_key(self.spec_hash, self.setup)


def make_record(
    path: Path, header: EpisodeHeader, totals: Totals, outcome: str, ended: str
) -> Record:
    """Returns the record of the episode file at `path`."""
    status = path.stat()
    return Record(
        id=header.id,
        path=path,
        task=header.task,
        source=header.source,
        controller=header.controller,
        policy_hash=header.policy_hash,
        config_hash=header.config_hash,
        spec_hash=header.spec.hash,
        setup=header.setup,
        created=header.created,
        rows=totals.rows,
        return_=totals.return_,
        success=totals.success,
        duration=totals.duration,
        gaps=totals.gaps,
        interventions=totals.interventions,
        disagreement=totals.mean_disagreement,
        outcome=outcome,
        ended=ended,
        size=status.st_size,
        changed=status.st_mtime_ns,
    )


class ManifestLines(NamedTuple):
    """What could be believed of a manifest, and what could not."""

    identity: Identity | None
    records: dict[str, Record]  # by id
    problems: list[str]


def read_manifest(root: Path) -> ManifestLines:
    """Reads manifest.jsonl as far as it can be believed; a missing one is empty."""
    identity, records, problems = None, {}, []
    path = root / MANIFEST
    if not path.exists() and not path.is_symlink():
        return ManifestLines(None, {}, [])
    try:
        lines = read_plain(path, LIMIT).splitlines()
        identity = _parse_first(lines[0] if lines else b'')
    except (OSError, ValueError) as error:
        return ManifestLines(None, {}, [f'it is not believed: {error}'])
    for number, line in enumerate(lines[1:], 2):
        try:
            record = _parse_line(root, line)
        except (OSError, ValueError, MotoError) as error:
            problems.append(f'line {number} is not believed: {error}')
            continue
        if record.id in records:
            problems.append(f'line {number} names {record.id} a second time')
        records[record.id] = record
    return ManifestLines(identity, records, problems)


def write_manifest(root: Path, identity: Identity | None, records: Iterable[Record]) -> None:
    """Replaces manifest.jsonl as a whole; raises DatasetError if it cannot be written."""
    first = identity_to_dict(identity) if identity else {'spec': None, 'setup': None}
    lines = [seal({'format': FORMAT, **first}), *(manifest_line(record) for record in records)]
    try:
        replace_synced(root / MANIFEST, b''.join(line + b'\n' for line in lines))
    except OSError as error:
        raise _unwritable(root, error) from error


def append_manifest(root: Path, record: Record) -> None:
    """Appends one episode's line; raises DatasetError if it cannot be written."""
    try:
        append_synced(root / MANIFEST, manifest_line(record))
    except OSError as error:
        raise _unwritable(root, error) from error


def manifest_line(record: Record) -> bytes:
    """Returns the record's line, without its newline."""
    values = {item.name: getattr(record, item.name) for item in fields(Record)}
    for name, value in values.items():
        if isinstance(value, float):
            values[name] = finite_or_none(value)
    values['setup'] = to_dict(record.setup)
    return seal({name: value for name, value in values.items() if name not in _DERIVED})


def seal(values: dict[str, Any]) -> bytes:
    """Returns a line of JSON that ends in the checksum of all before."""
    return json.dumps({**values, 'sum': _sum(values)}).encode()


def _sum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _unseal(line: bytes) -> dict[str, Any]:
    values = parse_json(line)
    if not isinstance(values, dict):
        raise ValueError('it is no map')
    if values.pop('sum', None) != _sum(values):
        raise ValueError('it was changed by hand or torn')
    return values


def _parse_first(line: bytes) -> Identity | None:
    first = parse_json(line)
    if not isinstance(first, dict) or first.get('format') != FORMAT:
        found = first.get('format') if isinstance(first, dict) else first
        raise ValueError(f'its format is {found!r}; expected {FORMAT}')
    values = _unseal(line)
    return identity_from_dict(values) if values.get('spec') else None


def _parse_line(root: Path, line: bytes) -> Record:
    values = _unseal(line)
    if set(values) != set(_KINDS):
        raise ValueError(f'its keys are {sorted(values)}; expected {sorted(_KINDS)}')
    for name, kind in _KINDS.items():
        if kind is float and values[name] is None:
            values[name] = float('nan')
        if type(values[name]) is not kind:
            raise ValueError(f'{name} is {values[name]!r}; expected {kind.__name__}')
        if kind is str and not values[name].isprintable():
            raise ValueError(f'{name} is {values[name]!a}; expected plain text')
    _check_ranges(values)
    for name, known in (('outcome', OUTCOMES), ('source', SOURCES)):
        if values[name] not in known:
            raise ValueError(f"{name} is '{values[name]}'; expected one of {known}")
    values['setup'] = _setup(json.dumps(values['setup'], sort_keys=True))
    return Record(path=episode_file(root, values['id']), **values)


@lru_cache(maxsize=64)
def _setup(text: str) -> Setup:
    return load_config(Setup, json.loads(text))


def _check_ranges(values: dict[str, Any]) -> None:
    """Raises ValueError that names a number which no episode file gives."""
    rows = (0, min(values['rows'], ROW_LIMIT))
    ranges = {
        'rows': (0, ROW_LIMIT),  # 0: an episode that was closed before its first
        'gaps': rows,
        'interventions': rows,
        'created': (0, (1 << 63) - 1),
        'size': (0, (1 << 63) - 1),
        'changed': (-(1 << 63), (1 << 63) - 1),
        'duration': (0, STAMP_LIMIT * 1e-9),
    }
    for name, (least, most) in ranges.items():
        if not least <= values[name] <= most:
            raise ValueError(f'{name} is {one_line(values[name], 40)}; expected {least} to {most}')


def _unwritable(root: Path, error: OSError) -> DatasetError:
    return DatasetError(
        f"cannot write '{root / MANIFEST}': {error}; the episodes are whole, and it is made "
        'again from them at the next opening'
    )


_KINDS: dict[str, type] = {
    name: dict if kind is Setup else kind
    for name, kind in get_type_hints(Record).items()
    if name not in _DERIVED
}
