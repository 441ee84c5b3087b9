"""Brings a dataset's folder in order: unfinished and damaged episodes keep their whole rows.

In: a dataset's folder, held by its LOCK. Out: Findings; what cannot be kept is in quarantine/.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from moto_core.durable import clear_unfinished
from moto_core.episode_id import EPISODE_ID
from moto_core.episodes.bag import METADATA, write_bag_metadata
from moto_core.episodes.episode import FILE
from moto_core.episodes.examine import Finding, examine
from moto_core.episodes.labels import add_label, read_labels
from moto_core.episodes.layout import EPISODES, MANIFEST, folder_names, inside
from moto_core.episodes.quarantine import set_damaged_aside, set_file_aside
from moto_core.episodes.recovery import recover
from moto_core.errors import DatasetError, EpisodeError
from moto_core.plain_file import is_plain

ACTIVE = FILE + '.active'
UNKNOWN = (
    '; its outcome, if it had one, was in the end that is lost: it is unlabelled; label it if '
    'what is left shows one'
)
PART = re.compile(r'\.[0-9A-Z]{26}\.part')  # a copy that was under way; its source has it whole


def unfinished(root: Path, skip: frozenset[str]) -> list[Path]:
    """Lists the files of episodes that were never closed, but for the ids in `skip`."""
    folders = [inside(root, EPISODES) / name for name in folder_names(root) if name not in skip]
    paths = [folder / ACTIVE for folder in folders if folder.is_dir() and not folder.is_symlink()]
    return [path for path in paths if os.path.lexists(path)]  # a closed folder is said elsewhere


def why_unfinished(path: Path) -> str:
    """Says why an episode's unfinished file is there, and what becomes of it."""
    if os.path.lexists(path.with_name(FILE)):
        return f'it lies beside a closed {FILE}: moto-data recover sets it aside'
    return 'it is being recorded, or its recorder died: moto-data recover closes it'


def recover_unfinished(root: Path, skip: frozenset[str]) -> list[Finding]:
    """Makes episodes of what a dead recorder left; removes copies and an index under way.

    Raises DatasetError if the disk refuses; what was not recovered stays as it was.
    """
    for path in inside(root, EPISODES).iterdir():
        if PART.fullmatch(path.name) and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # a folder that cannot be written: said where it matters
        clear_unfinished(root / MANIFEST)
    return [keep_whole_rows(root, path) for path in unfinished(root, skip)]


def keep_whole_rows(root: Path, path: Path) -> Finding:
    """Makes a whole episode of an unfinished or damaged file in episodes/<id>/.

    The damaged file goes to quarantine, and so does the whole folder if it holds no whole row, a
    row or a message that cannot be written again, or is no folder of the episode. Raises
    DatasetError if the disk refuses. A label 'success' of a damaged file is taken back, and that
    of an unfinished one if fewer rows are left than it speaks of: what it says was in the end
    that is lost. So was the outcome that the recorder wrote there, which no label tells.
    """
    folder = path.parent
    name, closed = folder.name, folder / FILE
    if path != closed and (closed.exists() or closed.is_symlink()):
        reason = f'it lay beside a closed {FILE}'
        return Finding(
            id=name, rows=0, reason=reason, path=set_file_aside(root, path, name, reason)
        )
    if not is_plain(path):
        reason = f'its {path.name} is a link or no plain file'
        return Finding(id=name, rows=0, reason=reason, path=set_damaged_aside(root, name, reason))
    try:
        found = examine(path)
        reason = found.damage or 'the recorder stopped without closing it'
        if not found.rows or found.header is None:
            reason = f'no whole row: {reason}'
            return Finding(
                id=name, rows=0, reason=reason, path=set_damaged_aside(root, name, reason)
            )
        if not EPISODE_ID.fullmatch(name) or found.header.id != name:
            reason = f'it holds episode {found.header.id}: a copy under another name; {reason}'
            return Finding(
                id=name, rows=found.rows, reason=reason, path=set_damaged_aside(root, name, reason)
            )
        final = recover(path)
        if not found.ended and (path == closed or found.rows < read_labels(folder).rows):
            reason += _take_success_back(folder)
        if not found.ended and path == closed and not read_labels(folder).outcome:
            reason += UNKNOWN
    except EpisodeError as error:
        if isinstance(error.__cause__, OSError):
            raise DatasetError(f"'{name}' stays as it was: {error}") from error
        reason = str(error)
        return Finding(id=name, rows=0, reason=reason, path=set_damaged_aside(root, name, reason))
    for damaged in folder.glob('*.damaged'):
        set_file_aside(root, damaged, name, reason)
    return Finding(id=name, rows=found.rows, reason=reason, path=final)


def _take_success_back(folder: Path) -> str:
    """Makes a success unlabelled, if it is one by label; returns what is said of it."""
    if read_labels(folder).outcome != 'success':
        return ''
    add_label(folder, 'unlabelled', 'recovery')
    return (
        "; its end is lost, and its label 'success' taken back: label it again if what is left "
        'shows the success'
    )


def add_bag_metadata(root: Path, names: Iterable[str]) -> None:
    """Makes each whole episode's folder a bag if it is none; raises DatasetError."""
    for name in names:
        folder = inside(root, EPISODES, name)
        if not is_plain(folder / METADATA):
            try:
                write_bag_metadata(folder)
            except EpisodeError as error:
                raise DatasetError(str(error)) from error
