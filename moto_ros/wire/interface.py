"""The graph's topics in one table: name, type, quality of service at both ends, and why.

In: nothing. Out: Topics, from which publishers and subscriptions are made; the check that two
ends can talk. Names are relative, so that one `namespace` moves the whole graph, but /diagnostics,
which is one for all robots. Topics of a robot's own drivers (cameras, joint states, controllers)
get their names from the configuration.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState, Joy
from std_msgs.msg import Bool, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from moto_core.errors import ConfigError
from moto_ros import messages

if TYPE_CHECKING:
    from rclpy.node import Node

STALE_PERIODS = 2.5  # a request older than this many periods is dead
_BEST, _RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
_VOLATILE, _LATCHED = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL


def _profile(
    depth: int, reliability: ReliabilityPolicy, durability: DurabilityPolicy = _VOLATILE
) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )


SENSOR = _profile(1, _BEST)  # the newest; a queue shows the past
COMMAND = _profile(1, _RELIABLE)  # the last command must arrive, older ones must not
LOG = _profile(10, _RELIABLE)  # the recorder wants every one
LOG_READER = _profile(500, _RELIABLE)  # and may be 2 s late at 250 Hz without a loss
SENSOR_READER = _profile(250, _BEST)  # hears every publisher, 2 s late at 125 Hz without a loss
STATUS = _profile(1, _RELIABLE)  # 10 Hz, the newest is enough
STATUS_READER = _profile(20, _RELIABLE)  # wants every one, 2 s late without a loss
LATCHED = _profile(1, _RELIABLE, _LATCHED)  # who starts late still learns it
LATCHED_READER = _profile(50, _RELIABLE, _LATCHED)  # of many publishers
PRESSES = _profile(100, _RELIABLE)  # a press is not lost behind its release, heard 1 s late


@dataclass(frozen=True)
class Topic:
    """One topic and what both of its ends agree on."""

    name: str
    type: Any  # class of the ROS message
    publisher: QoSProfile
    subscription: QoSProfile
    payload: Any = None  # dataclass that a String holds as JSON

    def at(self, name: str) -> Topic:
        """Returns the same topic under another name."""
        return replace(self, name=name)


def _json(name: str, payload: Any, publisher: QoSProfile, subscription: QoSProfile) -> Topic:
    return Topic(name, String, publisher, subscription, payload)


# name, type, publisher's quality of service, subscription's

# the robot's own drivers; their names are the configuration's
JOINT_STATES = Topic('joint_states', JointState, SENSOR, SENSOR)
CAMERA = Topic('', Image, SENSOR, SENSOR)
COMPRESSED_CAMERA = Topic('', CompressedImage, SENSOR, SENSOR)
VELOCITIES = Topic('', Float64MultiArray, COMMAND, COMMAND)  # [rad/s]
TRAJECTORY = Topic('', JointTrajectory, COMMAND, COMMAND)
GRIPPER = Topic('moto/gripper/commands', Float64MultiArray, COMMAND, COMMAND)  # [m/s] a finger

# people
JOY = Topic('joy', Joy, COMMAND, COMMAND)  # the deadman
ESTOP = Topic('moto/estop', Bool, LATCHED, PRESSES)  # hears every reliable publisher
ESTOP_LATCHED = replace(ESTOP, subscription=LATCHED_READER)  # and what came before it listened
TELEOP_REQUEST = Topic('moto/teleop/command_request', JointState, COMMAND, COMMAND)
TELEOP_STATE = _json('moto/teleop/state', messages.TeleopState, STATUS, STATUS)

# the policy
REQUEST = Topic('moto/policy/command_request', JointState, COMMAND, COMMAND)
DECISION = _json('moto/policy/decision', messages.Decision, LOG, LOG_READER)
OBSERVATION = Topic('moto/policy/observation', Image, LOG, LOG_READER)  # + /<camera>: as it saw it
POLICY_STATUS = _json('moto/policy/status', messages.PolicyStatus, STATUS, STATUS)
MANIFEST = _json('moto/policy/manifest', messages.PolicyManifest, LATCHED, LATCHED)

# the guard
EXECUTED = Topic('moto/guard/executed', JointState, LOG, LOG_READER)  # velocity let out
GUARD_REASONS = _json(
    'moto/guard/reasons', messages.GuardReasons, LOG, LOG_READER
)  # as it changes, and ten times a second
GUARD_STATE = _json('moto/guard/state', messages.GuardState, STATUS, STATUS)

# the recorder and the twin
EPISODE = _json('moto/recorder/episode', messages.EpisodeEvent, LATCHED, LATCHED)
RECORDER_STATE = _json('moto/recorder/state', messages.RecorderState, STATUS, STATUS)
TASK_STATE = _json('moto/twin/task_state', messages.TaskState, LOG, LOG_READER)
ROBOT_STATE = _json('moto/twin/robot_state', messages.RobotState, STATUS, STATUS)

# every node
PRESENCE = _json('moto/nodes', messages.Presence, LATCHED, LATCHED_READER)
DIAGNOSTICS = Topic('/diagnostics', DiagnosticArray, LOG, LOG)  # ROS's one place for all robots


def queued(topic: Topic, depth: int) -> Topic:
    """Returns the topic for a best-effort reader in whose queue so many messages wait."""
    return replace(topic, subscription=_profile(depth, _BEST))


def whole(topic: Topic) -> Topic:
    """Returns the topic for a reader that wants every message, of a status too."""
    if topic.subscription is not STATUS:
        return topic
    return replace(topic, subscription=STATUS_READER)


def observation(camera: str) -> Topic:
    """Returns the topic of the images that the policy saw of one camera."""
    return OBSERVATION.at(f'{OBSERVATION.name}/{camera}')


def request(period: float, topic: Topic = REQUEST) -> Topic:
    """Returns a topic of requests for a publisher: dead after 2.5 periods [s] of the policy.

    Subscriptions also accept publishers that promise no deadline.
    """
    profile, lifetime = _profile(1, _RELIABLE), Duration(seconds=STALE_PERIODS * period)
    profile.deadline = lifetime
    profile.lifespan = lifetime
    return replace(topic, publisher=profile)


def to_string(payload: Any) -> String:
    """Returns the message that carries a payload as JSON."""
    return String(data=messages.to_json(payload))


def payload_reader(
    topic: Topic, callback: Callable[[Any], object], refuse: Callable[[str], None]
) -> Callable[[String], None]:
    """Returns a callback for a String that passes its payload on, or tells `refuse` the error."""

    def read(message: String) -> None:
        try:
            payload = messages.from_json(topic.payload, message.data)
        except messages.MessageError as error:
            refuse(f"topic '{topic.name}': {error}")
        else:
            callback(payload)

    return read


def type_name(kind: type) -> str:
    """Returns a message class's name as 'package/msg/Name'."""
    return f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'


