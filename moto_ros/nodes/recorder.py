"""The recorder's node: joins the graph's topics into episodes on disk.

    policy/decision, policy/observation/*, guard/executed, guard/reasons, twin/task_state -> rows
    joint_states, camera images, guard/state, more by configuration -> raw messages beside them
    all of it and the requests, of the last half minute before a stop -> a black box

Run as `python -m moto_ros.nodes.recorder`. Nothing waits for it: its death stops no motion.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image, JointState

from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError, ObservationError
from moto_ros.config import PERSON, recorded_setup, recorded_source, recorded_task
from moto_ros.loops.guard_log import Executed
from moto_ros.loops.hearing import Hearing
from moto_ros.loops.recorder import Recording
from moto_ros.loops.row_join import request_time
from moto_ros.messages import (
    LATCHED,
    Decision,
    EpisodeEvent,
    GuardReasons,
    PolicyManifest,
    TaskState,
)
from moto_ros.nodes.beside_rows import BesideRows
from moto_ros.services import RECORDER
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns, to_rgb
from moto_ros.wire.interface import to_string
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.runner import run

UNUSUAL = 0.1  # of the spec's rate that an episode's may differ without a warning


class RecorderNode(MotoNode):
    """Lifecycle node 'moto_recorder'."""

    def __init__(self) -> None:
        super().__init__(RECORDER)
        self.recording: Recording | None = None
        self.active = False
        self.policy_hash = ''
        self.scene: TaskState | None = None  # the newest, of a simulator
        self.hearing = Hearing(
            interface.POLICY_STATUS.name,
            interface.GUARD_REASONS.name,
            self.config.record.policy_timeout,
            self.steady_now(),
        )
        self.ears: BesideRows | None = None
        self.began = 0.0  # [s] when the last episode did
        self.stopped = 0  # [ns] when it was told to stop

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Opens the dataset under its lock, recovers what was left, and subscribes."""
        self.events = self.create_publisher_of(interface.EPISODE)
        self.recording = Recording(
            self.config.record.dataset,
            self.robot.spec,
            self.on_event,
            setup=recorded_setup(self.config, self.robot),
            compression=self.config.record.compression,
        )
        for finding in self.recording.dataset.findings:
            self.get_logger().warn(
                f'recovered {finding.id}: {finding.rows} rows; {finding.reason}'
            )
        self.ears = BesideRows(self, self.recording, self._stop_header)
        self._create_subscriptions(self.ears)
        self.state = self.create_publisher_of(interface.RECORDER_STATE)
        self.create_trigger_service('start_episode', self.start)
        self.create_trigger_service('stop_episode', self.stop)
        self.create_trigger_service('time_out_episode', self.time_out)
        self.create_trigger_service('discard_episode', self.recording.discard)
        self.create_switch_service('end_episode', self.end)
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Accepts episodes, if every topic can be heard."""
        self.check_qos()
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Closes the episode that is open."""
        self.active = False
        if self.recording is not None:
            self.recording.cut()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Closes the episode that is open and gives the dataset back."""
        if self.recording is not None:
            self.recording.cut()
        if self.ears is not None:
            self.ears.close()
        if self.recording is not None:
            self.recording.close()

    def destroy_entities(self) -> None:
        """Gives the dataset back with everything else."""
        self.halt()
        self.recording = self.ears = None
        super().destroy_entities()

    def on_decision(self, decision: Decision) -> None:
        """Takes a decision, and writes the rows before it; its images may come first.

        One that was requested before the episode was told to stop is still its own.
        """
        if self.recording is None:
            return
        late = self.recording.state == 'draining' and request_time(decision) <= self.stopped
        if self.recording.state == 'recording' or late:
            self.recording.joiner.decision(decision)
            self.recording.append()

    def on_image(self, camera: str, message: Image) -> None:
        """Takes an image that the policy saw, and writes the rows before it."""
        if self.recording is None:
            return
        try:
            image = to_rgb(message).copy()
        except ObservationError as error:
            self.report_problem(f"observation of camera '{camera}': {error}")
            return
        self.recording.joiner.image(camera, to_ns(message.header.stamp), image)
        self.recording.append()

    def on_executed(self, message: JointState) -> None:
        """Takes the velocity that the guard commanded at one tick; a row may wait for it."""
        if self.recording is not None and self.recording.writer is not None:
            tick = Executed(to_ns(message.header.stamp), np.array(message.velocity))
            self.recording.joiner.executed(tick)
            if self.recording.joiner.waits:
                self.recording.append()

    def on_reasons(self, reasons: GuardReasons) -> None:
        """Takes who drives and why the guard changes requests; a latched stop ends the episode."""
        self.hearing.reasons(reasons, self.steady_now())
        if self.recording is None or self.ears is None:
            return
        self.ears.on_reasons(reasons)
        self.recording.joiner.reasons(reasons)
        if reasons.state in LATCHED and self.recording.state == 'recording':
            self._stop(LATCHED[reasons.state])

    def on_task(self, state: TaskState) -> None:
        """Takes reward, success and parts of the simulated task."""
        self.scene = state
        if self.recording is not None and not self.config.record.labels_only:
            self.recording.joiner.task(state)

    def on_status(self, _: object) -> None:
        """Hears that a policy speaks."""
        self.hearing.policy(self.steady_now())

    def on_manifest(self, manifest: PolicyManifest) -> None:
        """Remembers the hash of the policy that acts."""
        self.policy_hash = manifest.hash

    def on_event(self, event: EpisodeEvent) -> None:
        """Tells the policy and the session that an episode begins or ends."""
        self.events.publish(to_string(event))
        rate, usual = event.rate, self.robot.spec.rate
        if event.problem:  # a call each: rclpy refuses another severity at the same one
            self.get_logger().error(event.sentence())
        elif event.gaps or event.lost or (rate and abs(rate - usual) > UNUSUAL * usual):
            self.get_logger().warn(f'{event.sentence()}; expected {usual:g} Hz without a gap')
        else:
            self.get_logger().info(event.sentence())

    def publish_status(self) -> None:
        """Closes what has ended, and publishes the state."""
        if self.recording is None or self.ears is None:
            return
        self.ears.polling.poll()  # nobody is silent whose words lie here
        now = self.steady_now()
        ended = self.hearing.look(now)
        self.ears.look(ended, now)
        longest = self.config.record.longest
        if not ended and 0.0 < longest <= now - self.began:
            ended = 'too_long'  # whoever began it may be gone
        if ended and self.recording.state == 'recording':
            self._stop(ended)
        self.recording.poll(now)
        if self.active:
            self._publish_state(self.recording)

    def start(self) -> str:
        """Begins an episode; returns its id."""
        if not self.active or self.recording is None or self.ears is None:
            raise ConfigError(f'{RECORDER} is not active; activate it first')
        self.ears.polling.poll()
        self.hearing.check(self.steady_now())
        self.problem = ''
        identity = self.recording.start(self._header(recorded_task(self.config)))
        self.began = self.steady_now()  # of this one: a refused start makes no other longer
        return identity

    def stop(self) -> str:
        """Ends an episode, whose outcome may come later; returns its id."""
        return self._told(self._stop(self.hearing.ended))

    def end(self, success: bool) -> str:
        """Ends and labels an episode, or labels the last one; returns its id."""
        assert self.recording is not None and self.ears is not None
        if self.recording.state == 'recording':
            self.ears.polling.poll()  # a success is said of all rows that have arrived
        if self.recording.state == 'recording':
            self._stop(self.hearing.ended)
        return self._told(self.recording.end(success, self.steady_now()))

    def time_out(self) -> str:
        """Ends an episode as a failure because its time is up; returns its id."""
        assert self.recording is not None
        self._stop('timeout')
        return self._told(self.recording.end(False, self.steady_now()))

    def _told(self, identity: str) -> str:
        """Returns what a person reads of an episode that was ended."""
        assert self.recording is not None
        if self.recording.state == 'draining' and self.recording.joiner.silent:
            return f'{identity}: no decision was heard; without a row it goes to quarantine'
        return identity

    def _stop(self, ended: str) -> str:
        assert self.recording is not None
        self.stopped = self.now()
        return self.recording.stop(self.steady_now(), ended)

    def _header(self, task: str) -> EpisodeHeader:
        config, scene, demonstrated = self.config, self.scene, self.policy_hash == PERSON
        told = scene.parts if scene and not config.record.labels_only else ()
        return EpisodeHeader(
            task=task,
            source=recorded_source(config),
            spec=self.robot.spec,
            setup=recorded_setup(config, self.robot),
            controller='teleop' if demonstrated else 'policy',
            policy_hash='' if demonstrated else self.policy_hash,
            config_hash=config.hash,
            seed=scene.seed if scene else None,
            parts=tuple(told),
            extra=self._limits(),
        )

    def _limits(self) -> dict[str, str]:
        return {
            'limits_file': self.present.limits_file,
            'limits_sha256': self.present.limits_sha256,
        }

    def _publish_state(self, recording: Recording) -> None:
        state = recording.status()
        self.state.publish(to_string(state))
        problems = [text for text in (state.problem, self.problem) if text]
        if state.dropped:
            problems.append(f'{state.dropped} rows lost: their images or decisions did not arrive')
        problems += [
            f'{count} messages of {topic} lost: they did not arrive'
            for topic, count in state.lost.items()
        ]
        values = {name: getattr(state, name) for name in ('state', 'episode', 'rows', 'dropped')}
        for what, counts in (('lost', state.lost), ('left out', state.left_out)):
            values |= {f'{topic} {what}': count for topic, count in counts.items()}
        self.publish_diagnostics(problems, values, error=bool(state.problem))

    def _create_subscriptions(self, ears: BesideRows) -> None:
        for topic, callback in (
            (interface.DECISION, self.on_decision),
            (interface.POLICY_STATUS, self.on_status),
            (interface.MANIFEST, self.on_manifest),
            (interface.EXECUTED, self.on_executed),
            (interface.GUARD_REASONS, self.on_reasons),
            (interface.TASK_STATE, self.on_task),
        ):
            ears.subscribe(topic, callback)
        for camera in self.robot.spec.cameras:
            topic = interface.observation(camera)
            ears.subscribe(topic, partial(self.on_image, camera))

    def _stop_header(self, about: dict[str, str]) -> EpisodeHeader:
        task = self.config.record.task or 'none'
        return replace(self._header(task), extra={**self._limits(), **about})


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
