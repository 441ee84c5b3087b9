"""A checkpoint's files: written beside their place and renamed, believed if their hashes hold.

    <updates>/{state.pt, config.yaml, meta.json}

In: tensors, numbers and strings. Out: a folder, whole or absent; its meta.json. That holds a
SHA-256 of each file and of itself: it proves that nothing was damaged, not who wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch

from moto_core.config import to_dict, to_yaml
from moto_core.durable import sync_folder, write_synced
from moto_core.errors import MotoError, one_line
from moto_core.file_hash import hash_file
from moto_core.spec import Spec
from moto_learning.config import Config
from moto_learning.run.commit import git_hash
from moto_learning.run.machine import machine_name

FORMAT = 2
STATE, CONFIG, META = 'state.pt', 'config.yaml', 'meta.json'


class CheckpointError(MotoError):
    """A checkpoint that is missing, damaged, of another format or cannot be written."""


def write_checkpoint(
    folder: Path,
    learner: Mapping[str, Any],
    state: Mapping[str, Any],
    config: Config,
    spec: Spec,
    meta: Mapping[str, Any],
) -> None:
    """Writes a checkpoint beside `folder`, syncs it to disk, then renames it to `folder`.

    `learner` holds tensors and numbers, `state` what JSON can hold. Raises OSError or
    RuntimeError if it cannot be written: what is there stays.
    """
    new = folder.with_name(f'.{folder.name}.new')
    about = {
        'format': FORMAT,
        'git': git_hash(),
        'torch': torch.__version__,
        'machine': machine_name(),
        'spec': to_dict(spec),
        **meta,
    }
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        hashes = {STATE: _write_state(new / STATE, learner, state)}
        settings = to_yaml(config).encode()
        write_synced(new / CONFIG, settings)
        about['hashes'] = hashes | {CONFIG: hashlib.sha256(settings).hexdigest()}
        about['hash'] = _hash_meta(about)
        write_synced(new / META, json.dumps(about).encode())
        _put_in_place(new, folder)
    except (OSError, RuntimeError):
        shutil.rmtree(new, ignore_errors=True)
        raise


def may_be_milestone(folder: Path) -> bool:
    """Says whether a checkpoint is a milestone, or its meta.json cannot be believed."""
    try:
        return _own_meta(folder).get('kept') is True
    except CheckpointError:
        return True


def is_sound(folder: Path) -> bool:
    """Says whether a checkpoint was saved while training was sound, as far as it can be read."""
    try:
        return _own_meta(folder).get('sound', True) is True
    except CheckpointError:
        return False


def is_whole(folder: Path) -> bool:
    """Says whether every file of a checkpoint is as it was written; it reads them all."""
    try:
        read_meta(folder)
    except CheckpointError:
        return False
    return True


def advice(path: Path) -> str:
    """Says what to do about a checkpoint that is damaged."""
    names = [other.name for other in path.parent.glob('[0-9]*') if other.is_dir()]
    updates = [int(name) for name in names if name.isdecimal()]
    if path.name.isdecimal() and min(updates, default=-1) == int(path.name):
        return f'there is none before it: remove it, then {anew(path.parent.parent)}'
    return 'remove it to continue from the one before'


def anew(run: Path) -> str:
    """Says what begins a run again that has no checkpoint."""
    settings = f'--config {run / CONFIG} ' if (run / CONFIG).exists() else ''
    return (
        f"'moto-train {settings}--data DATASET --out {run}' (or its moto-sweep) begins the run "
        'anew and takes in again what it has collected'
    )


def read_meta(path: Path) -> dict[str, Any]:
    """Returns meta.json once it and the files that it names have the hashes that they had."""
    with _reading(path):
        meta = _own_meta(path)
        for name in (STATE, CONFIG):
            if meta['hashes'][name] != hash_file(path / name):
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
            f"checkpoint '{path}' is damaged ({one_line(error, 200)}); {advice(path)}"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"cannot read checkpoint '{path}': {one_line(error, 200)}"
        ) from error


class _Hashed:
    """A file as it is written, with the hash of what was written."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.hash = stream, hashlib.sha256()
        self.error: OSError | None = None  # of the disk; torch raises one of its own in its place

    def write(self, data: Any) -> int:
        """Writes bytes; returns how many."""
        self.hash.update(data)
        try:
            return self.stream.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Hands the file's buffer to the operating system."""
        self.stream.flush()


def _write_state(path: Path, learner: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Writes state.pt and syncs it to disk; returns its hash."""
    with path.open('wb') as stream:
        hashed = _Hashed(stream)
        kept: Any = hashed  # it has all of a file that torch asks for
        try:
            torch.save({'learner': dict(learner), 'run': json.dumps(state)}, kept)
        except RuntimeError as error:
            raise hashed.error or error from error
        stream.flush()
        os.fsync(stream.fileno())
    return hashed.hash.hexdigest()


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


def _hash_meta(meta: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in meta.items() if name != 'hash'}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
