"""The policy's node: cameras and joint states in, command requests out; it never moves the arm.

    PolicyInputs: cameras, joints -> PolicyLoop -> command_request, decision, observation
    EpisodeEvent: when it acts         Succession -> another policy, between episodes

Run as `python -m moto_ros.nodes.policy`. A hung or dead policy is silence, which the guard brakes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState

from moto_core.config import to_dict
from moto_core.observation import GateLimits
from moto_core.policy.policy import OnnxPolicy
from moto_ros.config import recorded_setup
from moto_ros.loops.caution import follows, holds, surprised
from moto_ros.loops.done import DoneInstead
from moto_ros.loops.guard_log import Executed
from moto_ros.loops.person import PersonPolicy
from moto_ros.loops.policy import Decided, PolicyLoop, PolicySlot, limits_of, requested_at
from moto_ros.loops.succession import Succession
from moto_ros.messages import EpisodeEvent, GuardReasons, PolicyManifest, PolicyStatus
from moto_ros.nodes.policy_inputs import PolicyInputs
from moto_ros.services import POLICY
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb, to_ns
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import request
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.polling import Polling
from moto_ros.wire.runner import run

SHOWN = (
    *('policy', 'decisions', 'missed', 'refused'),
    *('surprise', 'slow', 'hold', 'speed_scale', 'successor'),
)
UNLIMITED = (
    'the policy has no limits of the surprise: nothing that it sees slows or holds the arm '
    '(moto-export --held-out DATASET gives some to one that has a world model)'
)
LEARNED_ELSEWHERE = "the setup of the policy's episodes and this one differ"


class PolicyNode(MotoNode):
    """Lifecycle node 'moto_policy'."""

    def __init__(self) -> None:
        super().__init__(POLICY)
        self.loop: PolicyLoop | None = None
        self.active = False
        self.waiting = self.config.policy.wait_for_episode
        self.episode = ''  # id of the recorder's episode

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads and verifies the policy; nothing is published."""
        params, spec = self.config.policy, self.robot.spec
        self.slot = PolicySlot(params, spec, recorded_setup(self.config, self.robot))
        self.loop = PolicyLoop(
            self.slot.policy,
            GateLimits(
                camera_age=params.camera_age,
                joint_age=params.joint_age,
                camera_skew=params.camera_skew,
                future=params.future,
            ),
        )
        self.succession = Succession(self.slot, params) if params.follow else None
        if self.succession is not None:
            self.destroyed_with(self.succession.close)
        self.done = DoneInstead(spec)
        self.inputs = PolicyInputs(self, self.loop, lambda: self.active, self._step)
        self._create_subscriptions()
        self.requests = self.create_publisher_of(interface.request(spec.period))
        self.decisions = self.create_publisher_of(interface.DECISION)
        self.status = self.create_publisher_of(interface.POLICY_STATUS)
        self.manifest = self.create_publisher_of(interface.MANIFEST)
        self.seen = {
            camera: self.create_publisher_of(interface.observation(camera))
            for camera in spec.cameras
        }
        self.create_trigger_service('start_episode', self.start)
        self.create_trigger_service('stop_episode', self.stop)
        self.create_trigger_service('reload_policy', lambda: self.swap(self.slot.reload))
        self.create_trigger_service('rollback_policy', lambda: self.swap(self.slot.rollback, True))
        self.get_logger().info(
            f'policy {self.loop.policy.hash}, images by {self.inputs.converter}'
        )
        self._warn()
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to make requests, if every topic can be heard."""
        self.check_qos()
        assert self.loop is not None
        self.loop.forget()
        self.inputs.begin()
        result = super().on_activate(state)
        self._show_policy()
        self.active = True
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops making requests; the guard brakes."""
        self.halt()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Makes no request any more."""
        self.active = False

    def on_episode(self, event: EpisodeEvent) -> None:
        """Follows the recorder's episodes."""
        begins = event.state == 'started'
        if self.succession is not None and self.busy:
            self.succession.heard_busy(self.steady_now())
        self.episode = event.episode if begins else ''
        if begins and self.loop and event.policy not in ('', self.loop.policy.hash):
            self.report_problem(
                f'episode {event.episode} began as of policy {event.policy[:12]}, and '
                f'{self.loop.policy.hash[:12]} was just swapped in: it makes no decision; begin '
                'another'
            )
            begins = False
        (self.start if begins else self.stop)()
        if not begins and self.active:
            self._succeed()  # at once: the next episode's header has the hash of what acts in it

    def on_guard(self, told: GuardReasons) -> None:
        """Hears whether the arm does what is asked."""
        if self.loop is None:
            return
        self.done.reasons(told)
        self.loop.follow(follows(told), holds(told))
        if self.succession is not None:
            self.succession.hear(told, self.steady_now(), self.busy)

    def on_executed(self, message: JointState) -> None:
        """Hears what the guard let out at one tick."""
        if len(message.velocity) == self.robot.spec.action_size:
            self.done.executed(Executed(to_ns(message.header.stamp), np.array(message.velocity)))

    def start(self) -> str:
        """Begins an episode: the policy's state is forgotten, its requests are real."""
        if self.loop is not None:
            self.loop.start_episode(self.episode)
        self.waiting = False
        return 'started'

    def stop(self) -> str:
        """Ends an episode: a policy that waits for the next one asks for rest."""
        self.waiting = self.config.policy.wait_for_episode
        return 'stopped'

    def swap(self, change: Callable[[bool], str], back: bool = False) -> str:
        """Changes the policy between episodes; one that is refused leaves this one in use.

        `back`: the one that is left is not wanted.
        """
        left = self.slot.policy
        told = change(self.busy)
        if self.succession is not None:
            self.succession.replaced(left if back else None)
        self._use()
        how = f'went back to it from {left.hash[:12]}' if back else 'had it loaded'
        self.get_logger().info(f'policy {told[:12]} is in use, a person {how}')
        return told

    @property
    def busy(self) -> bool:
        """Whether an episode may be running."""
        return self.active and not self.waiting

    def publish_status(self) -> None:
        """Publishes the status."""
        if not self.active or self.loop is None:
            return
        self._succeed()
        self.polling.poll()  # no image steps it
        loop, caution = self.loop, self.loop.caution
        loop.count_missed(self.steady_now())
        status = PolicyStatus(
            policy=loop.policy.hash,
            decisions=loop.decisions,
            missed=loop.missed,
            refused=loop.refused,
            waiting=self.waiting,
            reasons=(*loop.reasons, *self._silent()),
            differences=self.slot.differences,
            surprise=caution.mean,
            slow=caution.limits.slow if caution.limits else None,
            hold=caution.limits.hold if caution.limits else None,
            speed_scale=caution.scale,
            successor=self.succession.standing if self.succession else '',
            problem=self.problem,
        )
        self.status.publish(to_string(status))
        values = {name: getattr(status, name) for name in SHOWN}
        said = [self.problem, surprised(status)]
        problems = [*status.reasons, *(one for one in said if one)]
        headers = self.inputs.headers.warnings()
        problems += headers
        for sentence in headers:
            self.get_logger().warn(sentence, throttle_duration_sec=60.0)
        if status.differences:
            problems.append(f'{LEARNED_ELSEWHERE}: {"; ".join(status.differences)}')
        self.publish_diagnostics(problems, values)

    def _step(self) -> None:
        assert self.loop is not None
        self.polling.poll()
        now = self.now()
        decided = self.loop.step(now, self.steady_now(), self.done.action(now))
        if decided is None:
            return
        decision = decided.decision
        # the same clip as the training environment's; a NaN stays one
        velocity = np.clip(decision.action, -1.0, 1.0) * self.robot.spec.scale
        if self.waiting or isinstance(self.loop.policy, PersonPolicy):
            velocity = np.zeros_like(velocity)  # between episodes, or who drives asks himself
        scale = 1.0 if self.waiting else decision.speed_scale
        if not np.isfinite(velocity).all():
            if not self.waiting and self.succession is not None:
                self.succession.take(decided)
            self.report_problem(
                f'the policy gave {list(decision.action)}; expected finite numbers: no request'
            )
            return
        self.problem = ''
        self.requests.publish(request(self.robot.spec.names, decision.stamp, velocity, scale))
        self.done.asked(self.now(), scale)
        if not self.waiting:
            self._log(decided)
            if self.succession is not None:
                self.succession.take(decided, self.loop.followed)

    def _log(self, decided: Decided) -> None:
        observation, decision = decided.observation, decided.decision
        self.decisions.publish(to_string(requested_at(decision, self.now())))
        for camera, image in observation.images.items():
            self.seen[camera].publish(from_rgb(image, observation.stamp, camera))

    def _succeed(self) -> None:
        """Swaps in what the name-file names next, between episodes."""
        if self.succession is None:
            return
        if self.succession.step(self.steady_now(), self.busy):
            self._use()
        for sentence in self.succession.news():
            level = self.get_logger().warn if ': ' in sentence else self.get_logger().info
            level(sentence)

    def _use(self) -> None:
        """Lets the loop run the slot's policy, and says which that is."""
        assert self.loop is not None
        self.loop.use(self.slot.policy)
        self._warn()
        if self.active:
            self._show_policy()

    def _warn(self) -> None:
        """Says where the policy learned under another setup, and if nothing surprises it."""
        if self.slot.differences:
            self.get_logger().warn(f'{LEARNED_ELSEWHERE}: {"; ".join(self.slot.differences)}')
        if isinstance(self.slot.policy, OnnxPolicy) and limits_of(self.slot.policy) is None:
            self.get_logger().warn(UNLIMITED)

    def _show_policy(self) -> None:
        policy = self.slot.policy
        manifest = PolicyManifest(hash=policy.hash, spec=to_dict(policy.spec))
        self.manifest.publish(to_string(manifest))

    def _silent(self) -> list[str]:
        """Says which of the topics that a decision needs are silent, and whether the clock is."""
        return [*self.inputs.silent(), *filter(None, [self.clock_problem])]

    def _create_subscriptions(self) -> None:
        self.create_subscription_to(interface.EPISODE, self.on_episode)
        self.create_subscription_to(interface.GUARD_REASONS, self.on_guard)
        self.polling = Polling(self)  # of the guard's ticks: 250 Hz
        self.polling.decoded(interface.EXECUTED, self.on_executed)


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(PolicyNode)


if __name__ == '__main__':
    sys.exit(main())
