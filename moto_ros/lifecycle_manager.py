"""Takes the nodes of a bring-up to active, then ends.

    python -m moto_ros.lifecycle_manager moto_twin moto_guard ... [--ros-args ...]

All are configured at once, then activated in the order given. Exit code 1 where one refuses.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future
from rclpy.utilities import remove_ros_args

from moto_core.errors import MotoError
from moto_ros.environment import prepare_environment

APPEAR = 60.0                                  # [s] for a process to start
CHANGE = 60.0                                  # [s] for a transition; a bundle is verified in it


def bring_up(node: Node, nodes: Sequence[str]) -> None:
    """Configures and activates the named lifecycle nodes.

    Raises MotoError that names the node which does not appear or refuses; its own log says why.
    """
    clients = {name: node.create_client(ChangeState, f'{name}/change_state') for name in nodes}
    for name, client in clients.items():
        if not client.wait_for_service(APPEAR):
            raise MotoError(f"node '{name}' did not appear within {APPEAR:.0f} s")
    asked = {name: _ask(client, Transition.TRANSITION_CONFIGURE)
             for name, client in clients.items()}
    for name, future in asked.items():
        _expect(node, future, name, 'configure')
    for name, client in clients.items():
        _expect(node, _ask(client, Transition.TRANSITION_ACTIVATE), name, 'activate')


def main() -> int:
    """Runs the bring-up of the nodes on the command line; returns the exit code."""
    prepare_environment()
    nodes = remove_ros_args(sys.argv)[1:]
    rclpy.init()
    node = rclpy.create_node('moto_lifecycle_manager')
    try:
        bring_up(node, nodes)
        node.get_logger().info(f"active: {', '.join(nodes)}")
        return 0
    except MotoError as error:
        node.get_logger().error(str(error))
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        return 1
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _ask(client: Client, transition: int) -> Future:
    return client.call_async(ChangeState.Request(transition=Transition(id=transition)))


def _expect(node: Node, future: Future, name: str, what: str) -> None:
    rclpy.spin_until_future_complete(node, future, timeout_sec=CHANGE)
    if not future.done():
        raise MotoError(f"node '{name}' did not answer '{what}' within {CHANGE:.0f} s")
    if not future.result().success:
        raise MotoError(f"node '{name}' refused to {what}; its log says why")


if __name__ == '__main__':
    sys.exit(main())
