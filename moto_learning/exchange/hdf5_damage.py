"""What is wrong with an HDF5 file that cannot be read, and what to do about it.

In: the path, the name of what was read in it, the library's error. Out: a sentence that begins
with the path. Nothing is read here but the file's size and its first bytes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

AGAIN = 'copy or download it again'
SIGNATURE = b'\x89HDF\r\n\x1a\n'
FILTER = re.compile(r'not registered|plugin|required filter', re.IGNORECASE)  # no damage


def unopened(path: Path, error: Exception) -> str:
    """Returns why the file at `path` cannot be opened."""
    words = _inner(error)
    if isinstance(error, OSError) and error.errno:
        return f"cannot read '{path}': {os.strerror(error.errno)}"
    if not path.stat().st_size:
        return f"'{path}' is empty; expected an HDF5 file: {AGAIN}"
    if sizes := re.search(r'truncated file: eof = (\d+),.*stored_eof = (\d+)', words):
        have, told = sizes.groups()
        return (
            f"'{path}' is cut short: it has {have} of the {told} bytes that it tells of; {AGAIN}"
        )
    if 'signature not found' in words:
        with path.open('rb') as file:
            begins = file.read(len(SIGNATURE))
        return (
            f"'{path}' is no HDF5 file, or its beginning is damaged: it begins with {begins!r}, "
            f'such a file with {SIGNATURE!r}; look what it is, or {AGAIN}'
        )
    return f"'{path}' is damaged, HDF5 says '{words}': {AGAIN}"


def unread(path: Path, name: str, error: Exception) -> str:
    """Returns why `name` cannot be read in the file at `path`."""
    words = _inner(error)
    if isinstance(error, OSError) and error.errno:
        return f"cannot read '{name}' in '{path}': {os.strerror(error.errno)}"
    if isinstance(error, OSError) and FILTER.search(words):
        return (
            f"'{path}': '{name}' is compressed by what h5py has no filter for here, HDF5 says "
            f"'{words}': write it anew with gzip ('h5repack -f GZIP=4', where it can be read)"
        )
    if isinstance(error, (TypeError, OverflowError)):
        return f"'{path}': h5py cannot read '{name}' ({words})"
    return f"'{path}' is damaged at '{name}', HDF5 says '{words}': {AGAIN}"


def _inner(error: Exception) -> str:
    """Returns the library's words without what it was doing, on one line."""
    said = ' '.join(str(error.args[-1] if error.args else error).split())
    found = re.fullmatch(r'[^(]*\((.*)\)', said)
    return found[1] if found else said
