"""The launch arguments by name, as the launch file and moto-up take them, and how they are read.

In: words of a command line, {name: text}. Out: the same with defaults; their truths and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from moto_core.errors import ConfigError, unknown_name
from moto_core.fields import list_keys, rule_of
from moto_ros.access import HIGHEST_PORT
from moto_ros.config import RosConfig

ARGUMENTS: dict[str, tuple[str, str]] = {  # name: (default, meaning)
    'sim': ('false', "true: the simulated robot (the twin) in place of a real one's drivers"),
    'robot_type': (
        '',
        'fr3 (default), fr3v2 or fer as the drivers call the arm, panda, or a robot YAML; '
        'with sim:=true kitchen_sim',
    ),
    'namespace': ('', 'namespace of every node and relative topic'),
    'camera_namespace': (
        '',
        "put before cameras' absolute topics; default none, as a camera's driver knows no robot's "
        "namespace; with sim:=true the namespace, as the cameras are the twin's",
    ),
    'remap': ('', "ROS remapping rules for every node, such as 'joy:=/joy,moto/estop:=/estop'"),
    'command_mode': ('', 'trajectory (default) or velocity_array (default with sim:=true)'),
    'policy': (
        'zero',
        "folder of a policy bundle (or a file with its path), 'zero' or 'random' for a dry run, "
        "or 'teleop', what a person asks for: the default where teleop:= is given",
    ),
    'teleop': ('', "joy or page: a person drives by a joystick, or the operator's page"),
    'config': ('franka_kitchen', 'name in config/ros, or path of a YAML'),
    'record': ('true', 'true: record episodes'),
    'dataset': ('runs/dataset', 'folder of the recorded episodes'),
    'dry_run': ('', 'true: compute everything, command nothing; default true on a real robot'),
    'use_sim_time': ('false', 'true: take time from /clock'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
    'profile': ('', "the guard's limits: commissioning, normal or ceiling; default the config's"),
    'task': ('', "the twin's task and the episodes' label; default the config's"),
    'seed': (
        '',
        "of the twin's first scene, each has the next one; default the config's, else the one "
        'after those that the dataset has of the twin',
    ),
    'console': ('false', "true: the operator's page beside the graph (moto-console)"),
    'console_host': ('127.0.0.1', 'its address; one that others can reach needs a token'),
    'console_port': ('8050', 'its port; 0: any that is free'),
    'console_token_file': ('', 'file with the token that it asks for'),
    'console_name': ('', 'more names of this machine under which it is opened'),
}
CHOSEN = ('robot', 'profile')  # settings that arguments choose, by names of their own
SETTINGS = {key.name: key for key in list_keys(RosConfig()) if key.name not in CHOSEN}
ELSEWHERE = {
    'robot': 'the argument is robot_type:=',
    'robot_ip': "Franka's drivers have a launch of their own, which outlives this one: "
    'ros2 launch moto_ros franka_drivers.launch.py robot_ip:=<address> robot_type:=fr3',
}
REMAP = re.compile(r'[~/\w]+:=[~/\w]+', re.ASCII)
WHOLE = re.compile(r'[0-9]{1,100}')  # int() takes more: 1_000, another script's digits
NAMESPACE = re.compile(r'/?([A-Za-z_]\w*)(/[A-Za-z_]\w*)*/?', re.ASCII)
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')


def resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Returns every argument's value; raises ConfigError for an unknown name.

    What no node could refuse in a sentence (names, rules, the log level) is checked too.
    """
    for name in given:
        check_name(name)
    defaults = {name: default for name, (default, _) in ARGUMENTS.items()}
    values = {**defaults, **{name: str(given[name]) for name in ARGUMENTS if name in given}}
    _check_names(values)
    return values


def check_name(name: str, valid: Iterable[str] = ()) -> None:
    """Raises ConfigError for what is neither an argument, a setting nor one of `valid`."""
    known = (*ARGUMENTS, *SETTINGS, *valid)
    if name in ELSEWHERE:
        raise ConfigError(f'{name} is no argument here: {ELSEWHERE[name]}')
    if name not in known and '.' not in name:  # dotted ones are read as settings, strictly
        raise ConfigError(unknown_name('argument', name, [n for n in known if '.' not in n]))


def documented() -> dict[str, tuple[str, str]]:
    """Returns {name: (default, meaning)} of every argument and every setting."""
    found, config = dict(ARGUMENTS), RosConfig()
    for name, key in SETTINGS.items():
        rule = rule_of(config, name)
        words = f'one of {", ".join(rule.valid)}' if rule.valid else rule.expected
        value = str(key.default).lower() if isinstance(key.default, bool) else str(key.default)
        found[name] = (value, key.about + (f'; {words}' if words else ''))
    return found


def remap_rules(text: str) -> tuple[str, ...]:
    """Returns the remapping rules of the argument `remap`; raises ConfigError for what is none."""
    rules = tuple(text.replace(',', ' ').split())
    for rule in rules:
        if not REMAP.fullmatch(rule):
            raise ConfigError(
                f"argument remap is {text!r}; expected rules such as 'joy:=/joy', "
                'with a comma between them'
            )
    return rules


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
    for name in ('namespace', 'camera_namespace'):
        if values[name] and not NAMESPACE.fullmatch(values[name]):
            raise ConfigError(
                f'argument {name} is {values[name]!r}; expected letters, digits and _, not a '
                "digit first, such as 'left' or 'cell/left'"
            )
    remap_rules(values['remap'])
    level = values['log_level']
    if level not in LOG_LEVELS:
        raise ConfigError(unknown_name('value of log_level', level, LOG_LEVELS))


def as_port(name: str, text: str) -> int:
    """Returns a launch argument's port; raises ConfigError for anything but 0 to HIGHEST_PORT."""
    port = as_whole(name, text)
    if port > HIGHEST_PORT:
        raise ConfigError(f'argument {name} is {port}; expected at most {HIGHEST_PORT}')
    return port
