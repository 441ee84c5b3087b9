"""What the launch of Franka's drivers is told, and what it tells franka_ros2 and the spawner.

In: {name: text}. Out: arguments of franka_bringup's franka.launch.py, words for the spawner of our
controller. Nothing here imports launch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from moto_core.config import share_dir
from moto_core.errors import ConfigError, unknown_name
from moto_ros.bringup.arguments import NAMESPACE, as_bool

ROBOT_TYPES = ('fr3', 'fr3v2', 'fer')  # franka_description's arms for which there are limits here
ARGUMENTS = {  # name: (default, meaning)
    'robot_ip': ('', 'address of the robot; with use_fake_hardware:=true none is needed'),
    'robot_type': ('fr3', f'as franka_ros2 calls the arm: {", ".join(ROBOT_TYPES)}'),
    'namespace': ('', 'of the drivers; give the graph the same'),
    'use_fake_hardware': ('false', 'true: joints that follow their commands, to rehearse'),
    'load_gripper': ('false', "true: Franka's hand too"),
    'activate': (
        'true',
        'false: the controller is only loaded, and the arm held by the robot itself',
    ),
    'controllers': ('', 'file of the controllers; default config/ros/controllers.yaml'),
}
PASSED_ON = ('robot_ip', 'robot_type', 'namespace', 'use_fake_hardware', 'load_gripper')
TIMEOUT = '60'  # [s] that the spawner waits for the controller manager


def check_name(name: str) -> None:
    """Raises ConfigError for what is no argument of the drivers' launch."""
    if name not in ARGUMENTS:
        raise ConfigError(unknown_name('argument', name, ARGUMENTS))


def resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Returns every argument's value; raises ConfigError for one that the drivers would take.

    They take any robot_type and any namespace, and fail later in other words.
    """
    values = {name: given.get(name, default) for name, (default, _) in ARGUMENTS.items()}
    if values['robot_type'] not in ROBOT_TYPES:
        raise ConfigError(unknown_name('robot_type', values['robot_type'], ROBOT_TYPES))
    for name in ('use_fake_hardware', 'load_gripper', 'activate'):
        values[name] = str(as_bool(name, values[name])).lower()
    if values['namespace'] and not NAMESPACE.fullmatch(values['namespace']):
        raise ConfigError(
            f"argument namespace is {values['namespace']!r}; expected one such as 'left'"
        )
    if values['use_fake_hardware'] == 'true':
        values['robot_ip'] = values['robot_ip'] or 'none'
    if not values['robot_ip']:
        raise ConfigError(
            "robot_ip is missing; expected the robot's address, or use_fake_hardware:=true"
        )
    values['controllers'] = values['controllers'] or str(
        share_dir() / 'config' / 'ros' / 'controllers.yaml'
    )
    if not Path(values['controllers']).is_file():
        raise ConfigError(f"no file '{values['controllers']}'; expected a ROS parameters file")
    return values


def franka_arguments(values: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Returns what franka_bringup's franka.launch.py is given."""
    return [(name, values[name]) for name in PASSED_ON]


def controller(robot_type: str) -> str:
    """Returns the controller's name, which config/robot/<robot_type>.yaml has too."""
    return f'{robot_type}_arm_controller'


def spawner_words(values: Mapping[str, str]) -> list[str]:
    """Returns the arguments of controller_manager's spawner."""
    words = [controller(values['robot_type']), '--param-file', values['controllers']]
    words += ['--controller-manager-timeout', TIMEOUT]
    return words if values['activate'] == 'true' else [*words, '--inactive']
