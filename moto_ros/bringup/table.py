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

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.strict_yaml import parse_yaml
from moto_ros.bringup.arguments import (
    ARGUMENTS,
    SETTINGS,
    as_bool,
    as_whole,
    remap_rules,
    resolved,
)
from moto_ros.bringup.check import check_nodes
from moto_ros.config import MAPPINGS, RosConfig, camera_topics, load_ros_config
from moto_ros.services import GUARD, POLICY, RECORDER, TWIN
from moto_ros.wire.environment import DISCOVERY, prepare_environment
from moto_ros.wire.started_by import STARTED_BY, own_name

SIMULATED = 'kitchen_sim'
MEASURED = (
    'franka/joint_states'  # franka_ros2's; its joint_states are repeated at 30 Hz, also stale
)
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
    sim = as_bool('sim', values['sim'])
    policy = Process(
        node=POLICY,
        module='moto_ros.nodes.policy',
        namespace=values['namespace'],
        parameters=checked(parameters(given), values),
        log_level=values['log_level'],
        remap=remap_rules(values['remap']),
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
        'robot': robot_name(values),
        'command.mode': values['command_mode'] or ('velocity_array' if sim else 'trajectory'),
        'command.dry_run': as_bool('dry_run', values['dry_run'] or str(not sim).lower()),
        'policy.bundle': values['policy'],
        'policy.wait_for_episode': record,
        'record.dataset': values['dataset'],
        'record.source': 'sim' if sim else 'robot',
        'use_sim_time': as_bool('use_sim_time', values['use_sim_time']),
    }
    for name, keys in KEYS.items():
        found.update({key: values[name] for key in keys if values[name]})
    if sim:
        found['guard.deadman_required'] = False  # nobody is near the twin
    if values['seed']:
        found['twin.seed'] = as_whole('seed', values['seed'])
    for key, text in given.items():
        if key not in ARGUMENTS:
            _put(found, key, _typed(key, text))
    return _with_topics(found, values)


def _with_topics(found: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the parameters with the topics that depend on where the robot is.

    A real arm's joints are heard where they are measured, unless somebody says where. Absolute
    topics of cameras get `camera_namespace` put before them, but those of the command line.
    """
    sim, config = as_bool('sim', values['sim']), _config_of(found)
    if not sim and 'joint_states' not in found and config.joint_states == RosConfig.joint_states:
        found['joint_states'] = MEASURED
    space = values['camera_namespace'] or (values['namespace'] if sim else '')
    if space:
        given = found.get('cameras', {})
        topics = camera_topics(config, load_robot(config.robot)).items()
        moved = {name: f'/{space.strip("/")}{topic}' for name, topic in topics if topic[0] == '/'}
        found['cameras'] = {**moved, **given}
    return found


def _config_of(found: Mapping[str, Any]) -> RosConfig:
    given = {key: value for key, value in found.items() if key not in ('config', 'use_sim_time')}
    return load_ros_config(found['config'], given)


def checked(found: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the parameters; raises MotoError for what no node could be made with."""
    config = _config_of(found)
    check_nodes(
        config,
        load_robot(config.robot),
        namespace=values['namespace'],
        sim=as_bool('sim', values['sim']),
        record=as_bool('record', values['record']),
    )
    return found


def robot_name(values: Mapping[str, str]) -> str:
    """Returns the robot's name or YAML; raises ConfigError for one that is not the simulated."""
    given = values['robot_type']
    if not as_bool('sim', values['sim']):
        return given or 'fr3'
    if given and load_robot(given).spec.names != load_robot(SIMULATED).spec.names:
        raise ConfigError(
            f"robot_type is '{given}' and sim is true; the simulated robot is {SIMULATED}, whose "
            'joints differ: leave robot_type out, or sim'
        )
    return given or SIMULATED


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


def _typed(key: str, text: str) -> Any:
    """Returns a setting's value of the text on a command line; a text's own is the text."""
    if key in SETTINGS and isinstance(SETTINGS[key].default, str):
        return text
    return parse_yaml(text, f'argument {key} {text!r}', key)


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    """Adds a setting, or an entry of one that is a mapping: ROS has no parameter for an entry."""
    for name in MAPPINGS:
        if key.startswith(f'{name}.'):
            found[name] = {**found.get(name, {}), key.removeprefix(f'{name}.'): value}
            return
    found[key] = value


def _as_yaml(value: Any) -> str:
    """Returns a value as `-p` reads it: a text in quotes, a mapping as a text of its own."""
    return json.dumps(json.dumps(value) if isinstance(value, dict) else value, ensure_ascii=False)
