"""What an imported episode holds as one hash: under one mapping, a recording has the same.

In: a header, the bytes of its rows. Out: the header with the hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row, info_to_json

CONTENTS = 'contents'  # in a header's `extra`


def with_contents(header: EpisodeHeader, pieces: Iterable[bytes]) -> EpisodeHeader:
    """Returns the header with a hash of task, spec and `pieces`: neither where it lay nor when."""
    found = hashlib.sha256(f'{header.task}\n{header.source}\n{header.spec.hash}\n'.encode())
    for piece in pieces:
        found.update(piece)
    return replace(header, extra={**header.extra, CONTENTS: found.hexdigest()[:32]})


def row_bytes(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yields all that the rows hold: numbers, flags and images."""
    for row in rows:
        yield json.dumps([row.stamp, info_to_json(row)]).encode()
        images = (row.images[name] for name in sorted(row.images))
        for values in (row.requested, row.executed, row.proprioception, *images):
            if values is not None:
                yield np.ascontiguousarray(values).tobytes()
