"""Files that survive a loss of power: bytes and renames that have reached the disk."""

from __future__ import annotations

import os
from pathlib import Path


def write_synced(path: Path, data: bytes) -> None:
    """Writes a file and waits until the disk has it."""
    with path.open('wb') as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Makes a rename inside `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_synced(path: Path, data: bytes) -> None:
    """Gives `path` new contents at once: whoever reads it finds the old or the new, whole.

    A link at `path` is replaced, never followed. On OSError the old contents stay.
    """
    new = path.with_name(f'.{path.name}.{os.getpid()}')
    new.unlink(missing_ok=True)  # of a process that had this number and was killed
    try:
        with new.open('xb') as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def clear_unfinished(path: Path) -> None:
    """Removes what killed processes left of `replace_synced`; the caller alone writes `path`."""
    for left in path.parent.glob(f'.{path.name}.*'):
        if left.suffix[1:].isdecimal():
            left.unlink(missing_ok=True)


def append_synced(path: Path, line: bytes) -> None:
    """Appends one line (its newline is added) and waits until the disk has it.

    A torn last line is ended first, so that it spoils no other. A link is not followed: OSError.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(path, flags, 0o666)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b'\n'
        data = b'\n' * torn + line + b'\n'
        written = os.write(handle, data)
        if written != len(data):
            raise OSError(f'only {written} of {len(data)} bytes were written')
        os.fsync(handle)
    finally:
        os.close(handle)
