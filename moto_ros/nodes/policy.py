"""The policy's node: cameras and joint states in, command requests out; it never moves the arm.

    Image, JointState -> convert, preprocess -> PolicyLoop -> command_request, step, observation

Run as `python -m moto_ros.nodes.policy`. A hung or dead policy is silence, which the guard brakes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import String

from moto_core.config import to_dict
from moto_core.errors import ObservationError
from moto_core.observation import GateLimits, preprocess
from moto_ros.config import camera_topics
from moto_ros.loops.policy import Decision, PolicyLoop, latencies
from moto_ros.loops.policy_slot import PolicySlot
from moto_ros.wire import names, qos
from moto_ros.wire.convert import check_size, decompress, from_rgb, image_converter, to_ns
from moto_ros.wire.diagnostics import Diagnostics
from moto_ros.wire.joints import joint_state, pick
from moto_ros.wire.lifecycle import MotoNode, from_json, said, to_json
from moto_ros.wire.runner import run


class PolicyNode(MotoNode):
    """Lifecycle node 'moto_policy'."""

    def __init__(self) -> None:
        super().__init__(names.POLICY)
        self.loop: PolicyLoop | None = None
        self.active = False
        self.waiting = self.config.policy.wait_for_episode

    @said
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads and verifies the policy; nothing is published."""
        params, spec = self.config.policy, self.robot.spec
        self.slot = PolicySlot(params, spec)
        self.loop = PolicyLoop(
            self.slot.policy,
            GateLimits(params.camera_age, params.joint_age, params.camera_skew, params.future),
        )
        self.to_rgb, converter = image_converter()
        for camera, topic in camera_topics(self.config, self.robot).items():
            self._hear_camera(camera, topic)
        self.hear(JointState, self.config.joint_states, self.on_joints, qos.SENSOR)
        self.hear(String, names.EPISODE, self.on_episode, qos.LATCHED)
        self.requests = self.say(JointState, names.REQUEST, qos.request_profile(spec.period))
        self.steps = self.say(String, names.STEP, qos.LOG)
        self.status = self.say(String, names.STATUS, qos.STATUS)
        self.manifest = self.say(String, names.MANIFEST, qos.LATCHED)
        self.seen = {
            camera: self.say(Image, names.observation_topic(camera), qos.LOG)
            for camera in spec.cameras
        }
        self.diagnostics = Diagnostics(self, names.POLICY)
        self.command('start_episode', self.start)
        self.command('stop_episode', self.stop)
        self.command('reload_policy', lambda: self.swap(self.slot.reload))
        self.command('rollback_policy', lambda: self.swap(self.slot.rollback))
        self.get_logger().info(f'policy {self.loop.policy.hash}, images by {converter}')
        return super().on_configure(state)

    @said
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to make requests, where every topic can be heard."""
        self.check_qos()
        assert self.loop is not None
        self.loop.forget()
        result = super().on_activate(state)
        self._show_policy()
        self.active = True
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops making requests; the guard brakes."""
        self.active = False
        return super().on_deactivate(state)

    def on_image(self, camera: str, convert: Callable[[Any], np.ndarray], message: Any) -> None:
        """Takes one camera's frame and steps the policy where that is due."""
        if not self.active or self.loop is None:
            return
        spec = self.robot.spec.cameras[camera]
        now = self.now()
        try:
            raw = convert(message)
            check_size(raw, spec.height, spec.width, camera)
            self.loop.frame(camera, preprocess(raw, spec), to_ns(message.header.stamp) or now, now)
        except ObservationError as error:
            self.complain(f"camera '{camera}': {error}")
        else:
            self._step()

    def on_joints(self, message: JointState) -> None:
        """Takes the joints' state, mapped by name."""
        if self.loop is None:
            return
        try:
            position, velocity = pick(message, self.robot.spec.names)
        except ObservationError as error:
            self.complain(str(error))
        else:
            self.loop.joints(position, velocity, to_ns(message.header.stamp) or self.now())

    def on_episode(self, message: String) -> None:
        """Follows the recorder's episodes."""
        (self.start if from_json(message).get('state') == 'started' else self.stop)()

    def start(self) -> str:
        """Begins an episode: the policy's state is forgotten, its requests are real."""
        if self.loop is not None:
            self.loop.start_episode()
        self.waiting = False
        return 'started'

    def stop(self) -> str:
        """Ends an episode: where the policy waits for the next one, it asks for rest."""
        self.waiting = self.config.policy.wait_for_episode
        return 'stopped'

    def swap(self, change: Callable[[bool], str]) -> str:
        """Changes the policy between episodes; one that is refused leaves this one in use."""
        assert self.loop is not None
        told = change(self.active and not self.waiting)
        self.loop.policy = self.slot.policy
        self.loop.forget()
        if self.active:
            self._show_policy()
        return told

    def report(self) -> None:
        """Publishes the status."""
        if not self.active or self.loop is None:
            return
        self.loop.count_missed(self.steady_now())
        self.status.publish(
            to_json(
                **self._counts(),
                waiting=self.waiting,
                reasons=self.loop.reasons,
                problem=self.problem,
            )
        )
        problems = [*self.loop.reasons, *([self.problem] if self.problem else [])]
        self.diagnostics.publish(problems, self._counts())

    def _step(self) -> None:
        assert self.loop is not None
        decision = self.loop.step(self.now(), self.steady_now())
        if decision is None:
            return
        # the same clip as the training environment's; a NaN stays one
        velocity = np.clip(decision.action, -1.0, 1.0) * self.robot.spec.scale
        if self.waiting:
            velocity = np.zeros_like(velocity)  # between episodes the policy asks for rest
        if not np.isfinite(velocity).all():
            self.complain(
                f'the policy gave {decision.action.tolist()}; expected finite numbers: no request'
            )
            return
        self.problem = ''
        self.requests.publish(joint_state(self.robot.spec.names, decision.stamp, velocity))
        if not self.waiting:
            self._log(decision)

    def _log(self, decision: Decision) -> None:
        body = decision.proprioception
        latency = latencies(decision, self.now())
        self.steps.publish(
            to_json(
                stamp=decision.stamp,
                index=decision.number,
                is_first=decision.is_first,
                action=decision.action.tolist(),
                disagreement=decision.disagreement,
                latency=latency,
                proprioception=None if body is None else body.tolist(),
                **self._counts(),
            )
        )
        for camera, image in decision.images.items():
            self.seen[camera].publish(from_rgb(image, decision.stamp, camera))

    def _show_policy(self) -> None:
        policy = self.slot.policy
        self.manifest.publish(to_json(hash=policy.hash, spec=to_dict(policy.spec)))

    def _counts(self) -> dict[str, Any]:
        assert self.loop is not None
        return {
            'policy': self.loop.policy.hash,
            'steps': self.loop.steps,
            'missed': self.loop.missed,
            'refused': self.loop.refused,
        }

    def _hear_camera(self, camera: str, topic: str) -> None:
        if camera in self.config.compressed:
            self.hear(
                CompressedImage,
                f'{topic}/compressed',
                partial(self.on_image, camera, decompress),
                qos.SENSOR,
            )
        else:
            self.hear(Image, topic, partial(self.on_image, camera, self.to_rgb), qos.SENSOR)


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(PolicyNode)


if __name__ == '__main__':
    sys.exit(main())
