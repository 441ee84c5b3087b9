"""ROS parameters to and from the configuration.

In: a node's parameters (`-p key:=value`). Out: RosConfig and the robot's RobotConfig.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from moto_core.fields import list_keys
from moto_core.guard.limits import RobotConfig, load_robot
from moto_core.strict_yaml import parse_yaml
from moto_ros.config import RosConfig, load_ros_config

if TYPE_CHECKING:
    from rclpy.node import Node

MAPPINGS = tuple(key.name for key in list_keys(RosConfig()) if isinstance(key.default, dict))
ROS_OWN = ('use_sim_time', 'start_type_description_service', 'qos_overrides')


def read_config(node: Node) -> tuple[RosConfig, RobotConfig]:
    """Returns the configuration of a node made with its parameters declared from overrides.

    The parameter `config` names the YAML; every other one is a key of RosConfig. Raises
    ConfigError for an unknown key (naming the nearest valid one) or a wrong value.
    """
    parameters = cast(dict[str, Parameter], node.get_parameters_by_prefix(''))
    given = {
        name: _plain(name, parameter.value)
        for name, parameter in parameters.items()
        if name.split('.')[0] not in ROS_OWN
    }
    config = load_ros_config(str(given.pop('config', 'franka_kitchen')), given)
    return config, load_robot(config.robot)


def _plain(name: str, value: object) -> object:
    """Returns a mapping from the text that stands for it: ROS has no such parameters."""
    if name in MAPPINGS and isinstance(value, str):
        return parse_yaml(value, f"parameter {name} '{value}'", name)
    return value


def refuse_changes(_: object) -> SetParametersResult:
    """Answers every attempt to set a parameter of a running node."""
    return SetParametersResult(
        successful=False,
        reason='parameters are read at start; '
        'give `-p key:=value` or a config file and start the node again',
    )
