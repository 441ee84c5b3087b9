"""The one table of what a bring-up starts, read by the launch file and by moto-up.

In: launch arguments `name:=value`. Out: Processes (module, node, namespace, parameters), their
command lines and environment. Nothing here imports rclpy or launch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moto_core.errors import ConfigError, unknown_name
from moto_ros.services import GUARD, POLICY, RECORDER, TWIN
from moto_ros.wire.environment import DISCOVERY, prepare_environment

ARGUMENTS: dict[str, tuple[str, str]] = {  # name: (default, meaning)
    'sim': ('false', "true: the simulated robot (the twin) in place of a real one's drivers"),
    'robot_type': ('fr3', 'fr3 or panda, or a robot YAML; sim:=true uses kitchen_sim'),
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
LONGEST_PATH = 4096  # [bytes]
MANAGER = 'moto_lifecycle_manager'
KEYS = {'profile': ('profile',), 'task': ('twin.task', 'record.task'), 'seed': ('twin.seed',)}


@dataclass(frozen=True)
class Process:
    """One process of the graph."""

    node: str  # node name
    module: str  # run as `python -m module`
    namespace: str = ''
    parameters: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()  # before --ros-args
    log_level: str = 'info'
    lifecycle: bool = True  # taken to active by the lifecycle manager
    required: bool = False  # its death ends the bring-up


def processes(given: Mapping[str, str]) -> list[Process]:
    """Returns the table for launch arguments by name; dotted names are configuration keys.

    Raises ConfigError for an unknown argument (naming the nearest) or a value out of range.
    """
    values = resolved(given)
    sim = as_bool('sim', values['sim'])
    policy = Process(
        node=POLICY,
        module='moto_ros.nodes.policy',
        namespace=values['namespace'],
        parameters=parameters(given),
        log_level=values['log_level'],
    )
    guard = replace(policy, node=GUARD, module='moto_ros.nodes.guard', required=True)
    nodes = [guard, policy]
    if sim:
        nodes.insert(0, replace(guard, node=TWIN, module='moto_ros.nodes.twin'))
    if as_bool('record', values['record']):
        nodes.append(replace(policy, node=RECORDER, module='moto_ros.nodes.recorder'))
    manager = replace(
        policy,
        node=MANAGER,
        module='moto_ros.bringup.lifecycle_manager',
        parameters={},
        lifecycle=False,
        arguments=tuple(process.node for process in nodes),
    )
    return [*nodes, manager]


def parameters(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the ROS parameters that every node of the bring-up gets."""
    values = resolved(given)
    sim = as_bool('sim', values['sim'])
    record = as_bool('record', values['record'])
    found = {
        'config': values['config'],
        'robot': 'kitchen_sim' if sim else values['robot_type'],
        'command.mode': values['command_mode'] or ('velocity_array' if sim else 'trajectory'),
        'command.dry_run': as_bool('dry_run', values['dry_run'] or str(not sim).lower()),
        'policy.bundle': bundle_folder(values['policy']),
        'policy.wait_for_episode': record,
        'record.dataset': values['dataset'],
        'record.source': 'sim' if sim else 'robot',
        'use_sim_time': as_bool('use_sim_time', values['use_sim_time']),
    }
    for name, keys in KEYS.items():
        found.update({key: values[name] for key in keys if values[name]})
    if values['seed']:
        found['twin.seed'] = as_whole('seed', values['seed'])
    found.update({key: value for key, value in given.items() if '.' in key})
    return found


def resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Returns every argument's value; raises ConfigError for an unknown name."""
    for name in given:
        if name not in ARGUMENTS and '.' not in name:
            raise ConfigError(unknown_name('argument', name, ARGUMENTS))
    defaults = {name: default for name, (default, _) in ARGUMENTS.items()}
    return {**defaults, **{name: str(given[name]) for name in ARGUMENTS if name in given}}


def command(process: Process, python: str = sys.executable) -> list[str]:
    """Returns the command line that starts a process, after pip install and after colcon build."""
    line = [
        python,
        '-m',
        process.module,
        *process.arguments,
        '--ros-args',
        '-r',
        f'__node:={process.node}',
        '--log-level',
        process.log_level,
    ]
    if process.namespace:
        line += ['-r', f'__ns:=/{process.namespace.strip("/")}']
    for key, value in process.parameters.items():
        line += ['-p', f'{key}:={_as_yaml(value)}']
    return line


def environment(base: Mapping[str, str], sim: bool) -> dict[str, str]:
    """Returns the processes' environment: `base` with what is unset filled in.

    `sim` keeps discovery on this machine and uses no shared memory: the twin's images are small,
    and a killed process must not disturb the others. ROS_DOMAIN_ID is passed through as it is.
    """
    result = dict(base)
    prepare_environment(result, 'fastdds_udp' if sim else 'fastdds')
    if sim:
        result.setdefault(DISCOVERY, 'LOCALHOST')
    result.setdefault('MUJOCO_GL', 'osmesa')
    result.setdefault('OMP_NUM_THREADS', '1')
    return result


def as_bool(name: str, text: str) -> bool:
    """Returns a launch argument's truth; raises ConfigError for anything but true or false."""
    if text.lower() not in ('true', 'false', '1', '0'):
        raise ConfigError(f"argument {name} is '{text}'; expected true or false")
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
            raise ConfigError(f"'{word}' is not an argument; expected name:=value or --name value")
        found[name] = value
    return found


def as_whole(name: str, text: str, low: int = 0) -> int:
    """Returns a launch argument's number; raises ConfigError for anything but one of `low` up."""
    wrong = ConfigError(f"argument {name} is '{text}'; expected a whole number of at least {low}")
    try:
        value = int(text)
    except ValueError:
        raise wrong from None
    if value < low:
        raise wrong
    return value


def bundle_folder(text: str) -> str:
    """Returns the folder of a policy that a file names, as moto-export --name-file writes it.

    Anything else is returned as it is. Raises ConfigError for a file that names no folder.
    """
    if not os.path.isfile(text):
        return text
    with open(text, 'rb') as stream:
        folder = stream.read(LONGEST_PATH).decode('utf-8', 'replace').strip()
    if not os.path.isdir(folder):
        raise ConfigError(
            f"argument policy is the file '{text}', which does not hold the path of a bundle's "
            'folder; expected a folder, or the --name-file of moto-export'
        )
    return folder


def _as_yaml(value: Any) -> str:
    """Returns a value as `-p` reads it; a text that looks like a number or a flag stays a text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
