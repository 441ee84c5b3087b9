"""The labels an episode is given afterwards: lines that are only ever added, the last one wins.

In: an episode's folder. Out: `labels.jsonl`, the outcome that it gives. What a success classifier
says counts only where nobody else said anything, whichever came first.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

from moto_core.durable import append_synced
from moto_core.episodes.episode import OUTCOMES
from moto_core.errors import DatasetError, unknown_name
from moto_core.plain_file import is_plain, read_plain
from moto_core.row import STAMP_LIMIT
from moto_core.strict_json import parse_json

LABELS = 'labels.jsonl'
LIMIT = 1 << 20  # [bytes] of the file: it is not read, and takes no label, over it
BY = 200  # characters of who says so
CLASSIFIER = 'classifier:'  # how a success classifier's `by` begins
AHEAD = 86_400 * 10**9  # [ns] that another machine's clock may be ahead of ours


class _Label(NamedTuple):
    outcome: str
    by: str  # who says so
    at: int  # [ns]
    rows: int  # that the episode has at least, if the label is right; 0: it does not say


class Labels(NamedTuple):
    """What the labels of one episode say."""

    outcome: str  # of the line that counts; '' if there is none
    problem: str  # '' if every line is a label
    by: str = ''  # who says so, in the line that counts
    rows: int = 0  # of the episode that this line speaks of; 0: it does not say


def is_by_classifier(by: str) -> bool:
    """Says whether a label is a success classifier's."""
    return by.startswith(CLASSIFIER)


def read_labels(folder: Path) -> Labels:
    """Returns what the good lines of an episode's folder say; bad ones are left out and counted.

    The last line counts that is no success classifier's; without one, the last of those.
    """
    try:
        lines = _lines(folder)
    except OSError as error:
        return Labels('', f'{LABELS} is left out: {error}')
    good = [label for label in map(_parse, lines) if label]
    bad = len(lines) - len(good)
    problem = f'{bad} of {len(lines)} lines of {LABELS} are no label and left out' if bad else ''
    counted = [label for label in good if not is_by_classifier(label.by)] or good
    if not counted:
        return Labels('', problem)
    last = counted[-1]
    return Labels(outcome=last.outcome, problem=problem, by=last.by, rows=last.rows)


def add_label(folder: Path, label: str, by: str, rows: int = 0) -> None:
    """Appends one label to the episode's file and syncs it; earlier lines stay.

    `rows` says of how many rows it speaks, where the episode is not closed yet. Raises
    DatasetError for an unknown label, a `by` of over 200 characters, and if the file is a link,
    full or cannot be written.
    """
    if label not in OUTCOMES:
        raise DatasetError(unknown_name('label', label, OUTCOMES))
    if len(by) > BY:
        raise DatasetError(f"'by' has {len(by)} characters; expected a name of at most {BY}")
    line = {'label': label, 'by': by, 'at': time.time_ns(), **({'rows': rows} if rows else {})}
    _append(folder, json.dumps(line).encode())


def take_labels(source: Path, folder: Path) -> int:
    """Appends the labels of another copy of an episode that are later than the last one here.

    Only the lines after the last one that both files hold are compared. Within a file a later
    line is later, whatever its clock says: its time is at least that of the lines before it. A
    time over a day ahead of now says nothing. So the last line of the later file wins. Success
    classifiers' lines are compared among themselves: they never outdate another one.
    Returns how many came. Raises DatasetError as `add_label` does.
    """
    try:
        ours, theirs = _lines(folder), _lines(source)
    except OSError as error:
        raise DatasetError(
            f"cannot read the labels in '{folder}' and '{source}': {error}"
        ) from error
    later = [
        line
        for of_classifiers in (False, True)
        for line in _later(_only(ours, of_classifiers), _only(theirs, of_classifiers))
    ]
    for line in later:
        _append(folder, line)
    return len(later)


def _only(lines: list[bytes], of_classifiers: bool) -> list[bytes]:
    """Returns the labels of success classifiers, or all the others."""
    labels = [(line, _parse(line)) for line in lines]
    return [line for line, one in labels if one and is_by_classifier(one.by) == of_classifiers]


def _later(ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    """Returns which of their lines are later than all of ours."""
    now = time.time_ns()
    last = max((at for _, at in _times(_unshared(ours, theirs), now)), default=-1)
    return [line for line, at in _times(_unshared(theirs, ours), now) if at > last]


def _unshared(lines: list[bytes], others: list[bytes]) -> list[bytes]:
    """Returns the lines after the last label that the other file holds too."""
    known = set(others)
    shared = [n for n, line in enumerate(lines, 1) if line in known and _parse(line)]
    return lines[shared[-1] :] if shared else lines


def _times(lines: list[bytes], now: int) -> list[tuple[bytes, int]]:
    """Returns each label's line with its time [ns], which never goes back."""
    found, latest = [], 0
    for line in lines:
        label = _parse(line)
        if label is not None:
            latest = max(latest, label.at if label.at <= now + AHEAD else 0)
            found.append((line, latest))
    return found


def _lines(folder: Path) -> list[bytes]:
    path = folder / LABELS
    if not path.exists() and not path.is_symlink():
        return []
    return read_plain(path, LIMIT).splitlines()


def _append(folder: Path, line: bytes) -> None:
    path = folder / LABELS
    try:
        if path.exists() and not is_plain(path):
            raise OSError('it is no plain file')
        if path.exists() and path.stat().st_size + len(line) + 2 > LIMIT:
            raise OSError(f'it is full: at most {LIMIT} bytes are read. Remove lines from it')
        append_synced(path, line)
    except OSError as error:
        raise DatasetError(f"cannot label in '{path}': {error}") from error


def _parse(line: bytes) -> _Label | None:
    """Returns the label that a line gives, None if it is none."""
    try:
        item = parse_json(line)
    except ValueError:
        return None
    if not isinstance(item, dict) or item.get('label') not in OUTCOMES:
        return None
    by, at, rows = item.get('by', ''), item.get('at', 0), item.get('rows', 0)
    if not isinstance(by, str) or type(at) is not int or type(rows) is not int:
        return None
    if not 0 <= at < STAMP_LIMIT or rows < 0:
        return None
    return _Label(outcome=item['label'], by=by, at=at, rows=rows)
