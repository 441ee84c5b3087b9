"""One checkpoint as it is loaded: checked whole, read without running anything.

In: a checkpoint's folder (checkpoint_files.py). Out: Checkpoint, with torch's weights_only reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from moto_core.config import load_config
from moto_core.errors import MotoError, one_line
from moto_core.spec import Setup, Spec, spec_from_dict
from moto_learning.agents.learner import Learner, make_learner
from moto_learning.config import Config
from moto_learning.data.replay import Replay
from moto_learning.data.sources import open_datasets, read_episodes
from moto_learning.run.checkpoint_files import (
    CONFIG,
    META,
    STATE,
    CheckpointError,
    advice,
    read_meta,
)

KINDS: dict[str, type] = {  # of what meta.json holds beside its hashes and the spec
    'updates': int,
    'kept': bool,
    'sound': bool,
    'git': str,
    'torch': str,
    'machine': str,
    'settings': str,
    'data': list,
    'episodes': list,
    'setup': dict,
    'counters': dict,
}


class Checkpoint(NamedTuple):
    """A loaded checkpoint."""

    path: Path
    learner: dict[str, Any]  # the learner's state
    run: dict[str, Any]  # counters, replay, averages: what else the next update depends on
    config: Config
    spec: Spec
    # format, hashes, updates, kept, sound, settings (their name: resume.py), git, torch, machine,
    # data, episodes, setup, counters
    meta: dict[str, Any]

    @property
    def setup(self) -> Setup:
        """The setup of the episodes it learned from; Setup() if it is not known."""
        return load_config(Setup, self.meta.get('setup', {}))


def read_checkpoint(path: Path, device: str = 'cpu') -> Checkpoint:
    """Loads the checkpoint in a folder; raises CheckpointError."""
    meta = read_meta(path)
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


def learner_of(checkpoint: Checkpoint, device: str = 'cpu') -> Learner:
    """Returns a loaded checkpoint's learner; raises CheckpointError if it is another's."""
    learner = make_learner(checkpoint.config, checkpoint.spec, device)
    restore(learner, checkpoint)
    return learner


def learned_tasks(checkpoint: Checkpoint) -> set[str]:
    """Returns the tasks of the episodes that a run was given; none if they are not there."""
    there = [path for path in map(Path, checkpoint.meta.get('data', ())) if path.is_dir()]
    with suppress(MotoError):
        data = open_datasets(there)
        return {record.task for dataset in data for record in dataset.episodes()}
    return set()


def replay_of(checkpoint: Checkpoint, seed: int) -> Replay:
    """Returns a new replay of the datasets that a run was given, which draws as the run does.

    Raises DatasetError as `read_episodes` does.
    """
    c = checkpoint.config.replay
    given = read_episodes([Path(path) for path in checkpoint.meta['data']], c.success_parts)
    return Replay(given.episodes, c.batch, c.length, seed, c.successful)


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
            f'({type(error).__name__}: {one_line(error, 200)}); {advice(path)}'
        ) from error


def _check_kinds(meta: Mapping[str, Any]) -> None:
    """Raises what `contents_of` turns into one line; what an older checkpoint lacks is fine."""
    for name, kind in KINDS.items():
        value = meta.get(name, None if name == 'updates' else kind())
        if type(value) is not kind:
            raise TypeError(f'{META} has {name} {value!r}; expected {kind.__name__}')
        if kind is list and not all(isinstance(item, str) for item in meta.get(name, ())):
            raise TypeError(f'{META} has {name} {value!r}; expected texts')
    load_config(Setup, meta.get('setup', {}))
