"""Takes the nodes of a bring-up to active, then ends.

    python -m moto_ros.bringup.lifecycle_manager moto_twin moto_guard ... [--ros-args ...]

It waits until its own nodes say that they are there, and asks nothing of them if another
bring-up's of the same names are (roll_call.py). All are configured at once, then activated in the
order given. Exit code 1 if one refuses.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import rclpy
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future
from rclpy.utilities import remove_ros_args

from moto_core.errors import MotoError
from moto_ros.bringup.roll_call import RollCall, limits_line
from moto_ros.services import GUARD
from moto_ros.wire.environment import prepare_environment
from moto_ros.wire.started_by import end_with_bringup, started_by

SERVICES = 20.0  # [s] for the services of a node that is there
ANSWER = 4.0  # [s] after which the node's state is looked at
PRIMARY = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
)
CHANGE = 60.0  # [s] for a transition; a bundle is verified in it


class Managed:
    """One lifecycle node seen from outside."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.name = node, name
        self._change = node.create_client(ChangeState, f'{name}/change_state')
        self._state = node.create_client(GetState, f'{name}/get_state')
        self._asked: Future | None = None

    def appear(self) -> None:
        """Waits for the node's services; raises MotoError if they do not come."""
        for client in (self._change, self._state):
            if not client.wait_for_service(SERVICES):
                raise MotoError(f"node '{self.name}' has no services after {SERVICES:.0f} s")

    def ask(self, transition: int) -> None:
        """Asks for a transition."""
        self._asked = self._change.call_async(
            ChangeState.Request(transition=Transition(id=transition))
        )

    def expect(self, transition: int, goal: int, what: str) -> None:
        """Waits for the transition's end; raises MotoError if it is refused.

        A first answer may get lost while the two ends still discover each other, so that the
        state itself decides after a while, and a node that did not move is asked again.
        """
        end = time.monotonic() + CHANGE
        while time.monotonic() < end:
            assert self._asked is not None
            rclpy.spin_until_future_complete(self.node, self._asked, timeout_sec=ANSWER)
            if self._asked.done() and not self._asked.result().success:
                raise MotoError(f"node '{self.name}' refused to {what}; its log says why")
            state = None if self._asked.done() else self._current()
            if self._asked.done() or state == goal:
                return
            if state is not None:
                self.ask(transition)
        raise MotoError(f"node '{self.name}' did not answer '{what}' within {CHANGE:.0f} s")

    def _current(self) -> int | None:
        """The primary state's id; None while the node is too busy to say."""
        told = self._state.call_async(GetState.Request())
        rclpy.spin_until_future_complete(self.node, told, timeout_sec=ANSWER)
        if not told.done() or told.result().current_state.id not in PRIMARY:
            return None
        return told.result().current_state.id


def bring_up(node: Node, nodes: Sequence[str]) -> None:
    """Configures and activates the named lifecycle nodes.

    Raises MotoError that names the node which does not appear or refuses (its own log says why),
    or another bring-up's.
    """
    call = RollCall(node, nodes, started_by())
    managed = [Managed(node, name) for name in nodes]
    call.wait()
    for one in managed:
        one.appear()
    call.check()
    for one in managed:
        one.ask(Transition.TRANSITION_CONFIGURE)
    for one in managed:
        one.expect(Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_INACTIVE, 'configure')
    if GUARD in call.own:
        node.get_logger().info(limits_line(call.own[GUARD]))
    for one in managed:
        call.check()
        one.ask(Transition.TRANSITION_ACTIVATE)
        one.expect(Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE, 'activate')


def main() -> int:
    """Runs the bring-up of the nodes on the command line; returns the exit code."""
    prepare_environment()
    nodes = remove_ros_args(sys.argv)[1:]
    end_with_bringup()
    rclpy.init()
    try:
        return _bring_up(nodes)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 1
    except RCLError:
        if rclpy.ok():
            raise
        return 1  # a signal ended the context in the middle of a call
    finally:
        rclpy.try_shutdown()


def _bring_up(nodes: Sequence[str]) -> int:
    node = rclpy.create_node('moto_lifecycle_manager')
    try:
        bring_up(node, nodes)
        node.get_logger().info(f'active: {", ".join(nodes)}')
        return 0
    except MotoError as error:
        node.get_logger().error(str(error))
        return 1
    finally:
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())
