"""Checkpoints: a folder each, whole or absent, checked whole at load, without running anything.

    <run>/checkpoints/<updates>/{state.pt, config.yaml, meta.json}
    <run>/checkpoints/.<updates>.{new, old, gone}   being written; replaced; removed

In: tensors, numbers and strings. Out: the same, loaded with torch's weights_only reader. meta.json
holds a SHA-256 of each file and of itself: it proves that nothing was damaged, not who wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from moto_core.config import load_config, to_dict, to_yaml
from moto_core.durable import sync_folder, write_synced
from moto_core.errors import MotoError, one_line
from moto_core.spec import Setup, Spec, spec_from_dict
from moto_learning.agents.learner import Learner, make_learner
from moto_learning.config import Config
from moto_learning.run.machine import machine_name

FORMAT = 2
FOLDER = 'checkpoints'
STATE, CONFIG, META = 'state.pt', 'config.yaml', 'meta.json'


class CheckpointError(MotoError):
    """A checkpoint that is missing, damaged, of another format or cannot be written."""


class Checkpoint(NamedTuple):
    """A loaded checkpoint."""

    path: Path
    learner: dict[str, Any]  # the learner's state
    run: dict[str, Any]  # counters, replay, averages: what else the next update depends on
    config: Config
    spec: Spec
    # format, hashes, updates, kept, git, torch, machine, data, episodes, setup, counters
    meta: dict[str, Any]

    @property
    def setup(self) -> Setup:
        """The setup of the episodes it learned from; Setup() if it is not known."""
        return load_config(Setup, self.meta.get('setup', {}))


def save_checkpoint(
    run: Path,
    learner: Mapping[str, Any],
    state: Mapping[str, Any],
    config: Config,
    spec: Spec,
    meta: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Writes a checkpoint beside its final name, syncs it to disk, renames it; returns its path.

    `learner` holds tensors and numbers, `state` what JSON can hold. `meta` must hold 'updates';
    'kept' marks a milestone. Of the others that are whole this one and the last before it stay,
    `keep` in all; what is damaged, foreign or a link stays too. Raises CheckpointError if it
    cannot be written; those that are there stay.
    """
    folder = run / FOLDER / f'{meta["updates"]:08d}'
    if folder.is_symlink():
        raise CheckpointError(
            f"cannot write checkpoint '{folder}': a link is there; remove the link, or put in its "
            'place what it points to'
        )
    new = folder.with_name(f'.{folder.name}.new')
    about = {
        'format': FORMAT,
        'git': git_hash(),
        'torch': torch.__version__,
        'machine': machine_name(),
        'spec': to_dict(spec),
        **meta,
        'kept': bool(meta.get('kept')) or _may_be_milestone(folder),
    }
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        with (new / STATE).open('wb') as stream:
            torch.save({'learner': dict(learner), 'run': json.dumps(state)}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        write_synced(new / CONFIG, to_yaml(config).encode())
        about['hashes'] = {name: _hash_file(new / name) for name in (STATE, CONFIG)}
        about['hash'] = _hash_meta(about)
        write_synced(new / META, json.dumps(about).encode())
        _put_in_place(new, folder)
    except (OSError, RuntimeError) as error:  # torch wraps some of the stream's
        shutil.rmtree(new, ignore_errors=True)
        left = [path.name for path in _checkpoints(run)]
        raise CheckpointError(
            f"cannot write checkpoint '{folder}' ({one_line(error, 200)}); free some space, then "
            f'--resume goes on from {left[-1] if left else "nothing: there is none yet"}'
        ) from error
    try:
        for old in _superfluous(run, folder, keep - (not about['kept'])):
            gone = old.with_name(f'.{old.name}.gone')
            old.rename(gone)  # half removed, it must not look like a damaged one, which stays
            shutil.rmtree(gone)
    except OSError as error:
        raise CheckpointError(
            f"cannot remove an old checkpoint ({one_line(error, 200)}); '{folder}' is whole and "
            '--resume goes on from it'
        ) from error
    return folder


def tidy_checkpoints(run: Path) -> None:
    """Clears away what a killed process left half done; the caller holds the run's lock.

    What is not named as this module names it, or is no folder, stays. Raises CheckpointError
    if the disk refuses.
    """
    try:
        for left in sorted((run / FOLDER).glob('.[0-9]*')):
            found = _LEFT.fullmatch(left.name)
            if not found or left.is_symlink() or not left.is_dir():
                continue
            folder = left.with_name(found['name'])
            if found['kind'] == 'old' and not folder.exists():
                left.rename(folder)  # killed between the two renames
            else:
                shutil.rmtree(left)
    except OSError as error:
        raise CheckpointError(
            f"cannot tidy '{run / FOLDER}' ({one_line(error, 200)}); make it writable"
        ) from error


def latest_checkpoint(run: Path) -> Path:
    """Returns the last checkpoint's folder of a run, or `run` itself if it is one.

    Raises CheckpointError if there is none.
    """
    if (run / STATE).exists():
        return run
    found = _checkpoints(run)
    if not found:
        raise CheckpointError(
            f"no checkpoint under '{run}'; expected {FOLDER}/<updates>/{STATE} "
            "there. 'moto-train --out' makes a run"
        )
    return found[-1]


def load_checkpoint(run: Path | str, device: str = 'cpu') -> Checkpoint:
    """Loads a run's last checkpoint, or the one at the path; raises CheckpointError."""
    path = latest_checkpoint(Path(run))
    meta = _read_meta(path)
    with contents_of(path):
        _check_kinds(meta)
        state = torch.load(path / STATE, map_location=device, weights_only=True)
        learner, said = state['learner'], json.loads(state['run'])
        if not isinstance(learner, dict) or not isinstance(said, dict):
            raise TypeError(f"'learner' and 'run' are {type(learner)} and {type(said)}")
        return Checkpoint(
            path=path,
            learner=learner,
            run=said,
            config=load_config(Config, path / CONFIG),
            spec=spec_from_dict(meta['spec']),
            meta=meta,
        )


def restore(learner: Learner, checkpoint: Checkpoint) -> None:
    """Gives a new learner the checkpoint's state; raises CheckpointError if it is another's."""
    with contents_of(checkpoint.path):
        learner.load_state_dict(checkpoint.learner)


def load_learner(run: Path | str, device: str = 'cpu') -> Learner:
    """Returns the learner of a run's last checkpoint; raises CheckpointError."""
    return learner_of(load_checkpoint(run, device), device)


def learner_of(checkpoint: Checkpoint, device: str = 'cpu') -> Learner:
    """Returns a loaded checkpoint's learner; raises CheckpointError if it is another's."""
    learner = make_learner(checkpoint.config, checkpoint.spec, device)
    restore(learner, checkpoint)
    return learner


@contextmanager
def contents_of(path: Path) -> Iterator[None]:
    """Turns what wrong contents raise into one line."""
    try:
        yield
    except MotoError as error:
        raise CheckpointError(f"checkpoint '{path}': {error}") from error
    except (OSError, MemoryError, torch.OutOfMemoryError) as error:  # it may well be whole
        raise CheckpointError(
            f"cannot load checkpoint '{path}': {one_line(error, 200)}"
        ) from error
    except Exception as error:  # noqa: BLE001 - torch raises many kinds
        raise CheckpointError(
            f"checkpoint '{path}' does not hold what this run saves "
            f'({type(error).__name__}: {one_line(error, 200)}); {_ADVICE}'
        ) from error


_ADVICE = 'remove it to continue from the one before'
_LEFT = re.compile(r'\.(?P<name>[0-9]{8,})\.(?P<kind>new|old|gone)')
_KINDS: dict[str, type] = {  # of what meta.json holds beside its hashes and the spec
    'updates': int,
    'kept': bool,
    'git': str,
    'torch': str,
    'machine': str,
    'data': list,
    'episodes': list,
    'setup': dict,
    'counters': dict,
}


def _read_meta(path: Path) -> dict[str, Any]:
    """Returns meta.json once it and the files that it names have the hashes that they had."""
    with _reading(path):
        meta = _own_meta(path)
        for name in (STATE, CONFIG):
            if meta['hashes'][name] != _hash_file(path / name):
                raise ValueError(f'{name} is not as it was written')
    return meta


def _own_meta(path: Path) -> dict[str, Any]:
    """Returns meta.json if it has the hash that it had; says nothing of the files beside it."""
    with _reading(path):
        meta = json.loads((path / META).read_text())
        if not isinstance(meta, dict):
            raise ValueError(f'{META} holds a {type(meta).__name__}')
        if meta.get('format') != FORMAT:
            raise CheckpointError(
                f"checkpoint '{path}' has format {meta.get('format')}; this version reads "
                f'{FORMAT}: start a new run'
            )
        if meta.get('hash') != _hash_meta(meta):
            raise ValueError(f'{META} is not as it was written')
        return meta


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tells damage from an error of the machine, in one line each."""
    try:
        yield
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"checkpoint '{path}' is damaged ({one_line(error, 200)}); {_ADVICE}"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"cannot read checkpoint '{path}': {one_line(error, 200)}"
        ) from error


def _check_kinds(meta: Mapping[str, Any]) -> None:
    """Raises what `contents_of` turns into one line; what an older checkpoint lacks is fine."""
    for name, kind in _KINDS.items():
        value = meta.get(name, None if name == 'updates' else kind())
        if type(value) is not kind:
            raise TypeError(f'{META} has {name} {value!r}; expected {kind.__name__}')
        if kind is list and not all(isinstance(item, str) for item in meta.get(name, ())):
            raise TypeError(f'{META} has {name} {value!r}; expected texts')
    load_config(Setup, meta.get('setup', {}))


def _hash_file(path: Path) -> str:
    with path.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def _hash_meta(meta: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in meta.items() if name != 'hash'}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _put_in_place(new: Path, folder: Path) -> None:
    """Renames `new` to `folder`; one of the same update that is there makes room, then goes."""
    old = folder.with_name(f'.{folder.name}.old')
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _superfluous(run: Path, written: Path, most: int) -> list[Path]:
    """Lists the whole checkpoints beside `written` but for the milestones and the last `most`.

    What is not whole is not ours to judge: it may be a milestone, or of another version. A link
    leads to what lies elsewhere.
    """
    others = [path for path in _checkpoints(run) if path != written and not path.is_symlink()]
    found = [path for path in others if not _may_be_milestone(path) and _is_whole(path)]
    return found[: len(found) - max(most, 0)] if len(found) > most else []


def _may_be_milestone(folder: Path) -> bool:
    """Whether a checkpoint is there that is a milestone, or whose meta.json cannot be believed."""
    try:
        return folder.exists() and _own_meta(folder).get('kept') is True
    except CheckpointError:
        return True


def _is_whole(folder: Path) -> bool:
    try:
        _read_meta(folder)
    except CheckpointError:
        return False
    return True


@cache
def git_hash() -> str:
    """Returns the commit of the checkout this file is in, '+' if it was changed; '' without one.

    It is asked once a process: what runs is what was imported.
    """
    here = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            [
                'git',
                '-C',
                str(here),
                'describe',
                '--always',
                '--abbrev=40',
                '--exclude=*',
                '--dirty=+',
            ],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ''
    return found.stdout.strip()


def _checkpoints(run: Path) -> list[Path]:
    """Lists a run's checkpoints in order of their updates, whole or not."""
    found = [path for path in run.glob(f'{FOLDER}/[0-9]*') if path.name.isdecimal()]
    return sorted((path for path in found if path.is_dir()), key=lambda path: int(path.name))
