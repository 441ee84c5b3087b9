"""One process at a time records into a dataset, and a second one is told who does.

In: the dataset's folder. Out: a held FileLock.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from moto_core.episodes.layout import LOCK, inside, remove_folders
from moto_core.errors import DatasetError
from moto_core.lock import LockHeldError, hold_lock
from moto_core.plain_file import is_plain


def acquire(root: Path) -> FileLock:
    """Takes the dataset's LOCK and writes this process's number into it.

    Raises DatasetError if another process holds it or it cannot be written.
    """
    path = inside(root, LOCK)
    if path.exists() and not is_plain(path):
        raise DatasetError(f"'{path}' is no plain file; remove it")
    try:
        return hold_lock(path)
    except LockHeldError as error:
        raise DatasetError(
            f"another recorder holds '{root}' ({error}); stop it "
            'first, or choose another dataset folder'
        ) from error
    except OSError as error:
        raise DatasetError(f"cannot lock '{path}': {error}") from error


def take_back(root: Path, made: Sequence[Path], held: FileLock | None) -> None:
    """Removes the folders `made` of a dataset that could not be opened, and gives its LOCK back.

    Without `held` it takes the LOCK for that, and removes nothing if another process has it.
    """
    lock = held or FileLock(root / LOCK)
    with suppress(Timeout, OSError):
        if made and held is None:
            lock.acquire(blocking=False)
        if lock.is_locked:
            remove_folders(root, made)
    lock.release()
