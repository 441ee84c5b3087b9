"""Makes an episode of what a dead recorder left or a disk damaged.

In: `episode.mcap.active`, or a damaged `episode.mcap`. Out: `episode.mcap` with every whole row
before the damage.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from moto_core.episodes.bag import write_bag_metadata
from moto_core.episodes.episode import FILE
from moto_core.episodes.reader import Reading
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError
from moto_core.row import Row


def recover(active: Path | str) -> Path:
    """Makes `episode.mcap` of an unfinished or damaged file; returns its path.

    Keeps the raw messages and every whole row before the damage, streaming. The old file stays
    beside it as `*.damaged` if it holds a byte that was not understood. Raises EpisodeError
    (and changes nothing) if it holds no row, or if the new file cannot be written: from an
    OSError if it is the disk that refuses.
    """
    active = Path(active)
    final = active.with_name(active.name.removesuffix('.active'))
    rescue = active.with_name('rescue-' + final.name)
    try:
        _clear(rescue)  # of a recovery that was itself interrupted
        reading = _copy(active, rescue)
        if reading.damage and (reading.unread or active == final):
            keep_copy(active, active.with_name(final.name + '.damaged'))
        rescue.replace(final)
    except OSError as error:
        raise EpisodeError(f"cannot recover '{active}': {error}") from error
    finally:  # nothing is left of one that failed
        with suppress(OSError, EpisodeError):
            _clear(rescue)
    if active != final:
        active.unlink(missing_ok=True)
    if final.name == FILE:
        with suppress(EpisodeError):  # derived; made again at will
            write_bag_metadata(final.parent)
    return final


def _copy(active: Path, rescue: Path) -> Reading:
    """Writes the whole rows of `active` to `rescue` and closes it."""
    reading, writer = Reading(active, raw=True), None
    try:
        for item in reading:
            assert reading.header is not None
            writer = writer or EpisodeWriter(rescue, reading.header, floor=0)
            if isinstance(item, Row):
                writer.append(item)
            else:
                writer.raw(*item)
        if writer is None:
            reason = reading.damage or 'it is empty'
            raise EpisodeError(f"'{active}' cannot be recovered: {reason}")
        writer.close(reading.outcome, reading.ended or 'recovered')
    except EpisodeError:
        if writer is not None:
            writer.abandon()
        raise
    return reading


def _clear(rescue: Path) -> None:
    for left in (rescue, rescue.with_name(rescue.name + '.active')):
        _free(left)


def keep_copy(path: Path, copy: Path) -> None:
    """Gives a file a second name that outlives the first one, by a link if that works.

    Raises EpisodeError if a folder has that name, OSError if the disk refuses.
    """
    _free(copy)
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)


def _free(path: Path) -> None:
    """Removes the file that has a name; raises EpisodeError if it is a folder."""
    if path.is_dir() and not path.is_symlink():
        raise EpisodeError(f"'{path.name}' is a folder; a recovery writes a file of that name")
    path.unlink(missing_ok=True)
