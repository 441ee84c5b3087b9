"""What a remapping rule may begin with: a name that some node of ours has.

In: rules 'from:=to', the configuration. Out: nothing, or a ConfigError that names the nearest. ROS
takes any rule and says nothing of one that fits no name, also if it was to be the e-stop's.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rclpy._rclpy_pybind11 import RCLError
from rclpy.exceptions import NameValidationException

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_ros.config import RosConfig, camera_topics, trajectory_topic, velocity_topic
from moto_ros.services import GUARD, SWITCHES, TRIGGERS, service_name
from moto_ros.wire import interface
from moto_ros.wire.interface import Topic
from moto_ros.wire.topic_names import expanded

# of these the configuration gives the names, or of the last the cameras
NAMED_ELSEWHERE = (interface.ESTOP, interface.JOINT_STATES, interface.OBSERVATION)
ROS_OWN = ('/rosout', '/parameter_events', '/clock', '/tf', '/tf_static')
OF_EVERY_NODE = (  # rclpy's
    *('change_state', 'get_state', 'get_available_states', 'get_available_transitions'),
    *('get_transition_graph', 'transition_event', 'get_type_description'),
    *('describe_parameters', 'get_parameter_types', 'get_parameters', 'list_parameters'),
    *('set_parameters', 'set_parameters_atomically'),
)
OF_AN_ACTION = ('send_goal', 'cancel_goal', 'get_result', 'feedback', 'status')
ALIKE = 0.6  # of two names that one may be meant by the other


def check_remapping(
    rules: Sequence[str], config: RosConfig, robot: RobotConfig, namespace: str
) -> None:
    """Raises ConfigError for a rule whose left side no node has, in `namespace`."""
    names, space = own_names(config, robot), f'/{namespace.strip("/")}'
    full = {expanded(GUARD, space, name) for name in names}
    for rule in rules:
        name = rule.partition(':=')[0]
        if not full & _possible(name, space):
            alike = sorted(full) if name.startswith('/') else names
            near = difflib.get_close_matches(name, alike, n=1, cutoff=ALIKE)
            hint = f"Did you mean '{near[0]}'?" if near else "Expected one such as 'moto/estop'"
            raise ConfigError(
                f"argument remap: '{rule}' would do nothing, as no node here has a topic or a "
                f"service '{name}'. {hint}"
            )


def own_names(config: RosConfig, robot: RobotConfig) -> list[str]:
    """Returns every topic and service of the nodes, as they ask for it before any rule."""
    fixed = {topic.name for topic in vars(interface).values() if isinstance(topic, Topic)}
    found = sorted(fixed - {topic.name for topic in NAMED_ELSEWHERE} - {''})
    cameras = camera_topics(config, robot)
    found += [config.joint_states, *cameras.values(), *config.guard.estops, *config.record.raw]
    found += [f'{topic}/compressed' for topic in cameras.values()]
    found += [interface.observation(camera).name for camera in cameras]
    found += [velocity_topic(config, robot), trajectory_topic(config, robot)]
    gripper = config.gripper
    found += [gripper.joint_states] if gripper.joint_states else []
    found += [f'{gripper.action}/_action/{part}' for part in OF_AN_ACTION if gripper.action]
    for node in TRIGGERS:
        services = (*TRIGGERS[node], *SWITCHES.get(node, ()), *OF_EVERY_NODE)
        found += [service_name(node, service) for service in services]
    return [*found, *ROS_OWN]


def _possible(name: str, namespace: str) -> set[str]:
    """Returns what a rule's left side is in full, in each of the nodes."""
    try:
        return {expanded(node, namespace, name) for node in TRIGGERS}
    except (NameValidationException, RCLError, ValueError):
        return set()
