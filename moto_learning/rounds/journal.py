"""The rounds of a run, a line each: what was taken in, tried and published, or refused and why.

In: Rounds. Out: `<run>/rounds.jsonl`, and beside a bundle `<hash>.json`, the same about it, which
travels with it. A line that is torn or holds anything else is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from moto_core.durable import append_synced, replace_synced
from moto_core.errors import MotoError
from moto_core.plain_file import read_plain
from moto_core.strict_json import parse_json, read_maps

FILE = 'rounds.jsonl'  # in a run's folder
LIMIT = 1 << 20  # [bytes] of the file beside a bundle


class RoundError(MotoError):
    """A round that cannot be written down, or another process that publishes to the same place."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One candidate: what it learned from, what was found of it, and whether it is used."""

    number: int  # 0: the policy that the run had before its first round
    updates: int  # of the run, before it was exported
    bundle: str  # its hash; '' if it could not be exported
    used: str  # hash of the bundle in use before; '' none
    published: bool
    why: str = ''  # it was refused; '' if it was not
    note: str = ''  # why its bundle has no limits of the surprise; '' if it has some
    new: int = 0  # episodes taken in
    labelled: int = 0  # episodes of which a label was taken in
    episodes: int = 0  # in replay
    successes: int = 0  # of them
    starts: list[bool] = field(default_factory=list)  # success at each start of the simulator
    used_starts: list[bool] = field(default_factory=list)  # those of the bundle in use
    seed: int = 0  # of the first start, another in each round
    error: float | None = None  # mean, on episodes that were kept apart; None: there were none
    used_error: float | None = None  # that of the bundle in use, on the same
    apart: int = 0  # episodes that these are of
    seconds: float = 0.0  # of training and trial
    metrics: dict[str, float] = field(default_factory=dict)  # mean of the last updates'


def read_rounds(run: Path) -> list[Round]:
    """Returns the rounds of a run, the oldest first."""
    found = [_sound(line) for line in read_maps(run / FILE)]
    return [one for one in found if one is not None]


def read_about(bundle: Path) -> Round | None:
    """Returns what is known of a bundle from the file beside it; None if there is none."""
    with suppress(OSError, ValueError):
        line = parse_json(read_plain(_beside(bundle), LIMIT))
        found = _sound(line) if isinstance(line, dict) else None
        return found if found is not None and found.bundle == bundle.name else None
    return None


def write_about(bundle: Path, found: Round) -> None:
    """Writes what is known of a bundle beside it; raises RoundError if it cannot be written."""
    path = _beside(bundle)
    try:
        replace_synced(path, json.dumps(asdict(found), indent=1).encode() + b'\n')
    except OSError as error:
        raise RoundError(f"cannot write '{path}': {error.strerror or error}") from error


def append_round(run: Path, found: Round) -> None:
    """Appends a round to the run's; raises RoundError if it cannot be written."""
    path = run / FILE
    try:
        append_synced(path, json.dumps(asdict(found)).encode())
    except OSError as error:
        raise RoundError(f"cannot write '{path}': {error.strerror or error}") from error


def _beside(bundle: Path) -> Path:
    return bundle.with_name(f'{bundle.name}.json')


def _sound(line: Mapping[str, Any]) -> Round | None:
    """Returns the round that a line tells of; None if it is damaged."""
    with suppress(TypeError):
        found = Round(**line)
        if _is_sound(found):
            return found
    return None


def _is_sound(found: Round) -> bool:
    texts = (found.bundle, found.used, found.why, found.note)
    counts = [found.number, found.updates, found.new, found.labelled, found.episodes]
    counts += [found.successes, found.seed, found.apart]
    numbers = [found.seconds, *(one for one in (found.error, found.used_error) if one is not None)]
    return (
        all(isinstance(text, str) and text.isprintable() for text in texts)
        and all(type(count) is int and count >= 0 for count in counts)
        and all(type(number) in (int, float) for number in numbers)
        and isinstance(found.published, bool)
        and all(isinstance(starts, list) for starts in (found.starts, found.used_starts))
        and all(isinstance(one, bool) for one in (*found.starts, *found.used_starts))
        and isinstance(found.metrics, dict)
        and all(type(value) in (int, float) for value in found.metrics.values())
    )
