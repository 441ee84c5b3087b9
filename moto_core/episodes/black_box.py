"""What is kept beside a dataset of the seconds before a stop, though no episode was running.

    dataset/black_box/<time of the stop, UTC>/episode.mcap    an episode without rows: a bag, too

In: messages as they came, why it stopped. Out: folders, the newest ones of them; what one holds.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from moto_core.episodes.episode import FILE, EpisodeHeader
from moto_core.episodes.layout import inside
from moto_core.episodes.reader import RawMessage, Reading, read_header
from moto_core.episodes.recovery import recover
from moto_core.episodes.writer import FREE_FLOOR, EpisodeWriter
from moto_core.errors import EpisodeError, MotoError
from moto_core.plain_file import is_plain
from moto_core.row import STAMP_LIMIT, Row

BLACK_BOX = 'black_box'
NAME = re.compile(r'[0-9]{8}T[0-9]{6}Z(-[0-9]{1,9})?')
STAMP = re.compile(r'[0-9]{1,19}')  # [ns]


class Stop(NamedTuple):
    """Something that stopped the arm; the header of its black box says so in its extra."""

    at: int  # [ns] on the clock of stamps
    causes: tuple[str, ...]  # the first one made it be kept
    reasons: tuple[str, ...]  # the guard's

    def as_extra(self) -> dict[str, str]:
        """Returns what a header's extra says of it."""
        return {
            'stopped': str(self.at),
            'causes': ','.join(self.causes),
            'reasons': ','.join(self.reasons),
        }


@dataclass(frozen=True, kw_only=True)
class BlackBox:
    """One stop, and what was heard before it."""

    folder: Path
    header: EpisodeHeader
    stop: Stop
    messages: list[RawMessage]  # in the order in which they came
    damage: str  # '' if every byte is as it was written


def keep_black_box(
    root: Path,
    header: EpisodeHeader,
    messages: Iterable[RawMessage],
    keep: int,
    floor: int = FREE_FLOOR,
) -> Path:
    """Writes a new black box and deletes the oldest beyond `keep`; returns its folder.

    The header's extra is that of a Stop. Raises MotoError, with what fits kept, if the
    disk is full or refuses.
    """
    folder = _new_folder(root, stop_of(header).at)
    try:
        writer = EpisodeWriter(folder, header, floor=floor)
        try:
            for message in messages:
                writer.raw(
                    message.topic,
                    message.message_type,
                    message.cdr,
                    message.stamp,
                    message.definition,
                )
        finally:
            writer.close(ended=writer.ended or 'stopped')
    finally:
        _delete_oldest(root, keep, folder)
    return folder


def recover_black_boxes(root: Path) -> None:
    """Closes what a recorder left that was killed; one of which nothing can be read stays."""
    for folder in black_boxes(root):
        active = folder / (FILE + '.active')
        if is_plain(active) and not os.path.lexists(folder / FILE):
            with suppress(EpisodeError):
                recover(active)


def black_boxes(root: Path) -> list[Path]:
    """Lists the folders of a dataset's black boxes, the newest first."""
    folder = inside(root, BLACK_BOX)
    if not folder.is_dir():
        return []
    names = [path for path in folder.iterdir() if NAME.fullmatch(path.name)]
    return sorted((path for path in names if not path.is_symlink()), key=_age, reverse=True)


def read_black_box(folder: Path) -> BlackBox:
    """Returns a black box as far as it is whole; raises EpisodeError if nothing can be read."""
    reading = Reading(_file(folder), raw=True)
    messages = [item for item in reading if not isinstance(item, Row)]
    if reading.header is None:
        raise EpisodeError(f"the black box '{folder}' is damaged: {reading.damage}")
    return BlackBox(
        folder=folder,
        header=reading.header,
        stop=stop_of(reading.header),
        messages=messages,
        damage=reading.damage,
    )


def read_stop(folder: Path) -> Stop:
    """Returns the stop of a black box without reading the rest; raises EpisodeError."""
    return stop_of(read_header(_file(folder)))


def stop_of(header: EpisodeHeader) -> Stop:
    """Returns the stop that a header speaks of; one that does not say when: at its creation."""
    extra, at = header.extra, header.extra.get('stopped', '')
    return Stop(
        int(at) if STAMP.fullmatch(at) and int(at) < STAMP_LIMIT else header.created,
        _names(extra.get('causes', '')),
        _names(extra.get('reasons', '')),
    )


def _file(folder: Path) -> Path:
    path = folder / FILE
    return path if path.exists() else folder / (FILE + '.active')


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(',') if name)


def _new_folder(root: Path, stopped: int) -> Path:
    place = inside(root, BLACK_BOX)
    name = datetime.fromtimestamp(stopped // 10**9, timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    try:
        for number in range(1000):
            folder = place / (f'{name}-{number}' if number else name)
            if not folder.exists():
                folder.mkdir(parents=True)
                return folder
    except OSError as error:
        raise EpisodeError(f"cannot keep a black box in '{place}': {error}") from error
    raise MotoError(f"no free name for '{name}' in '{place}'; empty it")


def _delete_oldest(root: Path, keep: int, new: Path) -> None:
    """Deletes what was written first, whatever the clock of stamps says, and never `new`."""
    others = sorted((folder for folder in black_boxes(root) if folder != new), key=_written)
    for folder in others[: max(0, len(others) + 1 - keep)]:
        shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path) -> int:
    with suppress(OSError):
        return folder.stat().st_mtime_ns
    return 0


def _age(folder: Path) -> tuple[str, int]:
    name, _, number = folder.name.partition('-')
    return name, int(number or 0)
