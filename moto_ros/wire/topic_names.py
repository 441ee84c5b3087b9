"""What a topic may be called, by ROS's own rules, before a node asks ROS for it.

In: names from the configuration. Out: full names, or a ConfigError that says whose name it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import NameValidationException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_ros.config import RosConfig, camera_topics, trajectory_topic, velocity_topic


def full_name(owner: str, name: str, resolve: Callable[[str], str]) -> str:
    """Returns a name as `resolve` (a node's, say) makes it full.

    Raises ConfigError that begins with `owner`, the setting it comes from, if ROS refuses it.
    """
    try:
        return resolve(name)
    except (NameValidationException, RCLError, ValueError) as error:
        raise ConfigError(
            f"{owner}: {name!r} is no topic's name; expected one such as '/wrench'"
        ) from error


def check_topic_names(config: RosConfig, robot: RobotConfig, node: str, namespace: str) -> None:
    """Raises ConfigError for a topic of the configuration that `node` could not have."""
    resolve = partial(expanded, node, f'/{namespace.strip("/")}')
    full_name('joint_states', config.joint_states, resolve)
    full_name('command.velocity_controller', velocity_topic(config, robot), resolve)
    full_name('command.trajectory_controller', trajectory_topic(config, robot), resolve)
    for camera, name in camera_topics(config, robot).items():
        full_name(f'cameras.{camera}', name, resolve)
    for name in config.record.raw:
        full_name('record.raw', name, resolve)
    for name in config.guard.estops:
        full_name('guard.estops', name, resolve)
    for setting in ('joint_states', 'action'):
        if name := getattr(config.gripper, setting):
            full_name(f'gripper.{setting}', name, resolve)


def expanded(node: str, namespace: str, name: str) -> str:
    """Returns a name as `node` in `namespace` has it in full; raises rclpy's errors for none."""
    full: str = expand_topic_name(name, node, namespace)
    validate_full_topic_name(full)
    return full
