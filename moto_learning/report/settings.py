"""Which settings seeds of one row have alike, whatever the program has gained or lost since.

In: a run's config.yaml, which holds every setting of its time. Out: a hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from moto_core.config import flatten, load_config, to_dict
from moto_core.strict_yaml import read_yaml
from moto_learning.agents.unread import is_read
from moto_learning.config import Config

APART = (  # in which the seeds of one row may differ
    'seed',
    'evaluate',
    'collect.task',
    'train.online_episodes',
    'train.finetune_updates',
    'train.log_every',
    'train.save_every',
    'train.keep',
    'train.milestone_updates',
    'train.milestone_episodes',
    'train.threads',
    'train.device',
    'train.tensorboard',
    'train.wandb',
    'train.divergence',
)


def read_settings(path: Path) -> dict[str, Any]:
    """Returns the settings of a YAML file by dotted key, also those that the program has lost.

    Raises ConfigError if it cannot be read.
    """
    return dict(flatten(read_yaml(path)))


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Returns a hash of what the seeds of one row have alike: all but seed and length; '' unknown.

    What its agent does not read is none of it. A setting that the program has gained since the run
    began is at its default.
    """
    if not settings:
        return ''
    whole = {**_defaults(), **settings}
    kept = {key: value for key, value in whole.items() if not _apart(key) and is_read(whole, key)}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def otherwise(settings: Mapping[str, Any], preset: str, differences: Mapping[str, str]) -> str:
    """Says in what a row of runs differs from a preset, as key=value, seed and length apart.

    `differences` are the run's and, in brackets, the preset's values by setting.
    """
    said = [
        f'{key}={text.partition(" (")[0]}'
        for key, text in differences.items()
        if not _apart(key) and is_read(settings, key)
    ]
    return ', '.join(said) or f'as {preset} has them'


@cache
def _defaults() -> dict[str, Any]:
    return dict(flatten(to_dict(load_config(Config))))


def _apart(key: str) -> bool:
    return any(key == name or key.startswith(f'{name}.') for name in APART)
