"""The hash of a file's bytes, however large it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

PIECE = 1 << 20  # [bytes] read at once


def hash_file(path: Path) -> str:
    """Returns the SHA-256 of a file; raises OSError. (hashlib.file_digest is of Python 3.11.)"""
    found = hashlib.sha256()
    with path.open('rb') as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
    return found.hexdigest()
