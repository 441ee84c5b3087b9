"""One process at a time trains a run: a lock on its folder that dies with its holder.

In: a run's folder. Out: `<run>/LOCK`, held, with the holder's process in it.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from moto_core.errors import MotoError
from moto_core.lock import LockHeldError, hold_lock

FILE = 'LOCK'


class RunLockedError(MotoError):
    """A run that another process trains."""


def lock_run(run: Path) -> FileLock:
    """Returns the run's lock, held; `release` gives it back.

    Raises RunLockedError that names the holder, or says why the lock cannot be made.
    """
    path = run / FILE
    try:
        run.mkdir(parents=True, exist_ok=True)
        return hold_lock(path)
    except LockHeldError as error:
        raise RunLockedError(
            f"'{run}' is being trained by another process ({error}); wait for it or stop it first"
        ) from error
    except OSError as error:
        raise RunLockedError(f"cannot lock '{path}': {error}") from error
