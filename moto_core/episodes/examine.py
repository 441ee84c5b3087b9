"""What one folder of episodes/ holds: read whole, every checksum verified.

In: a folder, or a file. Out: a Record, or a Finding that says why it is none. Writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.episode import FILE, EpisodeHeader
from moto_core.episodes.layout import EPISODES
from moto_core.episodes.manifest import Record, make_record
from moto_core.episodes.reader import Reading
from moto_core.episodes.totals import Totals
from moto_core.errors import EpisodeError
from moto_core.plain_file import is_plain
from moto_core.row import Row


class Finding(NamedTuple):
    """Something about a dataset that a person should know."""

    id: str  # the episode's, the folder's name, or the file's
    rows: int  # whole rows that are kept
    reason: str
    path: Path  # where the episode, or what is left of it, lies now
    damaged: bool = False  # its file is, and its whole rows can be recovered


class Examined(NamedTuple):
    """What one episode file holds."""

    record: Record | None  # None if it is damaged or empty
    header: EpisodeHeader | None
    rows: int  # whole ones before any damage
    damage: str  # '' if every byte is as it was written and there is a row
    ended: str  # what its last record says of that; '' if the damage lies before it


def examine(path: Path) -> Examined:
    """Reads a whole episode file, row by row, every checksum verified.

    Raises EpisodeError if it cannot be opened.
    """
    reading, totals = Reading(path), Totals()
    for item in reading:
        if isinstance(item, Row):
            totals = totals.plus(item)
    damage = reading.damage or ('' if totals.rows else 'it holds no whole row')
    if reading.header is None or damage:
        return Examined(
            record=None,
            header=reading.header,
            rows=totals.rows,
            damage=damage,
            ended=reading.ended,
        )
    record = make_record(path, reading.header, totals, reading.outcome, reading.ended)
    return Examined(
        record=record, header=reading.header, rows=totals.rows, damage='', ended=reading.ended
    )


def look(root: Path, name: str) -> Record | Finding | None:
    """Reads one folder of episodes/; None if no closed episode lies in it."""
    folder = root / EPISODES / name
    try:
        return _read(folder)
    except OSError as error:
        return Finding(id=name, rows=0, reason=f'it cannot be read: {error}', path=folder)


def _read(folder: Path) -> Record | Finding | None:
    name = folder.name
    path = folder / FILE
    if folder.is_symlink() or not folder.is_dir():
        return Finding(
            id=name, rows=0, reason='it is a link or no folder, and is not read', path=folder
        )
    if not path.exists() and not path.is_symlink():
        return None
    if not EPISODE_ID.fullmatch(name):
        return Finding(
            id=name, rows=0, reason='its name is no episode id, and it is not read', path=folder
        )
    if not is_plain(path):
        return Finding(
            id=name,
            rows=0,
            reason=f'its {FILE} is a link or no plain file, and is not read',
            path=path,
        )
    try:
        found = examine(path)
    except EpisodeError as error:
        return Finding(id=name, rows=0, reason=str(error), path=path) if path.exists() else None
    if found.header is not None and found.header.id != name:
        reason = f'it holds episode {found.header.id}: a copy under another name, not used'
        return Finding(id=name, rows=found.rows, reason=reason, path=path)
    return found.record or Finding(
        id=name, rows=found.rows, reason=found.damage, path=path, damaged=True
    )
