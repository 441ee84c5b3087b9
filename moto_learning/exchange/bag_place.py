"""Which bags a place names, and the files of each: none outside its own folder.

In: a path. Out: paths of bags in order; of a bag's files in order. Nothing of them is opened but
metadata.yaml.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from moto_core.errors import DatasetError, EpisodeError, one_line
from moto_core.plain_file import is_plain, read_plain

METADATA = 'metadata.yaml'
METADATA_LIMIT = 1 << 20  # [bytes]
STORAGES = ('.mcap', '.db3')
INFORMATION = 'rosbag2_bagfile_information'
EXPECTED = 'a folder with metadata.yaml, a .mcap or .db3 file, or a folder of those'


def find_bags(place: Path) -> list[Path]:
    """Returns the bag at `place`, or those that lie in it, by name.

    Raises DatasetError if there is none.
    """
    if place.suffix == '.bag' and place.is_file():
        raise DatasetError(
            f"'{place}' is a bag of ROS 1; `rosbags-convert --src {place} --dst FOLDER` makes "
            'one of ROS 2'
        )
    if place.is_file() and place.suffix in STORAGES:
        return [place]
    if not place.is_dir():
        raise DatasetError(f"no bag at '{place}'; expected {EXPECTED}")
    if (place / METADATA).exists() or _lacks_metadata(place):
        return [place]
    bags = sorted(path for path in place.iterdir() if _looks_like_bag(path))
    if not bags:
        raise DatasetError(f"no bag in '{place}'; expected {EXPECTED}")
    return bags


def bag_files(bag: Path) -> list[Path]:
    """Returns the files of one bag, in the order of their messages.

    Raises EpisodeError for metadata that are missing, unreadable or name what is not a file of
    the folder itself, and for what a recorder compressed beyond its storage.
    """
    if bag.is_symlink():
        raise EpisodeError(f"'{bag}' is a link; name the bag itself")
    if not bag.is_dir():
        return [_plain(bag)]
    if not (bag / METADATA).exists():
        raise EpisodeError(
            f"'{bag}' has no {METADATA}: its recorder did not end. `ros2 bag reindex {bag}` "
            'makes one; or name one of its files'
        )
    told = _information(bag / METADATA)
    if told.get('compression_mode') or told.get('compression_format'):
        raise EpisodeError(
            f"'{bag}' is compressed by {told.get('compression_mode')!r}; unpack it with "
            f'`rosbags-convert --src {bag} --dst FOLDER`'
        )
    names = told.get('relative_file_paths')
    if not isinstance(names, list) or not names:
        raise EpisodeError(
            f"'{bag}/{METADATA}' says relative_file_paths {names!r}; expected a list of names"
        )
    return [_inside(bag, name) for name in names]


def _information(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(read_plain(path, METADATA_LIMIT))
        told = data[INFORMATION]
        if not isinstance(told, dict):
            raise ValueError(f'{INFORMATION} is no mapping')
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise EpisodeError(f"cannot read '{path}': {one_line(error)}") from error
    return told


def _inside(bag: Path, name: object) -> Path:
    """Returns a file that metadata name; older ones have the folder's name before it."""
    parts = PurePosixPath(name).parts if isinstance(name, str) else ()
    if not parts or len(parts) > 2 or {'..', '/'} & {*parts} or '\0' in parts[-1]:
        raise EpisodeError(
            f"'{bag}/{METADATA}' names the file {name!r}; expected one that lies in the folder"
        )
    return _plain(bag / parts[-1])


def _plain(path: Path) -> Path:
    if path.suffix not in STORAGES:
        raise EpisodeError(f"'{path}' is no bag's file; expected one of {', '.join(STORAGES)}")
    if not is_plain(path):
        raise EpisodeError(f"'{path}' is missing, or a link; expected a plain file")
    return path


def _looks_like_bag(path: Path) -> bool:
    if path.is_dir():
        return (path / METADATA).exists() or _lacks_metadata(path)
    return path.suffix in STORAGES


def _lacks_metadata(folder: Path) -> bool:
    """Says whether a recorder wrote this folder: its files have the folder's name."""
    name = re.compile(re.escape(folder.name) + r'(_\d+)?(\.mcap|\.db3)')
    return any(name.fullmatch(path.name) for path in folder.iterdir())
