"""The launch arguments by name, as the launch file and moto-up take them, and how they are read.

In: words of a command line, {name: text}. Out: the same with defaults; their truths and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from moto_core.errors import ConfigError, unknown_name

ARGUMENTS: dict[str, tuple[str, str]] = {  # name: (default, meaning)
    'sim': ('false', "true: the simulated robot (the twin) in place of a real one's drivers"),
    'robot_type': ('', 'fr3 (default) or panda, or a robot YAML; with sim:=true kitchen_sim'),
    'robot_ip': ('', "address of a real robot; with it the launch file starts Franka's drivers"),
    'namespace': ('', 'namespace of every node and relative topic'),
    'command_mode': ('', 'trajectory (default) or velocity_array (default with sim:=true)'),
    'policy': (
        'zero',
        "folder of a policy bundle (or a file with its path), or 'zero' or 'random' for a dry run",
    ),
    'config': ('franka_kitchen', 'name in config/ros, or path of a YAML'),
    'record': ('true', 'true: record episodes'),
    'dataset': ('runs/dataset', 'folder of the recorded episodes'),
    'dry_run': ('', 'true: compute everything, command nothing; default true on a real robot'),
    'use_sim_time': ('false', 'true: take time from /clock'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'profile': ('', "the guard's limits: commissioning, normal or ceiling; default the config's"),
    'task': ('', "the twin's task and the episodes' label; default the config's"),
    'seed': ('', "of the twin's first reset; default the config's"),
}
WHOLE = re.compile(r'[0-9]{1,100}')  # int() takes more: 1_000, another script's digits
NAMESPACE = re.compile(r'/?([A-Za-z_]\w*)(/[A-Za-z_]\w*)*/?', re.ASCII)
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')


def resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Returns every argument's value; raises ConfigError for an unknown name.

    The namespace and the log level, which no node could refuse in a sentence, are checked too.
    """
    for name in given:
        if name not in ARGUMENTS and '.' not in name:
            raise ConfigError(unknown_name('argument', name, ARGUMENTS))
    defaults = {name: default for name, (default, _) in ARGUMENTS.items()}
    values = {**defaults, **{name: str(given[name]) for name in ARGUMENTS if name in given}}
    _check_names(values)
    return values


def as_bool(name: str, text: str) -> bool:
    """Returns a launch argument's truth; raises ConfigError for anything but true or false."""
    if text.lower() not in ('true', 'false', '1', '0'):
        raise ConfigError(f'argument {name} is {text!r}; expected true or false')
    return text.lower() in ('true', '1')


def parse_arguments(line: Sequence[str]) -> dict[str, str]:
    """Returns {name: value} of `name:=value`, `--name value` and `--name=value` words."""
    words, found = list(line), {}
    while words:
        word = words.pop(0)
        name, separator, value = word.partition(':=')
        if not separator and word.startswith('--'):
            name, separator, value = word[2:].partition('=')
            name = name.replace('-', '_')
            if not separator:
                follows = bool(words) and not words[0].startswith('--') and ':=' not in words[0]
                value, separator = (words.pop(0) if follows else 'true'), '='
        if not separator or not name:
            raise ConfigError(f'{word!r} is not an argument; expected name:=value or --name value')
        found[name] = value
    return found


def as_whole(name: str, text: str, low: int = 0) -> int:
    """Returns a launch argument's number; raises ConfigError for anything but one of `low` up."""
    if not WHOLE.fullmatch(text) or int(text) < low:
        raise ConfigError(
            f'argument {name} is {text!r}; expected a whole number of at least {low}'
        )
    return int(text)


def _check_names(values: Mapping[str, str]) -> None:
    namespace, level = values['namespace'], values['log_level']
    if namespace and not NAMESPACE.fullmatch(namespace):
        raise ConfigError(
            f'argument namespace is {namespace!r}; expected letters, digits and _, not a digit '
            "first, such as 'left' or 'cell/left'"
        )
    if level not in LOG_LEVELS:
        raise ConfigError(unknown_name('value of log_level', level, LOG_LEVELS))
