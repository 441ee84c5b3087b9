"""Makes an episode of what a dead recorder left or a disk damaged.

In: `episode.mcap.active`, or a damaged `episode.mcap`. Out: `episode.mcap` with every whole row
before the damage.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from moto_core.episodes.reader import Reading
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError
from moto_core.row import Row


def recover(active: Path | str) -> Path:
    """Makes `episode.mcap` of an unfinished or damaged file; returns its path.

    Keeps the raw messages and every whole row before the damage, streaming. The old file stays
    beside it as `*.damaged` where it holds a byte that was not understood. Raises EpisodeError
    (and changes nothing) where it holds no row, or where the new file cannot be written.
    """
    active = Path(active)
    final = active.with_name(active.name.removesuffix('.active'))
    rescue = active.with_name('rescue-' + final.name)
    for left in (rescue, rescue.with_name(rescue.name + '.active')):
        left.unlink(missing_ok=True)  # of a recovery that was itself interrupted
    reading, writer = Reading(active, raw=True), None
    for item in reading:
        assert reading.header is not None
        writer = writer or EpisodeWriter(rescue, reading.header, floor=0)
        if isinstance(item, Row):
            writer.append(item)
        else:
            writer.raw(*item)
    if writer is None:
        raise EpisodeError(f"'{active}' cannot be recovered: {reading.damage or 'it is empty'}")
    writer.close(reading.outcome, reading.ended or 'recovered')
    if reading.damage and (reading.unread or active == final):
        keep_copy(active, active.with_name(final.name + '.damaged'))
    rescue.replace(final)
    if active != final:
        active.unlink(missing_ok=True)
    return final


def keep_copy(path: Path, copy: Path) -> None:
    """Gives a file a second name that outlives the first one, by a link where that works."""
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
