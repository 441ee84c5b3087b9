"""Where a dataset sets aside what does not belong: moved as it is, with the REASON beside it.

In: a folder of episodes/, or a damaged file. Out: its new place under quarantine/; the ids that
somebody discarded. A closed episode.mcap lies in quarantine/ only if it was taken out as it was:
what a recovery puts there is called otherwise.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from moto_core.durable import replace_synced
from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.episode import FILE
from moto_core.episodes.layout import EPISODES, QUARANTINE, inside
from moto_core.errors import DatasetError, one_line
from moto_core.plain_file import is_plain, read_plain

REASON = 'REASON'
DAMAGED = FILE + '.damaged'  # what a recovery calls a file that is not whole
_LIMIT = 1 << 12  # [bytes] of a REASON that is shown
_PLACE = re.compile(rf'({EPISODE_ID.pattern})(-\d+)?')  # as _new_place names one


def set_folder_aside(root: Path, name: str, reason: str) -> Path:
    """Moves a folder (or whatever else has this name) out of episodes/; returns its new place.

    A link is moved itself. Raises DatasetError, and moves nothing, if that cannot be done.
    """
    found = inside(root, EPISODES) / name
    if name != found.name or not os.path.lexists(found):
        raise DatasetError(f"nothing is called '{name}' in '{found.parent}'")
    if found.is_symlink() or not found.is_dir():
        return set_file_aside(root, found, name, reason)
    try:
        place = _new_place(root, name)
        _write_reason(found, reason)
        found.replace(place)
    except OSError as error:
        raise DatasetError(f"cannot move '{found}' to {QUARANTINE}/: {error}") from error
    return place


def set_file_aside(root: Path, path: Path, name: str, reason: str) -> Path:
    """Moves one file into a new folder of quarantine/ that begins with `name`; returns that."""
    try:
        place = _new_place(root, name)
        _write_reason(place, reason)
        path.replace(place / path.name)
    except OSError as error:
        raise DatasetError(f"cannot move '{path}' to {QUARANTINE}/: {error}") from error
    return place


def set_damaged_aside(root: Path, name: str, reason: str) -> Path:
    """Moves a folder that no recovery can use out of episodes/; returns its new place.

    Its closed file, if it has one, is called damaged there: nobody discarded the episode, and a
    sound copy of it may come. Raises DatasetError as `set_folder_aside` does.
    """
    place = set_folder_aside(root, name, reason)
    try:
        if is_plain(place / FILE):
            (place / FILE).rename(place / DAMAGED)
    except OSError as error:
        raise DatasetError(f"cannot rename '{place / FILE}': {error}") from error
    return place


def discarded(root: Path) -> dict[str, Path]:
    """Returns the ids of the closed episodes that were taken out, each with its place there.

    Raises DatasetError if quarantine/ is a link or cannot be read.
    """
    folder = inside(root, QUARANTINE)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DatasetError(f"cannot read '{folder}': {error}") from error
    places = [(_PLACE.fullmatch(name), folder / name) for name in names]
    return {
        found[1]: place
        for found, place in places
        if found and not place.is_symlink() and is_plain(place / FILE)
    }


def why_discarded(place: Path) -> str:
    """Says why an episode that lies in episodes/ too is not used, and what to do."""
    try:
        reason = one_line(read_plain(place / REASON, _LIMIT).decode(errors='replace'), 200)
    except OSError:
        reason = 'no reason is given'
    return (
        f"it was discarded ({reason.strip()}) and is not used: it lies in '{place}' too. "
        "'moto-data remove' takes it out here as well; to have it back, remove that folder"
    )


def _write_reason(folder: Path, reason: str) -> None:
    replace_synced(folder / REASON, (reason + '\n').encode(errors='backslashreplace'))


def _new_place(root: Path, name: str) -> Path:
    """Makes a new, empty folder in quarantine/.

    A copy that somebody called like a second place of an episode takes no episode out.
    """
    folder = inside(root, QUARANTINE)
    if _PLACE.fullmatch(name) and not EPISODE_ID.fullmatch(name):
        name = f'{name}-copy'
    for number in range(1_000_000):
        place = folder / (f'{name}-{number}' if number else name)
        if not os.path.lexists(place):
            place.mkdir(parents=True)
            return place
    raise DatasetError(f"no free name for '{name}' in '{folder}'; empty it")
