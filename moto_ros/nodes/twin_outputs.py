"""What the twin's node says: joints and images as a robot does; the task, and the arm's mode.

In: what a step of TwinLoop gives, the arm. Out: messages.
"""

from __future__ import annotations

from moto_ros.config import camera_topics
from moto_ros.loops.twin import Images, Joints, Task
from moto_ros.messages import RobotState, TaskState
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state
from moto_ros.wire.lifecycle import MotoNode
from moto_sim.franka import FrankaArm


class TwinOutputs:
    """The publishers of one twin's node."""

    def __init__(self, node: MotoNode) -> None:
        """Makes them, until cleanup."""
        self.node, self.names = node, node.robot.spec.names
        joint_states = interface.JOINT_STATES.at(node.config.joint_states)
        self.joints = node.create_publisher_of(joint_states)
        self.images = {
            camera: node.create_publisher_of(interface.CAMERA.at(topic))
            for camera, topic in camera_topics(node.config, node.robot).items()
        }
        self.task = node.create_publisher_of(interface.TASK_STATE)
        self.robot = node.create_publisher_of(interface.ROBOT_STATE)
        self._mode = ''  # last published

    def publish(self, seen: Joints | Images | Task, stamp: int, seed: int) -> None:
        """Publishes what is seen of a scene that began from a seed, stamped [ns]."""
        if isinstance(seen, Joints):
            self.joints.publish(joint_state(self.names, stamp, seen.velocity, seen.position))
        elif isinstance(seen, Images):
            for camera, image in seen.images.items():
                self.images[camera].publish(from_rgb(image, stamp, camera))
        else:
            state = TaskState(
                stamp=stamp, reward=seen.reward, success=seen.success, parts=seen.parts, seed=seed
            )
            self.task.publish(to_string(state))

    def publish_arm(self, arm: FrankaArm, always: bool) -> None:
        """Publishes mode and errors of the arm, always or as they change; a stop is logged."""
        new = arm.mode != self._mode
        if not (new or always):
            return
        self._mode = arm.mode
        state = RobotState(stamp=self.node.now(), mode=arm.mode, errors=arm.errors)
        self.robot.publish(to_string(state))
        if new and arm.stopped:
            self.node.get_logger().error(f'the arm is in {arm}')
