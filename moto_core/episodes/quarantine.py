"""Where a dataset sets aside what does not belong: moved as it is, with the REASON beside it.

In: a folder of episodes/, or a damaged file. Out: its new place under quarantine/.
"""

from __future__ import annotations

import os
from pathlib import Path

from moto_core.durable import replace_synced
from moto_core.episodes.layout import EPISODES, QUARANTINE, inside
from moto_core.errors import DatasetError

REASON = 'REASON'


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


def _write_reason(folder: Path, reason: str) -> None:
    replace_synced(folder / REASON, (reason + '\n').encode(errors='backslashreplace'))


def _new_place(root: Path, name: str) -> Path:
    """Makes a new, empty folder in quarantine/."""
    folder = inside(root, QUARANTINE)
    for number in range(1_000_000):
        place = folder / (f'{name}-{number}' if number else name)
        if not os.path.lexists(place):
            place.mkdir(parents=True)
            return place
    raise DatasetError(f"no free name for '{name}' in '{folder}'; empty it")
