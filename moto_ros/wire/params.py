"""ROS parameters to and from the configuration.

In: a node's parameters (`-p key:=value`). Out: RosConfig and the robot's RobotConfig; every
setting declared with its value, meaning and bounds, for `ros2 param list`, `get` and `describe`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.parameter import Parameter

from moto_core.fields import INTEGER, Rule, list_keys, rule_of
from moto_core.guard.limits import RobotConfig, load_robot
from moto_ros.config import MAPPINGS, RosConfig, limits_file, load_ros_config
from moto_ros.parameters_file import from_text

if TYPE_CHECKING:
    from rclpy.node import Node

CONFIG = 'config'  # the parameter that names the YAML
DEFAULT_CONFIG = 'franka_kitchen'
ROS_OWN = ('use_sim_time', 'start_type_description_service', 'qos_overrides')
AT_START = 'read at start: give `-p key:=value` or a config file and start the node again'
AT_ANY_TIME = 'may be set while the node runs'
TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    list: Parameter.Type.STRING_ARRAY,
    dict: Parameter.Type.STRING,  # as YAML: ROS has no mappings
}


def read_config(node: Node, changeable: str | None = None) -> tuple[RosConfig, RobotConfig]:
    """Returns the configuration of a node made with its parameters declared from overrides.

    The parameter `config` names the YAML; every other one is a key of RosConfig. All of them are
    declared afterwards, read-only but those of the group `changeable`. Raises ConfigError for an
    unknown key (naming the nearest valid one) or a wrong value.
    """
    parameters = cast(dict[str, Parameter], node.get_parameters_by_prefix(''))
    given = {
        name: from_text(name, parameter.value, MAPPINGS)
        for name, parameter in parameters.items()
        if name.split('.')[0] not in ROS_OWN
    }
    name = str(given.pop(CONFIG, DEFAULT_CONFIG))
    config = load_ros_config(name, given)
    robot, limits = load_robot(config.robot), limits_file(config)
    for entry in parameters:  # of a mapping, which is one parameter from here on
        if entry.startswith(tuple(f'{mapping}.' for mapping in MAPPINGS)):
            node.undeclare_parameter(entry)
    _declare(node, CONFIG, name, 'name in config/ros, or a path to a YAML', Rule(), False)
    _declare(
        node, 'limits_file', str(limits.path), 'of the limits in force; the result', Rule(), False
    )
    _declare(node, 'limits_sha256', limits.sha256, 'of limits_file; the result', Rule(), False)
    for key in list_keys(config):
        may_change = changeable is not None and key.name.startswith(f'{changeable}.')
        _declare(node, key.name, key.default, key.about, rule_of(config, key.name), may_change)
    return config, robot


def refuse_changes(_: object) -> SetParametersResult:
    """Answers every attempt to set a parameter of a running node."""
    return SetParametersResult(successful=False, reason=f'parameters are {AT_START}')


def _declare(node: Node, name: str, value: Any, about: str, rule: Rule, changeable: bool) -> None:
    """Declares a setting at its value, in place of what its override declared."""
    if node.has_parameter(name):
        node.undeclare_parameter(name)
    # an empty list has no type of its own, so that at first the type follows the value
    node.declare_parameter(name, '', ParameterDescriptor(dynamic_typing=True), True)
    kind = TYPES[type(value)]
    if kind == Parameter.Type.STRING_ARRAY and value and isinstance(value[0], int):
        kind = Parameter.Type.INTEGER_ARRAY
    plain = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
    node.set_parameters([Parameter(name, kind, plain)])
    words = f'one of {", ".join(rule.valid)}' if rule.valid else rule.expected
    when = AT_ANY_TIME if changeable else AT_START
    descriptor = ParameterDescriptor(
        type=kind.value,
        description=about,
        additional_constraints='; '.join(filter(None, [words, when])),
        read_only=not changeable,
    )
    if kind == Parameter.Type.INTEGER and rule.expected:
        low, high = _ends(rule, -INTEGER, INTEGER - 1)
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    elif kind == Parameter.Type.DOUBLE and rule.expected:
        low, high = _ends(rule, -sys.float_info.max, sys.float_info.max)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=float(high))
        ]
    node.set_descriptor(name, descriptor)


def _ends(rule: Rule, least: float, most: float) -> tuple[float, float]:
    """Returns a rule's bounds; ROS's ranges hold both ends, and the constraints say which not."""
    low = rule.above if rule.low is None else rule.low
    high = rule.below if rule.high is None else rule.high
    return (least if low is None else low, most if high is None else high)
