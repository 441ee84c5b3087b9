"""The checkpoints of a run: which is the last, which go, what a killed process left half done.

    <run>/checkpoints/<updates>/                    one checkpoint (checkpoint_files.py)
    <run>/checkpoints/.<updates>.{new, old, gone}   being written; replaced; removed

In: a run's folder. Out: checkpoints, written, loaded, pruned.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto_core.errors import one_line
from moto_core.spec import Spec
from moto_learning.agents.learner import Learner
from moto_learning.config import Config
from moto_learning.run.checkpoint import Checkpoint, learner_of, read_checkpoint
from moto_learning.run.checkpoint_files import (
    CONFIG,
    STATE,
    CheckpointError,
    anew,
    is_sound,
    is_whole,
    may_be_milestone,
    write_checkpoint,
)

FOLDER = 'checkpoints'
_LEFT = re.compile(r'\.[0-9]{8,}\.(new|old|gone)')


def save_checkpoint(
    run: Path,
    learner: Mapping[str, Any],
    state: Mapping[str, Any],
    config: Config,
    spec: Spec,
    meta: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Writes a checkpoint, then removes those that it makes superfluous; returns its path.

    `meta` must hold 'updates'; 'kept' marks a milestone; 'sound' is False if training may be
    diverging. Of the others this one and the last whole ones before it stay, `keep` in all, and
    so does the last sound one. Raises CheckpointError if it cannot be written; those that are
    there stay.
    """
    folder = run / FOLDER / f'{meta["updates"]:08d}'
    if folder.is_symlink():
        raise CheckpointError(
            f"cannot write checkpoint '{folder}': a link is there; remove the link, or put in its "
            'place what it points to'
        )
    kept = bool(meta.get('kept')) or (folder.exists() and may_be_milestone(folder))
    try:
        write_checkpoint(folder, learner, state, config, spec, {**meta, 'kept': kept})
    except (OSError, RuntimeError) as error:  # torch wraps some of the stream's
        left = checkpoints_of(run)
        then = f'--resume goes on from {left[-1].name}' if left else anew(run)
        raise CheckpointError(
            f"cannot write checkpoint '{folder}' ({one_line(error, 200)}); free some space, then "
            f'{then}'
        ) from error
    try:
        for old in _superfluous(run, folder, keep - (not kept), meta.get('sound', True)):
            gone = old.with_name(f'.{old.name}.gone')
            old.rename(gone)  # half removed, it must not look like a damaged one, which stays
            shutil.rmtree(gone)
    except OSError as error:
        raise CheckpointError(
            f"cannot remove an old checkpoint ({one_line(error, 200)}); '{folder}' is whole and "
            '--resume goes on from it'
        ) from error
    return folder


def load_checkpoint(run: Path | str, device: str = 'cpu') -> Checkpoint:
    """Loads a run's last checkpoint, or the one at the path; raises CheckpointError."""
    return read_checkpoint(latest_checkpoint(Path(run)), device)


def load_learner(run: Path | str, device: str = 'cpu') -> Learner:
    """Returns the learner of a run's last checkpoint; raises CheckpointError."""
    return learner_of(load_checkpoint(run, device), device)


def latest_checkpoint(run: Path) -> Path:
    """Returns the last checkpoint's folder of a run, or `run` itself if it is one.

    Raises CheckpointError if there is none.
    """
    if (run / STATE).exists():
        return run
    found = checkpoints_of(run)
    if not found and (run / CONFIG).exists():
        raise CheckpointError(f"no checkpoint under '{run}' yet; if it was stopped, {anew(run)}")
    if not found:
        raise CheckpointError(
            f"no checkpoint under '{run}'; expected {FOLDER}/<updates>/{STATE} "
            "there. 'moto-train --out' makes a run"
        )
    return found[-1]


def is_begun(run: Path) -> bool:
    """Says whether a run has a checkpoint, or one that a kill left half replaced."""
    replaced = (left for left in (run / FOLDER).glob('.[0-9]*.old') if _is_left(left))
    return bool(checkpoints_of(run)) or any(replaced)


def checkpoints_of(run: Path) -> list[Path]:
    """Lists a run's checkpoints in order of their updates, whole or not."""
    found = [path for path in run.glob(f'{FOLDER}/[0-9]*') if path.name.isdecimal()]
    return sorted((path for path in found if path.is_dir()), key=lambda path: int(path.name))


def last_sound(run: Path) -> Path | None:
    """Returns the last whole checkpoint that was saved while training was sound, or None."""
    for path in reversed(checkpoints_of(run)):
        if is_sound(path) and is_whole(path):
            return path
    return None


def tidy_checkpoints(run: Path) -> None:
    """Clears away what a killed process left half done; the caller holds the run's lock.

    What is not named as this module names it, or is no folder, stays. Raises CheckpointError
    if the disk refuses.
    """
    try:
        for left in sorted((run / FOLDER).glob('.[0-9]*')):
            if not _is_left(left):
                continue
            _, name, kind = left.name.split('.')
            folder = left.with_name(name)
            if kind == 'old' and not folder.exists():
                left.rename(folder)  # killed between the two renames
            else:
                shutil.rmtree(left)
    except OSError as error:
        raise CheckpointError(
            f"cannot tidy '{run / FOLDER}' ({one_line(error, 200)}); make it writable"
        ) from error


def _is_left(path: Path) -> bool:
    """Says whether a folder is named as this module names what is half done."""
    return bool(_LEFT.fullmatch(path.name)) and not path.is_symlink() and path.is_dir()


def _superfluous(run: Path, written: Path, most: int, sound: bool) -> list[Path]:
    """Lists the checkpoints beside `written` that come before the last `most` whole ones.

    From the newest back each is read whole until so many are found to be: one that is damaged is
    not counted on, and those after the last that counts are not read. Unless `written` is sound
    the last whole one that is stays too. A milestone stays, so does one whose meta.json cannot be
    believed (it may be a milestone, or of another version), and a link, which leads to what lies
    elsewhere.
    """
    found: list[Path] = []
    for path in reversed(checkpoints_of(run)):
        if path == written or path.is_symlink() or may_be_milestone(path):
            continue
        wanted = not sound and is_sound(path)
        if most <= 0 and not wanted:
            found.append(path)
        elif is_whole(path):
            most -= 1
            sound |= wanted
    return found
