"""The bundle that a robot which follows a name-file has tried and kept: a name-file of its own.

    use -- names --> b2      use.kept -- names --> b1

In: a name-file. Out: `<name-file>.kept`, the robot's own (nobody copies it to another), and the
folder to begin with. What is named and was not kept yet is tried in the shadow of that one, after
a restart as before it.
"""

from __future__ import annotations

import os
from pathlib import Path

from moto_core.errors import BundleError, ConfigError
from moto_core.policy.given_up import folder_to_run
from moto_core.policy.name_file import write_name

SUFFIX = '.kept'


def keep(name_file: Path, bundle: Path) -> None:
    """Writes that a bundle is kept; raises BundleError if that cannot be written."""
    write_name(kept_file(name_file), bundle)


def kept_folder(name_file: Path) -> Path | None:
    """Returns the folder of the bundle that was kept; None before one was.

    What was given up since leads to what was gone back to, as with any name-file. Raises
    BundleError if it is not there any more.
    """
    path = kept_file(name_file)
    if not os.path.lexists(path):
        return None
    try:
        return folder_to_run(path)
    except (BundleError, ConfigError) as error:
        raise BundleError(
            f'what the robot drove with before cannot be begun with: {error}; bring it back, or '
            f"delete '{path}' to begin with what '{name_file}' names, untried"
        ) from error


def kept_file(name_file: Path) -> Path:
    """Returns the file that names what was kept of a name-file."""
    return name_file.with_name(f'{name_file.name}{SUFFIX}')
