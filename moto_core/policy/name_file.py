"""The file that names a policy: one line with the path of its folder, as moto-export writes it.

In: a path. Out: the folder that a name-file names, or the path itself where it is no file. Whoever
exports moves the name on; whoever runs the policy reads it anew. No message tells what else is in
a file that holds something else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from moto_core.errors import ConfigError

LONGEST = 4096  # [bytes] of a path


def named_folder(path: Path | str) -> Path:
    """Returns the folder that a name-file names; anything that is no file comes back as it is.

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
    if not line or not os.path.isdir(line):
        kind = 'a file' if stat.S_ISREG(mode) else 'neither a folder nor a file'
        raise ConfigError(
            f"'{path}' is {kind}; expected the folder of a bundle or of a run, or a file that "
            'holds one line with its path, as moto-export --name-file writes it'
        )
    return Path(line)


def _one_line(path: Path) -> str:
    """Returns the file's only line; '' if it holds anything else."""
    try:
        with path.open('rb') as stream:
            text = stream.read(LONGEST + 1).decode()  # a longer line is no path
    except (OSError, ValueError):
        return ''
    line = text.removesuffix('\n')
    return line if line.isprintable() else ''
