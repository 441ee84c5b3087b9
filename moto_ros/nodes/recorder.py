"""The recorder's node: joins the graph's topics into episodes on disk.

    policy/step, policy/observation/*, guard/executed, twin/task_state -> Recording -> Dataset

Run as `python -m moto_ros.nodes.recorder`. Nothing waits for it: its death stops no motion.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError, MotoError
from moto_ros.loops.recorder import Recording
from moto_ros.loops.step_join import Executed
from moto_ros.wire import names, qos
from moto_ros.wire.convert import to_ns, to_rgb
from moto_ros.wire.diagnostics import Diagnostics
from moto_ros.wire.lifecycle import MotoNode, from_json, message_class, said, to_json
from moto_ros.wire.runner import run


class RecorderNode(MotoNode):
    """Lifecycle node 'moto_recorder'."""

    def __init__(self) -> None:
        super().__init__(names.RECORDER)
        self.recording: Recording | None = None
        self.active = False
        self.policy_hash, self.task = '', self.config.record.task or self.config.twin.task
        self.policy_heard: float | None = None  # [s] steady time of its last status

    @said
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Opens the dataset under its lock, recovers what was left, and subscribes."""
        self.events = self.say(String, names.EPISODE, qos.LATCHED)
        self.recording = Recording(self.config.record.dataset, self.robot.spec, self.on_event)
        for finding in self.recording.dataset.findings:
            self.get_logger().warn(
                f'recovered {finding.id}: {finding.rows} steps; {finding.reason}'
            )
        self.hear(String, names.STEP, self.on_step, qos.LOG_READER)
        self.hear(String, names.STATUS, self.on_status, qos.STATUS)
        self.hear(String, names.MANIFEST, self.on_manifest, qos.LATCHED)
        self.hear(JointState, names.EXECUTED, self.on_executed, qos.LOG_READER)
        self.hear(String, names.TASK_STATE, self.on_task, qos.LOG_READER)
        for camera in self.robot.spec.cameras:
            self.hear(
                Image,
                names.observation_topic(camera),
                partial(self.on_image, camera),
                qos.LOG_READER,
            )
        for topic, kind in self.config.record.raw.items():
            self.hear(
                message_class(kind), topic, partial(self.on_raw, topic, kind), qos.SENSOR, raw=True
            )
        self.state = self.say(String, names.RECORDER_STATE, qos.STATUS)
        self.diagnostics = Diagnostics(self, names.RECORDER)
        for name, act in (
            ('start_episode', self.start),
            ('stop_episode', self.stop),
            ('discard_episode', self.recording.discard),
        ):
            self.command(name, act)
        self.switch('end_episode', self.end)
        self.switch('set_intervention', self.intervene)
        return super().on_configure(state)

    @said
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Accepts episodes, where every topic can be heard."""
        self.check_qos()
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Closes the episode that is open."""
        self.active = False
        if self.recording is not None:
            self.recording.finish()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Closes the episode that is open and gives the dataset back."""
        if self.recording is not None:
            self.recording.close()

    def forget(self) -> None:
        """Gives the dataset back with everything else."""
        self.halt()
        self.recording = None
        super().forget()

    def on_step(self, message: String) -> None:
        """Takes a decision, and writes the one before it."""
        info = from_json(message)
        if self.recording is not None and self.recording.state == 'recording' and info:
            self.recording.joiner.step(info, self.recording.intervention)
            self.recording.append()

    def on_image(self, camera: str, message: Image) -> None:
        """Takes an image that the policy saw."""
        if self.recording is not None:
            self.recording.joiner.image(
                camera, to_ns(message.header.stamp), to_rgb(message).copy()
            )

    def on_executed(self, message: JointState) -> None:
        """Takes what the guard sent at one tick."""
        if self.recording is not None and self.recording.writer is not None:
            reasons = tuple(filter(None, message.header.frame_id.split(',')))
            self.recording.joiner.executed(
                Executed(to_ns(message.header.stamp), np.array(message.velocity), reasons)
            )

    def on_task(self, message: String) -> None:
        """Takes the simulated task's reward and success."""
        info = from_json(message)
        if self.recording is not None and info:
            self.recording.joiner.task(info['stamp'], info['reward'], info['success'])

    def on_raw(self, topic: str, kind: str, data: bytes) -> None:
        """Writes a message as it came."""
        if self.recording is not None and self.recording.writer is not None:
            try:
                self.recording.writer.raw(topic, kind, data, self.now())
            except MotoError as error:
                self.recording.problem = str(error)

    def on_status(self, _: String) -> None:
        """Notes that the policy lives."""
        self.policy_heard = self.steady_now()

    def on_manifest(self, message: String) -> None:
        """Learns which policy acts."""
        self.policy_hash = from_json(message).get('hash', '')

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Tells the policy and the session that an episode begins or ends."""
        self.events.publish(to_json(**event))
        log = self.get_logger()
        (log.error if event.get('problem') else log.info)(f'episode {dict(event)}')

    def report(self) -> None:
        """Closes what has ended, and publishes the state."""
        if self.recording is None:
            return
        now, heard = self.steady_now(), self.policy_heard
        if (
            self.recording.state == 'recording'
            and heard is not None
            and now - heard > self.config.record.policy_timeout
        ):
            self.recording.stop(now, 'policy_died')
            self.policy_heard = None
        self.recording.poll(now)
        if self.active:
            writer, problem = self.recording.writer, self.recording.problem
            counts = {'id': self.recording.last, 'steps': writer.rows if writer else 0}
            self.state.publish(to_json(state=self.recording.state, **counts, problem=problem))
            self.diagnostics.publish([problem] if problem else [], counts, error=True)

    def start(self) -> str:
        """Begins an episode; returns its id."""
        if not self.active or self.recording is None:
            raise ConfigError(f'{names.RECORDER} is not active; activate it first')
        config = self.config
        self.policy_heard = self.steady_now()
        return self.recording.start(
            EpisodeHeader(
                task=self.task,
                source=config.record.source,
                spec=self.robot.spec,
                policy_hash=self.policy_hash,
                config_hash=config.hash,
                extra={'robot': self.robot.name, 'profile': config.profile},
            )
        )

    def stop(self) -> str:
        """Ends an episode, whose outcome may come later; returns its id."""
        assert self.recording is not None
        return self.recording.stop(self.steady_now())

    def end(self, success: bool) -> str:
        """Ends and labels an episode, or labels the last one; returns its id."""
        assert self.recording is not None
        return self.recording.end(success, self.steady_now())

    def intervene(self, on: bool) -> str:
        """Marks the steps from now on as a person's, or no longer."""
        assert self.recording is not None
        self.recording.intervention = on
        return f'intervention {on}'


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
