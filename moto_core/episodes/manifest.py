"""What a dataset knows of each episode without opening it, and the labels people gave afterwards.

In: episode files. Out: Record; `manifest.jsonl` (derived, rebuilt at will) and `labels.jsonl`
(append-only, the last line wins).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from moto_core.episodes.episode import FILE, FORMAT, OUTCOMES, READABLE, EpisodeHeader
from moto_core.episodes.reader import salvage
from moto_core.errors import DatasetError, EpisodeError, unknown_name
from moto_core.row import finite_or_none

LABELS = 'labels.jsonl'


@dataclass(frozen=True)
class Record:
    """One episode of a dataset; `outcome` is the last label, or the file's own without one."""

    id: str
    path: Path  # of episode.mcap
    task: str
    source: str  # 'sim' or 'robot'
    controller: str  # 'scripted', 'policy' or 'teleop'
    policy_hash: str
    config_hash: str
    spec_hash: str
    created: int  # [ns]
    rows: int
    return_: float  # sum of rewards
    success: bool  # some row was received as a success
    outcome: str  # 'success', 'failure' or 'unlabelled'
    ended: str  # 'done', 'timeout', 'exception', 'recovered', ...

    @property
    def successful(self) -> bool:
        """Labelled a success, or unlabelled with a row that succeeded."""
        return self.outcome == 'success' or (self.outcome == 'unlabelled' and self.success)


def make_record(
    path: Path,
    header: EpisodeHeader,
    rows: int,
    return_: float,
    success: bool,
    outcome: str,
    ended: str,
) -> Record:
    """Returns the record of the episode file at `path`."""
    return Record(
        header.id,
        path,
        header.task,
        header.source,
        header.controller,
        header.policy_hash,
        header.config_hash,
        header.spec.hash,
        header.created,
        rows,
        return_,
        success,
        outcome,
        ended,
    )


def scan(path: Path) -> tuple[Record, EpisodeHeader]:
    """Reads a whole episode file into its record; raises EpisodeError where it is damaged."""
    found = salvage(path)
    if found.header is None or found.damage or not found.rows:
        raise EpisodeError(found.damage or 'it holds no whole row')
    total = sum(row.reward for row in found.rows)
    success = any(row.success for row in found.rows)
    return make_record(
        path, found.header, len(found.rows), total, success, found.outcome, found.ended
    ), found.header


def labelled(record: Record) -> Record:
    """Returns the record with the outcome that its last label gives."""
    label = last_label(record.path.parent)
    return replace(record, outcome=label) if label else record


def add_label(folder: Path, label: str, by: str) -> None:
    """Appends one label to the episode's file and syncs it; earlier lines stay."""
    if label not in OUTCOMES:
        raise DatasetError(unknown_name('label', label, OUTCOMES))
    path = folder / LABELS
    line = json.dumps({'label': label, 'by': by, 'at': time.time_ns()}) + '\n'
    torn = path.exists() and not path.read_bytes().endswith(b'\n') and path.stat().st_size > 0
    try:
        with path.open('ab', buffering=0) as stream:
            stream.write(('\n' * torn + line).encode())
            os.fsync(stream.fileno())
    except OSError as error:
        raise DatasetError(f"cannot label in '{path}': {error}") from error


def last_label(folder: Path) -> str:
    """Returns the last whole label line's value, '' where there is none."""
    lines = read_lines(folder / LABELS)
    return next((x['label'] for x in reversed(lines) if x.get('label') in OUTCOMES), '')


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Returns a .jsonl file's objects; a torn or damaged line is left out."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if isinstance(item, dict):
            found.append(item)
    return found


def write_manifest(root: Path, spec: dict[str, Any] | None, records: Iterable[Record]) -> None:
    """Replaces manifest.jsonl as a whole: the format and the spec, then one line an episode."""
    rows = [{'format': FORMAT, 'spec': spec}, *(_to_row(root, record) for record in records)]
    temporary = root / 'manifest.jsonl.new'
    temporary.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    temporary.replace(root / 'manifest.jsonl')


def append_manifest(root: Path, record: Record) -> None:
    """Appends one episode's line to manifest.jsonl."""
    with (root / 'manifest.jsonl').open('a') as stream:
        stream.write(json.dumps(_to_row(root, record)) + '\n')


def read_manifest(root: Path) -> tuple[dict[str, Any] | None, dict[str, Record]]:
    """Returns the spec and the records by id, leaving out lines of episodes that are gone."""
    spec, records = None, {}
    for row in read_lines(root / 'manifest.jsonl'):
        if 'format' in row:
            if row['format'] not in READABLE:
                raise DatasetError(f"'{root}' has format {row['format']}; expected {FORMAT}")
            if row['format'] != FORMAT:
                return None, {}  # of an earlier version: made again from the episodes
            spec = row.get('spec')
            continue
        record = _from_row(root, row)
        if record is not None and record.path.is_file():
            records[record.id] = record
    return spec, records


def episode_files(root: Path) -> list[Path]:
    """Lists the closed episodes' files, oldest first."""
    return sorted(root.glob(f'episodes/*/{FILE}'))


def _to_row(root: Path, record: Record) -> dict[str, Any]:
    row = asdict(record)
    row['path'] = str(record.path.relative_to(root))
    row['return_'] = finite_or_none(record.return_)
    return row


def _from_row(root: Path, row: dict[str, Any]) -> Record | None:
    try:
        value = float('nan') if row['return_'] is None else row['return_']
        return Record(**{**row, 'path': root / row['path'], 'return_': value})
    except (TypeError, KeyError):
        return None
