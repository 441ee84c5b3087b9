"""A gripper's driver behind control_msgs/GripperCommand, as franka_gripper offers it.

control_msgs comes with a ROS 2 distribution only. franka_gripper takes the position of one finger,
half the width, and grasps with `max_effort` when it closes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient

from moto_core.errors import ConfigError
from moto_ros.config import GripperParams

if TYPE_CHECKING:
    from rclpy.node import Node


class GripperAction:
    """A client of one gripper's action."""

    def __init__(self, node: Node, params: GripperParams) -> None:
        """Raises ConfigError where control_msgs is not installed."""
        self._params, self._kind = params, gripper_command()
        self._client = ActionClient(node, self._kind, params.action)

    def is_ready(self) -> bool:
        """Says whether the driver takes goals."""
        return self._client.server_is_ready()

    def send(self, opened: bool, over: Callable[[str], None]) -> None:
        """Sends a goal; `over` is called once it has ended, with the problem or ''."""
        goal = self._kind.Goal()
        goal.command.position = self._params.opened if opened else self._params.closed
        goal.command.max_effort = self._params.effort

        def accepted(future: Any) -> None:
            handle = future.result()
            if not handle.accepted:
                over('the gripper refused the goal')
                return
            handle.get_result_async().add_done_callback(ended)

        def ended(future: Any) -> None:
            over(_problem(future.result()))

        self._client.send_goal_async(goal).add_done_callback(accepted)

    def destroy(self) -> None:
        """Ends the client."""
        self._client.destroy()


def gripper_command() -> Any:
    """Returns the action's type; raises ConfigError where control_msgs is not installed."""
    try:
        return importlib.import_module('control_msgs.action').GripperCommand
    except ImportError as error:
        raise ConfigError(
            'gripper.action is set, and control_msgs is not installed; install it '
            "(apt install ros-$ROS_DISTRO-control-msgs), or leave gripper.action ''"
        ) from error


def _problem(answer: Any) -> str:
    """The problem of a goal that ended; closing on an object stalls, which is none."""
    done = answer.status == GoalStatus.STATUS_SUCCEEDED
    if done and (answer.result.reached_goal or answer.result.stalled):
        return ''
    return f'the gripper ended its goal with status {answer.status}, not where it was told'
