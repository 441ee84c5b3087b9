"""Who is at the other end of a topic, as the graph tells it: by the names of their nodes.

In: a node, a topic's full name. Out: names; for subscriptions without those who look on and move
nothing, such as `ros2 topic echo` or a bag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from moto_ros.services import POLICY, RECORDER

if TYPE_CHECKING:
    from rclpy.node import Node

UNNAMED = '_NODE_NAME_UNKNOWN_'  # rmw's word: an end whose node nobody knows, or not yet
ONLOOKERS = (  # how the names of nodes begin that show and record what they hear
    '_',  # the command line's, and hidden nodes
    'rosbag2_',
    'rqt_',
    'foxglove_bridge',
    'rosbridge_',
    'plotjuggler',
)
OURS = (POLICY, RECORDER)  # neither moves an arm, whatever it records


def publishers(node: Node, topic: str) -> list[str]:
    """Returns the names of the nodes that publish on a topic, once for each publisher."""
    return sorted(full_name(info) for info in node.get_publishers_info_by_topic(topic))


class End(NamedTuple):
    """One subscription: whose, and which of all that its node ever had."""

    name: str  # of the node, with its namespace
    gid: tuple[int, ...]


def listening(node: Node, topic: str) -> list[End]:
    """Returns the ends that may act on a topic; one of a node without a name may."""
    found = node.get_subscriptions_info_by_topic(topic)
    return sorted(
        End(full_name(info), tuple(info.endpoint_gid))
        for info in found
        if not looks_on(info.node_name)
    )


def listeners(node: Node, topic: str) -> list[str]:
    """Returns the names of the nodes that may act on a topic, once for each subscription."""
    return [end.name for end in listening(node, topic)]


def onlookers(node: Node, topic: str) -> list[str]:
    """Returns the names of the nodes that hear a topic and move nothing."""
    found = node.get_subscriptions_info_by_topic(topic)
    return sorted(full_name(info) for info in found if looks_on(info.node_name))


def looks_on(name: str) -> bool:
    """Says whether the name of a node, without its namespace, is of one that moves nothing."""
    return name != UNNAMED and (name in OURS or name.startswith(ONLOOKERS))


def full_name(info: Any) -> str:
    """Returns the name of an end's node with its namespace; 'a node without a name' if none."""
    if info.node_name == UNNAMED:
        return 'a node without a name'
    return f'{info.node_namespace.rstrip("/")}/{info.node_name}'
