"""The file that names a policy: one line with the path of its folder, as moto-export writes it.

In: a path. Out: the folder that a name-file names, or the path itself where it is no file; and the
file, written. Whoever exports moves the name on; whoever runs the policy reads it anew. No message
tells what else is in a file that holds something else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from moto_core.durable import replace_synced
from moto_core.errors import BundleError, ConfigError

LONGEST = 4096  # [bytes] of a path


def named_folder(path: Path | str) -> Path:
    """Returns the folder that a name-file names; anything that is no file comes back as it is.

    A path that is not absolute counts from the file's own folder, so that both may be copied.
    Raises ConfigError for a file without exactly one printable line, for a line that is no
    folder's path, and for what is neither a file nor a folder (a device, a pipe).
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return path  # whoever opens it says so
    if stat.S_ISDIR(mode):
        return path
    line = _one_line(path) if stat.S_ISREG(mode) else ''
    named = path.parent / line
    if not line or not os.path.isdir(named):
        kind = 'a file' if stat.S_ISREG(mode) else 'neither a folder nor a file'
        raise ConfigError(
            f"'{path}' is {kind}; expected the folder of a bundle or of a run, or a file that "
            'holds one line with its path, as moto-export --name-file writes it'
        )
    return named


def write_name(path: Path, bundle: Path) -> None:
    """Writes a bundle's path into a name-file, which is replaced as a whole.

    A bundle under the file's folder is named from there, another one absolutely. Raises
    BundleError if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        named, home = bundle.resolve(), path.parent.resolve()
        line = named.relative_to(home) if named.is_relative_to(home) else named
        replace_synced(path, f'{line}\n'.encode())
    except OSError as error:
        raise BundleError(f"cannot write '{path}': {error.strerror or error}") from error


def _one_line(path: Path) -> str:
    """Returns the file's only line; '' if it holds anything else."""
    try:
        with path.open('rb') as stream:
            data = stream.read(LONGEST + 1)
        text = data.decode() if len(data) <= LONGEST else ''  # a longer line is no path
    except (OSError, ValueError):
        return ''
    line = text.removesuffix('\n')
    return line if line.isprintable() else ''
