"""Where the things of a dataset lie: derived from checked ids, and never outside its folder.

In: the dataset's folder, an id. Out: paths without a link on the way.

    dataset/manifest.jsonl                      what is known of each episode (derived)
    dataset/LOCK                                held by the one process that records
    dataset/episodes/<ulid>/episode.mcap        with labels.jsonl and metadata.yaml beside it
    dataset/cache/                              made from the episodes at will
    dataset/quarantine/<ulid>/                  what was set aside, each with a REASON
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.episode import FILE
from moto_core.errors import DatasetError

EPISODES, CACHE, QUARANTINE = 'episodes', 'cache', 'quarantine'
FOLDERS = (EPISODES, CACHE, QUARANTINE)
MANIFEST, LOCK = 'manifest.jsonl', 'LOCK'


def inside(root: Path, *names: str) -> Path:
    """Returns the path of `names` under the dataset; raises DatasetError if one is a link."""
    path = root
    for name in names:
        if name in ('', '.', '..') or '/' in name or '\0' in name:
            raise DatasetError(f"'{name}' is no name of a file in '{root}'")
        path = path / name
        if path.is_symlink():
            raise DatasetError(
                f"'{path}' is a link; a dataset keeps its files itself. Put the files "
                'in its place, or remove it'
            )
    return path


def check_root(root: Path) -> None:
    """Raises DatasetError if one of the dataset's own folders or its LOCK is a link."""
    for name in (*FOLDERS, LOCK):
        inside(root, name)


def episode_folder(root: Path, episode: str) -> Path:
    """Returns the folder of an id; raises DatasetError for no ULID and for a link."""
    if not EPISODE_ID.fullmatch(episode):
        raise DatasetError(f"'{episode}' is no episode id; expected a ULID of 26 characters")
    return inside(root, EPISODES, episode)


def episode_file(root: Path, episode: str) -> Path:
    """Returns the path of an id's episode.mcap; raises like `episode_folder`."""
    return inside(root, EPISODES, episode_folder(root, episode).name, FILE)


def folder_names(root: Path) -> list[str]:
    """Lists what lies in episodes/, in order; hidden names are copies under way."""
    folder = inside(root, EPISODES)
    return sorted(name for name in os.listdir(folder) if not name.startswith('.'))


def check_place(root: Path) -> None:
    """Raises DatasetError unless a dataset may lie at `root`, or be made there; makes nothing."""
    place = next((path for path in (root, *root.parents) if os.path.exists(path)), root)
    problem = '' if os.access(place, os.W_OK | os.X_OK) else 'cannot be written'
    if not os.path.isdir(place):
        problem = 'is not a folder'
    if problem:
        raise DatasetError(f"cannot make a dataset at '{root}': '{place}' {problem}")


def make_folders(root: Path) -> list[Path]:
    """Makes what is missing of a dataset's folders; returns what it made, outermost first.

    Raises DatasetError, and leaves nothing empty, if one cannot be made.
    """
    check_place(root)
    made: list[Path] = []
    wanted = [path for path in (*reversed(root.parents), root) if not path.exists()]
    try:
        for path in (*wanted, *(root / name for name in FOLDERS)):
            if _make_folder(path):
                made.append(path)
    except OSError as error:
        if not os.path.lexists(root / LOCK):  # nobody else uses them
            _remove_empty(made)
        raise DatasetError(f"cannot make a dataset at '{root}': {error}") from error
    return made


def remove_folders(root: Path, made: Sequence[Path]) -> None:
    """Takes a dataset back that could not be made whole; what holds anything stays.

    The caller holds its LOCK: otherwise this takes them from the one who does.
    """
    _remove_empty([path for path in made if path.parent == root])
    if root / EPISODES in made and not (root / EPISODES).exists():
        with suppress(OSError):
            (root / LOCK).unlink(missing_ok=True)
    _remove_empty([path for path in made if path.parent != root])


def _remove_empty(folders: Sequence[Path]) -> None:
    for path in reversed(folders):
        with suppress(OSError):
            path.rmdir()


def _make_folder(path: Path) -> bool:
    """Returns whether it made the folder; another process may make it at the same time."""
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True
