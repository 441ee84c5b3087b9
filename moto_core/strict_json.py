"""JSON that other people may have written: what is ambiguous, endless or no number is refused.

In: bytes or text. Out: plain values, or ValueError with one line of why.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from moto_core.errors import one_line

DEPTH = 16  # of lists and maps in each other; a header has 4
DIGITS = 20  # of a whole number of 64 bits, with its sign


def parse_json(data: bytes | str) -> Any:
    """Returns the value of a JSON text.

    Raises ValueError for text that is not UTF-8 or not JSON, a repeated key, NaN, Infinity, a
    number beyond a double (1e999), a whole one beyond 64 bits, and lists and maps nested deeper
    than 16.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError as error:
        raise ValueError(f'it is nested deeper than {DEPTH}') from error
    _check_depth(value)
    return value


def read_maps(path: Path) -> list[dict[str, Any]]:
    """Returns the JSON maps of a file of lines; none of a missing file.

    A line that is torn or is no map is left out. Raises OSError if the file cannot be read.
    """
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with suppress(ValueError):
            value = parse_json(line)
            found += [value] if isinstance(value, dict) else []
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key {one_line(ascii(key), 80)} is there twice')
        found[key] = value
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f'{text[:40]} is beyond every number that a double can be')
    return value


def _whole(text: str) -> int:
    value = int(text) if len(text) <= DIGITS else None
    if value is None or not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f'{text[:40]} is beyond the whole numbers of 64 bits')
    return value


def _refuse(name: str) -> Any:
    raise ValueError(f'{name} is no JSON number')


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        maps = [item for x in level if isinstance(x, dict) for item in x.values()]
        lists = [item for x in level if isinstance(x, list) for item in x]
        level = [x for x in (*maps, *lists) if isinstance(x, (dict, list))]
        if not level:
            return
    raise ValueError(f'it is nested deeper than {DEPTH}')
