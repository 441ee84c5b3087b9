"""One process at a time records into a dataset, and a second one is told who does.

In: the dataset's folder. Out: a held FileLock.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from moto_core.episodes.layout import LOCK, inside, is_plain, read_plain
from moto_core.errors import DatasetError

HOLDER = 200  # [bytes] of the line that says who records


def acquire(root: Path) -> FileLock:
    """Takes the dataset's LOCK and writes this process's number into it.

    Raises DatasetError where another process holds it or it cannot be written.
    """
    path = inside(root, LOCK)
    if path.exists() and not is_plain(path):
        raise DatasetError(f"'{path}' is no plain file; remove it")
    holder, lock = _holder(path), FileLock(path)
    try:
        lock.acquire(blocking=False)
        path.write_text(_ourselves())
    except Timeout as error:
        raise DatasetError(
            f"another recorder holds '{root}' ({holder or 'unknown'}); stop it "
            'first, or choose another dataset folder'
        ) from error
    except OSError as error:
        lock.release()
        raise DatasetError(f"cannot lock '{path}': {error}") from error
    return lock


def _ourselves() -> str:
    since = time.strftime('%Y-%m-%d %H:%M:%S')
    return f'pid {os.getpid()} on {socket.gethostname()} since {since}\n'


def _holder(path: Path) -> str:
    try:
        text = read_plain(path, HOLDER).decode(errors='replace').strip()
    except OSError:
        return ''
    return text if text.isprintable() else ''
