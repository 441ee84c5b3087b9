"""What a robot gave up: a file beside the bundle, and the bundle to run in its place.

    use -- names --> b2     b2.given_up: why, and what the robot went back to --> b1 is run

In: the folders of bundles, a name-file. Out: `<hash>.given_up`, which travels with the bundle; the
folder to run. Whoever publishes writes another name; whoever deletes the file has the bundle tried
again.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moto_core.durable import replace_synced
from moto_core.errors import BundleError, one_line
from moto_core.plain_file import read_plain
from moto_core.policy.manifest import SHA256
from moto_core.policy.name_file import named_folder
from moto_core.strict_json import parse_json

SUFFIX = '.given_up'
LIMIT = 1 << 16  # [bytes] of the file


@dataclass(frozen=True)
class GivenUp:
    """Why a bundle is not run any more, and the hash of the one to run in its place ('' none)."""

    why: str
    instead: str


def give_up(bundle: Path, why: str, instead: str) -> None:
    """Writes beside a bundle that it was given up, and why.

    Raises BundleError if that cannot be written.
    """
    path = given_up_file(bundle)
    told = {
        'why': one_line(why, 1000),
        'instead': instead,
        'host': os.uname().nodename,
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }
    try:
        replace_synced(path, json.dumps(told, indent=1).encode() + b'\n')
    except OSError as error:
        raise BundleError(f"cannot write '{path}': {error.strerror or error}") from error


def take_back(bundle: Path) -> None:
    """Forgets that a bundle was given up; raises BundleError if the file cannot be removed."""
    path = given_up_file(bundle)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BundleError(f"cannot remove '{path}': {error.strerror or error}") from error


def read_given_up(bundle: Path) -> GivenUp | None:
    """Returns why a bundle was given up; None if it was not. A damaged file counts as one."""
    path = given_up_file(bundle)
    if not os.path.lexists(path):
        return None
    why, instead = f"'{path}' cannot be read", ''
    with suppress(OSError, ValueError):
        told = parse_json(read_plain(path, LIMIT))
        if isinstance(told, dict):
            why, instead = (str(told.get(key, '')) for key in ('why', 'instead'))
    return GivenUp(one_line(why, 1000), instead)


def folder_to_run(path: Path | str) -> Path:
    """Returns the folder to run of what a name-file names; a folder comes back as it is.

    That is what it names, behind a link too, or what was gone back to if that was given up.
    Raises ConfigError as `named_folder` does, BundleError if nothing is left.
    """
    folder = named_folder(path)
    if folder == Path(path):
        return folder
    folder = folder.resolve()  # a policy knows the folder itself, and is given up beside that
    first, seen = folder, set[str]()
    while (left := read_given_up(folder)) is not None:
        seen.add(folder.name)
        if left.instead in seen or not _is_bundles_folder(folder.parent, left.instead):
            raise BundleError(
                f"'{path}' names {first.name[:12]}, and {folder.name[:12]} was given up "
                f'({left.why}) with nothing beside it to run in its place; write another bundle '
                f"into the file, or delete '{given_up_file(folder)}' to try it again"
            )
        folder = folder.parent / left.instead
    return folder


def _is_bundles_folder(parent: Path, name: str) -> bool:
    """Says whether a name that a file told is a bundle's hash, and a folder of its own there."""
    folder = parent / name if re.fullmatch(SHA256, name) else None
    return folder is not None and folder.is_dir() and not folder.is_symlink()


def given_up_file(bundle: Path) -> Path:
    """Returns the file that says of a bundle that it was given up."""
    return bundle.with_name(f'{bundle.name}{SUFFIX}')
