"""The demonstration's settings and its folder, which a file of its own marks.

In: --out, `key=value`, --resume. Out: DemoConfig and a folder that nothing else lies in.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from moto_core.command import output_folder
from moto_core.config import config_file, load_config, to_dict
from moto_core.durable import replace_synced
from moto_core.errors import ConfigError
from moto_core.fields import number, setting
from moto_core.lock import LockHeldError, hold_lock
from moto_learning.config import Config
from moto_learning.rounds.settings import RoundSettings
from moto_sim.kitchen_task import kitchen_objects
from moto_sim.setups import choose_setup
from moto_sim.tasks import KITCHEN

MARKER = 'moto-demo.json'  # in a folder that moto-demo made; written before anything else
LOCK = 'LOCK'  # held while a moto-demo works in the folder


@dataclass(frozen=True)
class DemoConfig:
    """What the demonstration does; the defaults are what `make demo` runs."""

    task: str = setting('kitchen-microwave', 'a task of the Kitchen, as moto_sim names it')
    demonstrations: int = number(20, 'scripted episodes to learn from', low=1)
    noise: float = number(
        0.05, "standard deviation of the demonstrator's action noise", low=0, below=1
    )
    preset: str = setting('demo', 'config/train/<preset>.yaml')
    train: list[str] = setting(
        [
            'train.threads=2',  # 1.4 times as fast; where nothing drives beside it
            'train.offline_updates=400',
            'model.optimizer.decay_updates=2000',  # over the rounds too
            'actor_critic.actor.optimizer.decay_updates=2000',
        ],
        'further key=value for moto-train',
    )
    profile: str = setting('normal', "the guard's limits, in training and on the robot")
    starts: int = number(
        20, 'held-out starts, tried through ROS before, after, and with the camera covered', low=1
    )
    episodes: int = number(40, 'logged episodes of the rounds, learned from by label', low=1)
    first: int = number(
        10, 'of them, driven before the first round, which the robot waits for; 0: for none', low=0
    )
    round: list[str] = setting(
        ['episodes=5', 'episode_updates=40', 'held_out=0', 'lost=2'],  # of ten starts: chance
        'key=value for moto-finetune',
    )
    pause: int = number(3, '[s] between two of them, as a person needs to reset a scene', low=0)
    max_steps: int = number(60, 'decisions an episode at most', low=1)
    seed: int = number(
        0, 'of the demonstrations, the training and the resets', low=0, high=2**30 - 3000
    )


class Demo(NamedTuple):
    """A demonstration's settings and the hold on its folder, which `release` gives back."""

    config: DemoConfig
    lock: FileLock


def open_demo(out: Path, overrides: Sequence[str], resume: bool, config: str = '') -> Demo:
    """Makes the demonstration's folder, or opens the one to go on with, and holds it.

    `config` names a file of config/demo, or is one; its settings go below the overrides. An
    earlier demonstration there is kept under another name. Raises ConfigError for a task that
    cannot be demonstrated, a folder that holds anything else or in which another process works,
    and if `resume` would change a setting.
    """
    marker = out / MARKER
    if resume:
        if not marker.is_file():
            raise ConfigError(f"'{out}' holds no demonstration to go on with (no {MARKER})")
        with _held(out) as lock:
            return Demo(_resumed(marker, config, overrides), lock)
    chosen = load_config(DemoConfig, *demo_sources(config), overrides=overrides)
    trained = load_config(Config, config_file('train', chosen.preset), overrides=chosen.train)
    if trained.agent != 'moto':
        raise ConfigError(
            f"train sets agent={trained.agent}; the report shows a world model's predictions, "
            "which only 'moto' makes: leave it out"
        )
    _check_task(chosen)
    load_config(RoundSettings, overrides=chosen.round)
    if marker.is_file():
        _stored(marker)  # somebody else's file is not taken for ours
        with _held(out) as lock:
            _keep_earlier(out)
        lock.release()
    elif out.is_dir() and {path.name for path in out.iterdir()} - {LOCK}:
        raise ConfigError(
            f"'{out}' holds files and no demonstration (no {MARKER}); "
            'take a new or an empty folder for --out'
        )
    output_folder('--out', out)
    with _held(out) as lock:
        write_json(marker, {'task': chosen.task, 'seed': chosen.seed, 'config': to_dict(chosen)})
        return Demo(chosen, lock)


def demo_sources(config: str) -> list[Path]:
    """Returns the file that `--config` names; raises ConfigError if there is none."""
    return [config_file('demo', config)] if config else []


def read_json(path: Path) -> dict[str, Any]:
    """Returns the mapping in a JSON file, {} without the file; raises ConfigError if damaged."""
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"'{path}' is damaged: {error}; take another --out") from error
    if not isinstance(data, dict):
        raise ConfigError(f"'{path}' is damaged: it holds no mapping; take another --out")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Writes a JSON file, replaced as a whole."""
    replace_synced(path, json.dumps(data, indent=2).encode())


@contextmanager
def _held(out: Path) -> Iterator[FileLock]:
    """Holds the folder; it stays held unless the body raises."""
    try:
        lock = hold_lock(out / LOCK)
    except LockHeldError as error:
        raise ConfigError(
            f"another moto-demo works in '{out}' ({error}); wait for it, stop it first, or take "
            'another --out'
        ) from error
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def _check_task(config: DemoConfig) -> None:
    """Raises ConfigError for a task that the simulated robot cannot do under the profile."""
    if not config.task.startswith(KITCHEN):
        raise ConfigError(
            f"task '{config.task}' has no robot on ROS; take one of the Kitchen, say "
            'kitchen-microwave'
        )
    kitchen_objects(config.task)
    setup = choose_setup(config.task, profile=config.profile)
    if not setup.profile:
        raise ConfigError(f"profile is '{config.profile}'; on ROS nothing moves without a guard")


def _resumed(marker: Path, config: str, overrides: Sequence[str]) -> DemoConfig:
    """Returns the settings that a demonstration began with; refuses any other."""
    stored = _stored(marker)
    before = to_dict(stored)
    sources = demo_sources(config)
    wanted = load_config(DemoConfig, before, *sources, overrides=overrides)
    for key, value in to_dict(wanted).items():
        if value != before[key]:
            raise ConfigError(
                f'{key} is {before[key]} in this demonstration and cannot become {value}; '
                'leave it out, or take another --out'
            )
    return stored


def _stored(marker: Path) -> DemoConfig:
    config = read_json(marker).get('config')
    if not isinstance(config, dict):
        raise ConfigError(f"'{marker}' is damaged: it has no 'config'; take another --out")
    return load_config(DemoConfig, config)


def _keep_earlier(out: Path) -> None:
    """Renames an earlier demonstration's folder after the time of its last change."""
    place = Path(os.path.abspath(out))  # a link is renamed itself
    if Path.cwd().is_relative_to(place.resolve()):
        raise ConfigError(
            f"'{out}' holds a demonstration and you are in it, so it cannot be kept under "
            'another name; go elsewhere, or add --resume'
        )
    stamp = time.strftime('%Y%m%d-%H%M%S', time.localtime(place.stat().st_mtime))
    names = [f'{place.name}-{stamp}{end}' for end in ('', *(f'-{i}' for i in range(2, 100)))]
    free = [name for name in names if not place.with_name(name).exists()]
    place.rename(place.with_name(free[0]))
