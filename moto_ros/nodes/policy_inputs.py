"""What the policy's node sees: cameras, joints, a gripper's fingers, what a person asks for.

    Image or CompressedImage -> convert -> preprocess -> PolicyLoop.frame -> `step`
    JointState, of the arm and of the fingers, by name -> PolicyLoop.joints

In: ROS messages. Out: calls of the policy's loop; what is silent, and what is wrong with headers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState

from moto_core.errors import ObservationError
from moto_core.observation import preprocess
from moto_core.ros_image import decompress
from moto_ros.config import camera_topics
from moto_ros.loops.fingers import Fingers
from moto_ros.loops.person import PersonPolicy
from moto_ros.loops.policy import PolicyLoop
from moto_ros.loops.streams import Streams
from moto_ros.wire import interface
from moto_ros.wire.camera_headers import CameraHeaders
from moto_ros.wire.convert import check_size, image_converter, to_ns
from moto_ros.wire.joints import asked, pick
from moto_ros.wire.lifecycle import MotoNode
from moto_ros.wire.polling import Polling


class PolicyInputs:
    """The subscriptions of one policy's node to what it sees."""

    def __init__(
        self,
        node: MotoNode,
        loop: PolicyLoop,
        active: Callable[[], bool],
        step: Callable[[], None],
    ) -> None:
        """Subscribes until the node's cleanup; a frame while `active` is followed by `step`."""
        self.node, self.loop, self._active, self._step = node, loop, active, step
        config, spec = node.config, node.robot.spec
        self.spec, self.joint_states = spec, config.joint_states
        self.headers = CameraHeaders(config.frames)
        self.to_rgb, self.converter = image_converter()
        self.cameras = camera_topics(config, node.robot)
        self._fingers = Fingers()
        self._apart = config.gripper.joint_states if spec.gripper else ''  # the fingers' topic
        needed = [*self.cameras.values()]
        if spec.proprioception:
            needed += filter(None, [self.joint_states, self._apart])
        self._streams = Streams(needed)
        for camera, topic in self.cameras.items():
            self._subscribe_to_camera(camera, topic)
        joint_states = interface.JOINT_STATES
        self._polling = Polling(node)  # an arm's joints: 1 kHz
        if self._apart:  # first: the arm's joints are put beside the newest of them
            self._polling.decoded(joint_states.at(self._apart), self.on_fingers)
        self._polling.decoded(joint_states.at(self.joint_states), self.on_joints)
        if isinstance(loop.policy, PersonPolicy):
            node.create_subscription_to(interface.TELEOP_REQUEST, self.on_person)

    def begin(self) -> None:
        """Waits for every topic from now on."""
        self._streams.begin(self.node.steady_now())

    def silent(self) -> list[str]:
        """Says which of the topics that a decision needs are silent."""
        self._polling.poll()
        found = self._streams.silent(self.node.steady_now())
        return [f"nothing comes on '{topic}'" for topic in found]

    def on_image(self, camera: str, convert: Callable[[Any], np.ndarray], message: Any) -> None:
        """Takes one camera's frame and steps the policy if that is due."""
        self._hear(self.cameras[camera])
        self._polling.poll()
        if not self._active():
            return
        spec, now = self.spec.cameras[camera], self.node.now()
        try:
            self.headers.check(camera, message.header)
            raw = convert(message)
            check_size(raw, spec.height, spec.width, camera)
            self.loop.frame(camera, preprocess(raw, spec), to_ns(message.header.stamp) or now, now)
        except ObservationError as error:
            self.node.report_problem(f"camera '{camera}': {error}")
            return
        try:
            self._step()
        except ObservationError as error:
            self.node.report_problem(str(error))

    def on_joints(self, message: JointState) -> None:
        """Takes the joints' state, mapped by name."""
        self._hear(self.joint_states)
        try:
            found = _finite(pick(message, self.spec.joints if self._apart else self.spec.names))
        except ObservationError as error:
            self.node.report_problem(str(error))
            return
        heard = self._polling.heard_at
        joints = self._fingers.beside(*found, heard) if self._apart else found
        if joints is not None:
            late = round(1e9 * self._polling.waited)
            self.loop.joints(*joints, to_ns(message.header.stamp) or self.node.now() - late)

    def on_fingers(self, message: JointState) -> None:
        """Takes the state of a gripper's joints that come on a topic of their own."""
        self._hear(self._apart)
        try:
            found = _finite(pick(message, self.spec.gripper))
        except ObservationError as error:
            self.node.report_problem(str(error))
        else:
            self._fingers.take(*found, self._polling.heard_at)

    def on_person(self, message: JointState) -> None:
        """Hears what a person asks for, which is what a demonstration's rows say."""
        if isinstance(self.loop.policy, PersonPolicy):
            names, velocity, _ = asked(message)
            self.loop.policy.hear(names, velocity)

    def _hear(self, topic: str) -> None:
        self._streams.heard(topic, self._polling.heard_at)

    def _subscribe_to_camera(self, camera: str, topic: str) -> None:
        seen, convert = interface.CAMERA.at(topic), self.to_rgb
        if camera in self.node.config.compressed:
            seen, convert = interface.COMPRESSED_CAMERA.at(f'{topic}/compressed'), decompress
        self.node.create_subscription_to(seen, partial(self.on_image, camera, convert))


def _finite(found: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions and velocities; raises ObservationError if one is no finite number."""
    for label, values in zip(('position', 'velocity'), found):
        if not np.isfinite(values).all():
            raise ObservationError(
                f'joint states hold the {label} {values.tolist()}; expected finite numbers'
            )
    return found
