"""Files that other people may have put there: plain ones only, and no more than is asked for.

In: a path. Out: bytes; OSError for a link, a pipe, a device, and what is too long.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_plain(path: Path) -> bool:
    """Says whether a file lies there that is neither a link nor a pipe nor a device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_plain(path: Path, limit: int) -> bytes:
    """Returns a file's bytes; raises OSError for a link, no plain file, and more than `limit`."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, 'rb') as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError('it is no plain file')
        if status.st_size > limit:
            raise OSError(f'it has {status.st_size} bytes; at most {limit} are read')
        return stream.read(limit)
