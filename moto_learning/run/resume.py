"""What may change when a run is resumed: each setting is honoured or refused, never ignored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moto_core.config import flatten, load_config, to_dict
from moto_core.errors import ConfigError
from moto_core.strict_yaml import read_yaml
from moto_learning.config import Config
from moto_learning.run.checkpoint import Checkpoint
from moto_learning.run.checkpoint_files import CONFIG
from moto_learning.run.checkpoints import is_begun, tidy_checkpoints
from moto_learning.run.lock import lock_run

FIXED = (
    'agent',
    'seed',
    'model.encoder',
    'model.rssm.deter',
    'model.rssm.stoch',
    'model.rssm.classes',
    'model.rssm.hidden',
    'model.rssm.members',
    'model.reward',
    'model.reward_likelihood',
    'actor_critic.actor.head',
    'actor_critic.actor.initial_std',
    'actor_critic.critic.head',
    'actor_critic.critic.members',
    'actor_critic.critic.normalize',
    'actor_critic.critic.zero_start',
    'latent.temperature',
    'model_free.encoder',
    'model_free.head',
    'model_free.sac.temperature',
)
"""Settings that shaped the networks or the random state when the run began."""


LENGTHS = ('offline_updates', 'episode_updates')  # of `train`: how much is learned before what


def learning_hash(config: Config) -> str:
    """Returns a hash of the settings that decide what a run does until its next online episode.

    How long it goes on, how it is evaluated and what it writes are not among them.
    """
    return _hash(to_dict(config))


def names_of(config: Config, resumed: Checkpoint | None) -> tuple[str, ...]:
    """Returns what a run's journal and evaluations may call its settings; its own name is first.

    A run keeps its name until its settings change: once the program has gained a setting, the
    `learning_hash` of the same settings is another. Before checkpoints held it, the name was that
    of every setting of its time, and evaluations had none ('').
    """
    now = learning_hash(config)
    if resumed is None or learning_hash(resumed.config) != now:
        return (now,)
    if resumed.meta.get('settings'):
        return resumed.meta['settings'], now
    return _hash(read_yaml(resumed.path / CONFIG)), now, ''


def tidy_run(run: Path) -> None:
    """Puts a checkpoint of a begun run back that a killed process was replacing.

    It may be the last. Raises RunLockedError if another process trains the run.
    """
    if not is_begun(run):
        return
    lock = lock_run(run)
    try:
        tidy_checkpoints(run)
    finally:
        lock.release()


def resumed_config(stored: Config, file: Path | None, overrides: Sequence[str]) -> Config:
    """Returns the stored settings with those of a file and of `key=value` over them.

    Raises ConfigError if one of FIXED would change.
    """
    sources: list[Any] = [to_dict(stored)] + ([file] if file else [])
    config = load_config(Config, *sources, overrides=overrides)
    before, after = dict(flatten(to_dict(stored))), dict(flatten(to_dict(config)))
    for name, value in after.items():
        fixed = any(name == key or name.startswith(f'{key}.') for key in FIXED)
        if fixed and value != before[name]:
            raise ConfigError(
                f'{name} is {before[name]} in this run and cannot become {value}: '
                'it was fixed when the run began. Start a new run for it'
            )
    return config


def _hash(settings: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in settings.items() if name != 'evaluate'}
    kept['train'] = {name: settings['train'][name] for name in LENGTHS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
