"""One process at a time: a lock file that dies with its holder and says who that is.

In: the path of the lock file. Out: a held FileLock; the holder's process stands in the file.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from moto_core.errors import MotoError

_HOLDER = 200  # [bytes] of the line that says who holds it


class LockHeldError(MotoError):
    """A lock that another process holds; its message says who, or 'unknown'."""


def hold_lock(path: Path) -> FileLock:
    """Returns the lock at `path`, held; `release` gives it back.

    Raises LockHeldError while another process holds it, and OSError if it cannot be made.
    """
    holder, lock = _holder(path), FileLock(path)
    try:
        lock.acquire(blocking=False)
        since = time.strftime('%Y-%m-%d %H:%M:%S')
        path.write_text(f'pid {os.getpid()} on {socket.gethostname()} since {since}\n')
    except Timeout as error:
        raise LockHeldError(holder or 'unknown') from error
    except OSError:
        lock.release()
        raise
    return lock


def is_held(path: Path) -> bool:
    """Says whether somebody holds the lock at `path` now; makes and writes nothing."""
    try:
        with open(path, 'rb', opener=_plainly) as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # none is there, or it cannot be read
    return False


def _holder(path: Path) -> str:
    """Returns the line in the lock file, '' if there is none that can be shown."""
    try:
        with open(path, 'rb', opener=_plainly) as stream:
            text = stream.read(_HOLDER).decode(errors='replace').strip()
    except OSError:
        return ''
    return text if text.isprintable() else ''


def _plainly(path: str, flags: int) -> int:
    """Opens a file without following a link or waiting for a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
