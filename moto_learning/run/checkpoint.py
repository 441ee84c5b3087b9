"""Checkpoints: a folder each, whole or absent, readable without running anything in it.

    <run>/checkpoints/<updates>/{state.pt, config.yaml, meta.json}

In: tensors, numbers and strings. Out: the same, loaded with torch's weights_only reader.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from moto_core.config import load_config, to_dict, to_yaml
from moto_core.durable import sync_folder, write_synced
from moto_core.errors import MotoError
from moto_core.spec import Spec, spec_from_dict
from moto_learning.agents.moto import Agent
from moto_learning.config import Config

FORMAT = 1
FOLDER = 'checkpoints'


class CheckpointError(MotoError):
    """A checkpoint that is missing, damaged or of another format."""


class Checkpoint(NamedTuple):
    """A loaded checkpoint."""

    path: Path
    state: dict[str, Any]  # 'agent', 'replay' (JSON text), 'counters'
    config: Config
    spec: Spec
    meta: dict[str, Any]  # format, updates, git, torch, data, episodes, task


def save_checkpoint(
    run: Path,
    state: Mapping[str, Any],
    config: Config,
    spec: Spec,
    meta: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Writes a checkpoint beside its final name, syncs it to disk, renames it; returns its path.

    `meta` must hold 'updates'. All but the last `keep` checkpoints are removed.
    """
    folder = run / FOLDER / f'{meta["updates"]:08d}'
    new = folder.with_name(f'.{folder.name}.{os.getpid()}')
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    about = {
        'format': FORMAT,
        'git': git_hash(),
        'torch': torch.__version__,
        'spec': to_dict(spec),
        **meta,
    }
    with (new / 'state.pt').open('wb') as stream:
        torch.save(dict(state), stream)
        stream.flush()
        os.fsync(stream.fileno())
    for name, text in (('config.yaml', to_yaml(config)), ('meta.json', json.dumps(about))):
        write_synced(new / name, text.encode())
    shutil.rmtree(folder, ignore_errors=True)  # of the same update, from a run that was stopped
    new.rename(folder)
    sync_folder(folder.parent)
    for old in _checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return folder


def latest_checkpoint(run: Path) -> Path:
    """Returns the last checkpoint's folder of a run, or `run` itself where it is one.

    Raises CheckpointError where there is none.
    """
    if (run / 'state.pt').exists():
        return run
    found = _checkpoints(run)
    if not found:
        raise CheckpointError(
            f"no checkpoint under '{run}'; expected {FOLDER}/<updates>/state.pt "
            "there. 'moto-train --out' makes a run"
        )
    return found[-1]


def load_checkpoint(run: Path | str, device: str = 'cpu') -> Checkpoint:
    """Loads a run's last checkpoint, or the one at the path; raises CheckpointError."""
    path = latest_checkpoint(Path(run))
    try:
        meta = json.loads((path / 'meta.json').read_text())
        if meta.get('format') != FORMAT:
            raise CheckpointError(
                f"checkpoint '{path}' has format {meta.get('format')}; this version reads {FORMAT}"
            )
        state = torch.load(path / 'state.pt', map_location=device, weights_only=True)
    except MotoError:
        raise
    except Exception as error:  # noqa: BLE001 - torch raises many kinds
        raise CheckpointError(
            f"checkpoint '{path}' is damaged ({_one_line(error)}); remove it to "
            'continue from the one before'
        ) from error
    return Checkpoint(
        path, state, load_config(Config, path / 'config.yaml'), spec_from_dict(meta['spec']), meta
    )


def load_agent(run: Path | str, device: str = 'cpu') -> Agent:
    """Returns the agent of a run's last checkpoint; raises CheckpointError."""
    checkpoint = load_checkpoint(run, device)
    agent = Agent(checkpoint.config, checkpoint.spec, device)
    agent.load_state_dict(checkpoint.state['agent'])
    return agent


def git_hash() -> str:
    """Returns the commit of the checkout this file is in, '+' where it was changed; '' if none."""
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
    return sorted(path.parent for path in run.glob(f'{FOLDER}/[0-9]*/state.pt'))


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:200]
