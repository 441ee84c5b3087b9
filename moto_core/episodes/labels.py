"""The labels people give an episode afterwards: lines that are only ever added, the last one wins.

In: an episode's folder. Out: `labels.jsonl`, the outcome that it gives.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

from moto_core.durable import append_synced
from moto_core.episodes.episode import OUTCOMES
from moto_core.episodes.layout import is_plain, read_plain
from moto_core.errors import DatasetError, unknown_name
from moto_core.strict_json import parse_json

LABELS = 'labels.jsonl'
LIMIT = 1 << 20  # [bytes] of the file
BY = 200  # characters of who says so


class Labels(NamedTuple):
    """What the labels of one episode say."""

    outcome: str  # of the last good line; '' where there is none
    problem: str  # '' where every line is a label


def read_labels(folder: Path) -> Labels:
    """Returns the last good label of an episode's folder; bad lines are left out and counted."""
    path = folder / LABELS
    if not path.exists() and not path.is_symlink():
        return Labels('', '')
    try:
        lines = read_plain(path, LIMIT).splitlines()
    except OSError as error:
        return Labels('', f'{LABELS} is left out: {error}')
    outcomes = [_outcome(line) for line in lines]
    good = [outcome for outcome in outcomes if outcome]
    bad = len(lines) - len(good)
    problem = f'{bad} of {len(lines)} lines of {LABELS} are no label and left out' if bad else ''
    return Labels(good[-1] if good else '', problem)


def add_label(folder: Path, label: str, by: str) -> None:
    """Appends one label to the episode's file and syncs it; earlier lines stay.

    Raises DatasetError for an unknown label, a `by` of over 200 characters, and where the file is
    a link or cannot be written.
    """
    if label not in OUTCOMES:
        raise DatasetError(unknown_name('label', label, OUTCOMES))
    if len(by) > BY:
        raise DatasetError(f"'by' has {len(by)} characters; expected a name of at most {BY}")
    path = folder / LABELS
    line = json.dumps({'label': label, 'by': by, 'at': time.time_ns()})
    try:
        if path.exists() and not is_plain(path):
            raise OSError('it is no plain file')
        append_synced(path, line.encode())
    except OSError as error:
        raise DatasetError(f"cannot label in '{path}': {error}") from error


def _outcome(line: bytes) -> str:
    try:
        item = parse_json(line)
    except ValueError:
        return ''
    if not isinstance(item, dict) or item.get('label') not in OUTCOMES:
        return ''
    return str(item['label']) if isinstance(item.get('by', ''), str) else ''
