"""What every node of a bring-up is told: what was typed, then the file's word, then the defaults.

In: launch arguments `name:=value`, of which `config` names a file. Out: ROS parameters, or a
ConfigError for what contradicts itself: a file is made for one arm, or for the twin.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from moto_ros.config import (
    MAPPINGS,
    NO_INPUT,
    PERSON,
    RosConfig,
    camera_topics,
    load_ros_config,
    settings_in,
)

SIMULATED = 'kitchen_sim'
MEASURED = (
    'franka/joint_states'  # franka_ros2's; its joint_states are repeated at 30 Hz, also stale
)
KEYS = {  # argument: the settings that it decides if it is typed
    'robot_type': ('robot',),
    'command_mode': ('command.mode',),
    'dry_run': ('command.dry_run',),
    'policy': ('policy.bundle',),
    'teleop': ('teleop.input',),
    'dataset': ('record.dataset',),
    'profile': ('profile',),
    'task': ('twin.task', 'record.task'),
    'seed': ('twin.seed',),
}


def parameters(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the ROS parameters that every node of the bring-up gets.

    An argument or a setting that was typed goes over the file, and the file over what an argument
    is by default. Raises ConfigError if the file is not for a robot as `sim` says.
    """
    values = resolved(given)
    sim, said = as_bool('sim', values['sim']), settings_in(values['config'])
    typed = _typed(given)
    teleop = teleoperated({**said, **given, **typed})
    found = {
        'config': values['config'],
        **{key: said.get(key, value) for key, value in _defaults(values, sim, teleop).items()},
        'use_sim_time': as_bool('use_sim_time', values['use_sim_time']),
        **typed,
    }
    for key, text in given.items():
        if key not in ARGUMENTS:
            value = _value(key, text)
            if value == []:
                raise ConfigError(
                    f'argument {key} is {text}: ROS takes no empty list here; say it in a file '
                    '(config:=)'
                )
            _put(found, key, value)
    by_file = 'robot' in said and 'robot' not in typed
    _check_robot(found['robot'], sim, values['config'] if by_file else '')
    _check_source(found['record.source'], sim)
    return _with_topics(found, values)


def teleoperated(found: Mapping[str, Any]) -> bool:
    """Says whether a person drives, by settings {dotted name: value}."""
    return bool(found.get('teleop.input', NO_INPUT) != NO_INPUT)


def records_raw_images(found: Mapping[str, Any]) -> bool:
    """Says whether a recorder with these parameters hears images that nobody compressed."""
    config = _config(found)
    others = any(kind.endswith('/Image') for kind in config.record.raw.values())
    cameras = camera_topics(config, load_robot(config.robot))
    return others or (config.record.images and not set(cameras) <= set(config.compressed))


def checked(found: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the parameters; raises MotoError for what no node could be made with."""
    config = _config(found)
    check_nodes(
        config,
        load_robot(config.robot),
        namespace=values['namespace'],
        sim=as_bool('sim', values['sim']),
        record=as_bool('record', values['record']),
        remap=remap_rules(values['remap']),
    )
    return found


def _config(found: Mapping[str, Any]) -> RosConfig:
    given = {key: value for key, value in found.items() if key not in ('config', 'use_sim_time')}
    return load_ros_config(found['config'], given)


def _defaults(values: Mapping[str, str], sim: bool, teleop: bool) -> dict[str, Any]:
    """Returns what holds for settings of which neither the arguments nor the file speak."""
    found = {
        'robot': SIMULATED if sim else 'fr3',
        'command.mode': 'velocity_array' if sim else 'trajectory',
        'command.dry_run': not sim,
        'policy.bundle': PERSON if teleop else ARGUMENTS['policy'][0],
        'policy.wait_for_episode': as_bool('record', values['record']),
        'teleop.input': NO_INPUT,
        'record.dataset': ARGUMENTS['dataset'][0],
        'record.source': 'sim' if sim else 'robot',
    }
    if sim:
        found['guard.deadman_required'] = teleop  # nobody is near the twin, or holds a joystick
    else:
        found['joint_states'] = MEASURED
    return found


def _typed(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the settings that the arguments given decide; '' is as if nothing was typed."""
    found: dict[str, Any] = {}
    for name, keys in KEYS.items():
        text = given.get(name, '')
        if name in given and (text or ARGUMENTS[name][0]):
            found.update({key: _of_argument(name, text) for key in keys})
    return found


def _of_argument(name: str, text: str) -> Any:
    if name == 'dry_run':
        return as_bool(name, text)
    return as_whole(name, text) if name == 'seed' else text


def _check_robot(robot: str, sim: bool, file: str) -> None:
    """Raises ConfigError for an arm if the twin is started, and for the twin's beside an arm.

    `file` is the one that names the robot; '' if its name was typed.
    """
    who = f"'{file}' says robot: '{robot}'" if file else f"robot_type is '{robot}'"
    if sim and load_robot(robot).spec.names != load_robot(SIMULATED).spec.names:
        leave = f'say robot_type:={SIMULATED}' if file else 'leave robot_type out'
        raise ConfigError(
            f'{who} and sim is true; the simulated robot is {SIMULATED}, whose joints differ: '
            f'{leave}, or sim:=false'
        )


def _check_source(source: str, sim: bool) -> None:
    if source != ('sim' if sim else 'robot'):
        raise ConfigError(
            f"record.source is '{source}' and sim is {str(sim).lower()}: leave it out, what made "
            'the episodes is known'
        )


def _with_topics(found: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the parameters with the cameras' topics where the robot is.

    Absolute topics of cameras get `camera_namespace` put before them, but those of the command
    line.
    """
    space = values['camera_namespace']
    if as_bool('sim', values['sim']):
        space = space or values['namespace']
    if space:
        given = found.get('cameras', {})
        config = load_ros_config(found['config'], {'cameras': given})
        topics = camera_topics(config, load_robot(found['robot'])).items()
        moved = {name: f'/{space.strip("/")}{topic}' for name, topic in topics if topic[0] == '/'}
        found['cameras'] = {**moved, **given}
    return found


def _value(key: str, text: str) -> Any:
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
