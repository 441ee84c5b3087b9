"""The one table of what a bring-up starts, read by the launch file and by moto-up.

In: launch arguments `name:=value`. Out: Processes (module, node, namespace, parameters), their
command lines and environment. Nothing here makes a node or imports launch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from moto_ros.access import Access, read_token
from moto_ros.bringup.arguments import as_bool, as_port, remap_rules, resolved
from moto_ros.bringup.parameters import checked, parameters, records_raw_images, teleoperated
from moto_ros.bringup.starts import with_new_starts
from moto_ros.services import GUARD, POLICY, RECORDER, TELEOP, TWIN
from moto_ros.wire.environment import DISCOVERY, prepare_environment, udp_alone
from moto_ros.wire.started_by import STARTED_BY, own_name

MANAGER = 'moto_lifecycle_manager'
CONSOLE = 'moto_console'


@dataclass(frozen=True)
class Process:
    """One process of the graph."""

    node: str  # node name
    module: str  # run as `python -m module`
    namespace: str = ''
    parameters: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()  # before --ros-args
    remap: tuple[str, ...] = ()  # ROS's rules, 'from:=to'
    log_level: str = 'info'
    lifecycle: bool = True  # taken to active by the lifecycle manager
    required: bool = False  # its death ends the bring-up


def processes(given: Mapping[str, str]) -> list[Process]:
    """Returns the table for launch arguments by name; dotted names are configuration keys.

    Raises ConfigError for an unknown argument or key (naming the nearest), MotoError for a value
    that one of the nodes would refuse.
    """
    values = resolved(given)
    sim, record = as_bool('sim', values['sim']), as_bool('record', values['record'])
    found = checked(parameters(given), values)
    policy = Process(
        node=POLICY,
        module='moto_ros.nodes.policy',
        namespace=values['namespace'],
        parameters=with_new_starts(found) if sim and record else found,
        log_level=values['log_level'],
        remap=remap_rules(values['remap']),
    )
    guard = replace(policy, node=GUARD, module='moto_ros.nodes.guard', required=True)
    nodes = [guard, policy]
    if sim:
        nodes.insert(0, replace(guard, node=TWIN, module='moto_ros.nodes.twin'))
    if record:
        nodes.append(replace(policy, node=RECORDER, module='moto_ros.nodes.recorder'))
    if teleoperated(policy.parameters):
        nodes.append(replace(policy, node=TELEOP, module='moto_ros.nodes.teleop'))
    manager = replace(
        policy,
        node=MANAGER,
        module='moto_ros.bringup.lifecycle_manager',
        parameters={},
        lifecycle=False,
        arguments=tuple(process.node for process in nodes),
    )
    return [*nodes, *_console(policy, values), manager]


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
    ]
    if process.namespace:
        line += ['-r', f'__ns:=/{process.namespace.strip("/")}']
    return [*line, *node_words(process)]


def node_words(process: Process) -> list[str]:
    """Returns what a process is told after `--ros-args`, beside its name and namespace."""
    words = ['--log-level', process.log_level]
    for rule in process.remap:
        words += ['-r', rule]
    for key, value in process.parameters.items():
        words += ['-p', f'{key}:={_as_yaml(value)}']
    return words


def environment(base: Mapping[str, str], sim: bool) -> dict[str, str]:
    """Returns the processes' environment: `base` with what is unset filled in.

    `sim` binds everything to 127.0.0.1 and uses no shared memory: the twin's images are small, and
    a killed process must not disturb the others. It is so with the discovery range SYSTEM_DEFAULT
    alone; ROS adds shared memory for any other. ROS_DOMAIN_ID is passed through as it is. The
    processes learn who started them, and end with it.
    """
    result = dict(base)
    prepare_environment(result, 'fastdds_udp' if sim else 'fastdds')
    if sim:
        result.setdefault(DISCOVERY, 'SYSTEM_DEFAULT')
    result.setdefault('MUJOCO_GL', 'osmesa')
    result.setdefault('OMP_NUM_THREADS', '1')
    result[STARTED_BY] = own_name()
    return result


def own_environment(process: Process, base: Mapping[str, str], sim: bool) -> dict[str, str]:
    """Returns what a process has over everybody's environment, which was made from `base`.

    On a real robot's computer who hears whole images shares memory with the cameras. The guard
    does not, nor does a recorder whose images come compressed or not at all.
    """
    alone = process.node == GUARD or (
        process.node == RECORDER and not records_raw_images(process.parameters)
    )
    return udp_alone(base) if alone and not sim else {}


def _console(beside: Process, values: Mapping[str, str]) -> list[Process]:
    """Returns the operator's page if it is wanted; nothing waits for it, nor ends with it.

    Raises ConfigError for an address that others can reach and no token.
    """
    host, port = values['console_host'], as_port('console_port', values['console_port'])
    file, name = values['console_token_file'], values['console_name']
    if not as_bool('console', values['console']):
        return []
    Access(host, token=read_token('', file))
    words = ['--host', host, '--port', str(port)]
    words += ['--token-file', file] if file else []
    words += ['--name', name] if name else []
    module = 'moto_ros.console.command'
    return [replace(beside, node=CONSOLE, module=module, lifecycle=False, arguments=tuple(words))]


def _as_yaml(value: Any) -> str:
    """Returns a value as `-p` reads it: a text in quotes, a mapping as a text of its own."""
    return json.dumps(json.dumps(value) if isinstance(value, dict) else value, ensure_ascii=False)
