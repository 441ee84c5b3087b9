"""One process at a time trains a run: a lock on its folder that dies with its holder.

In: a run's folder. Out: `<run>/LOCK`, held, with the holder's process in it.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from moto_core.errors import MotoError

FILE = 'LOCK'


class RunLockedError(MotoError):
    """A run that another process trains."""


def lock_run(run: Path) -> FileLock:
    """Returns the run's lock, held; `release` gives it back.

    Raises RunLockedError that names the holder, or says why the lock cannot be made.
    """
    path = run / FILE
    lock = FileLock(path)
    try:
        run.mkdir(parents=True, exist_ok=True)
        holder = path.read_text().strip() if path.exists() else ''
        lock.acquire(blocking=False)
        path.write_text(
            f'pid {os.getpid()} on {socket.gethostname()} '
            f'since {time.strftime("%Y-%m-%d %H:%M:%S")}\n'
        )
    except Timeout as error:
        raise RunLockedError(
            f"'{run}' is being trained by another process ({holder or 'unknown'}); "
            'wait for it or stop it first'
        ) from error
    except OSError as error:
        lock.release()
        raise RunLockedError(f"cannot lock '{path}': {error}") from error
    return lock