def message_class(kind: str) -> Any:
    """Returns the Python class of 'package/msg/Name'; raises ConfigError if it is missing."""
    package, _, name = kind.partition('/msg/')
    try:
        found = getattr(importlib.import_module(f'{package}.msg'), name)
        found.get_fields_and_field_types()  # what else a package holds is no message
        return found
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ConfigError(
            f"message type '{kind}' cannot be imported; expected an installed type "
            "such as 'sensor_msgs/msg/JointState'"
        ) from error


def mismatches(offered: QoSProfile, wanted: QoSProfile) -> list[str]:
    """Lists what a publisher offers below what a subscription wants; empty if they can talk."""
    found = []
    if wanted.reliability == _RELIABLE and offered.reliability == _BEST:
        found.append('reliability: offered best effort, wanted reliable')
    if wanted.durability == _LATCHED and offered.durability == _VOLATILE:
        found.append('durability: offered volatile, wanted transient local')
    if 0 < wanted.deadline.nanoseconds < (offered.deadline.nanoseconds or 2**63):
        found.append(
            f'deadline: offered {_seconds(offered.deadline)}, wanted {_seconds(wanted.deadline)}'
        )
    return found


def subscription_mismatches(node: Node, wanted: Iterable[tuple[str, QoSProfile]]) -> list[str]:
    """Lists, by topic and publisher, whom the node's subscriptions cannot hear."""
    found = []
    for topic, profile in wanted:
        for info in node.get_publishers_info_by_topic(topic):
            found += [
                f"topic '{topic}' from '{info.node_name}': {text}"
                for text in mismatches(info.qos_profile, profile)
            ]
    return found


def _seconds(duration: Duration) -> str:
    return f'{duration.nanoseconds * 1e-9:.3g} s' if duration.nanoseconds else 'none'
