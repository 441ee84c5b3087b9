"""The guard's node: the only publisher to the robot.

    requests, joint_states, joy, e-stops, the recorder's state -> ArmGuard
        -> commands or trajectories, gripper; executed, and the reasons for it

Run as `python -m moto_ros.nodes.guard`. No machine learning is imported here. It ticks on the
steady clock while active, and comes to rest before it stops for whatever reason.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool

from moto_core.config import config_file
from moto_core.guard.state import ESTOP, READY, GuardConfig, GuardOutput, GuardRefusal
from moto_ros.config import check_mode, command_topic
from moto_ros.loops.gripper import GripperLoop
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.halt import halt
from moto_ros.loops.sources import POLICY, TELEOP
from moto_ros.messages import DRY_RUN, GuardReasons, GuardState, RecorderState
from moto_ros.services import GUARD
from moto_ros.wire import interface
from moto_ros.wire.clocks import ClockOffset
from moto_ros.wire.convert import to_ns
from moto_ros.wire.gripper import GripperAction
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state, trajectory, velocity_array
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.runner import run

FOLLOWS = 0.010  # [s] that the arm may lag behind its trajectory
REQUESTS = {POLICY: interface.REQUEST, TELEOP: interface.TELEOP_REQUEST}
SHOWN = (  # of the state, in the diagnostics
    'state',
    'dry_run',
    'source',
    'at_rest',
    'from_home',
    'profile',
    'limits',
    'ticks',
    'late',
)
REASONS_RATE = 10.0  # [Hz] at which reasons that do not change are repeated


class GuardNode(MotoNode):
    """Lifecycle node 'moto_guard'."""

    def __init__(self) -> None:
        super().__init__(GUARD)
        self.loop: ArmGuard | None = None
        self.timer: Any = None
        self.told: tuple[str, ...] | None = (
            None  # mode, who drives and the reasons, last published
        )
        self.pressed = False  # the intervention button
        self.gripper_loop: GripperLoop | None = None
        self.clocks = ClockOffset(self.now, lambda: self.steady.now().nanoseconds)
        self.dry_run = self.config.command.dry_run
        self.command_topic = command_topic(self.config, self.robot)

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Resolves the limits and makes the robot's topics; nothing moves."""
        config, params = self.config, self.config.guard
        check_mode(config)
        self.arrays = config.command.mode == 'velocity_array'
        delay = 0.0 if self.arrays else config.command.delay
        self.loop = ArmGuard(
            self.robot,
            config.profile,
            GuardConfig(
                rate=params.rate,
                deadman_required=params.deadman_required,
                joint_age=params.joint_age,
                speed_floor=params.speed_floor,
                latency=delay + FOLLOWS if delay else 0.0,
                halt_stream=config.command.silence,
            ),
            ArmSettings(
                delay=delay,
                home_tolerance=params.home_tolerance,
                estops=tuple(params.estops),
                heartbeat=params.estop_heartbeat,
                record_required=config.record.required,
            ),
            before=self.loop,
        )
        self.loop.sends = not self.dry_run
        self._create_subscriptions()
        self._create_publishers()
        self.gripper_loop = self._create_gripper()
        self.create_trigger_service('arm', self.arm)
        self.create_trigger_service('home', self.home)
        self.create_trigger_service('disarm', self.loop.disarm)
        self.create_trigger_service('estop', self.loop.inbox.stop)
        self.create_trigger_service('reset_fault', self.reset_fault)
        self.create_switch_service('set_intervention', self.loop.intervene)
        self.create_switch_service('set_dry_run', self.set_dry_run)
        self._tell_limits()
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to tick, disarmed."""
        assert self.loop is not None
        self.check_qos()
        result = super().on_activate(state)
        self.loop.activate(True)
        self.timer = self.create_steady_timer(1.0 / self.config.guard.rate, self.on_tick)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Comes to rest, then stops ticking."""
        self.halt()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Comes to rest, ticking by itself: nothing else is handled meanwhile."""
        if self.loop is None or self.timer is None:
            return
        self.destroy_timer(self.timer)
        self.timer = None
        halt(self.loop, self._next_tick, self._publish)

    def on_tick(self) -> None:
        """Computes and publishes the command of this tick."""
        assert self.loop is not None
        output = self.loop.tick(self.steady_now())
        if output is not None:
            self._publish(output)

    def on_request(self, source: str, message: JointState) -> None:
        """Hands a source's request to the guard."""
        assert self.loop is not None
        self.loop.inbox.request(
            message.name,
            message.velocity,
            self._age(message.header.stamp),
            self.steady_now(),
            source,
        )

    def on_joints(self, message: JointState) -> None:
        """Hands the measured joints to the guard."""
        assert self.loop is not None
        self.loop.inbox.measured(
            message.name,
            message.position,
            message.velocity,
            self._age(message.header.stamp),
            self.steady_now(),
        )

    def on_joy(self, message: Joy) -> None:
        """Hands the states of the deadman and of the intervention button to the guard."""
        assert self.loop is not None
        params = self.config.guard
        self.loop.inbox.deadman(_pressed(message, params.deadman_button), self.steady_now())
        pressed = _pressed(message, params.intervention_button)
        if pressed != self.pressed:
            self.pressed = pressed
            self.loop.intervene(pressed)

    def on_estop(self, topic: str, message: Bool) -> None:
        """Hands the state of an e-stop to the guard."""
        assert self.loop is not None
        self.loop.inbox.estop(message.data, self.steady_now(), topic)

    def on_recorder(self, state: RecorderState) -> None:
        """Hands a recorder's word to the guard."""
        assert self.loop is not None
        if state.state == 'recording' and not state.problem:
            self.loop.inbox.recording(self.steady_now())

    def arm(self) -> str:
        """Lets requests move the arm; raises GuardRefusal if it may not, or nobody would hear."""
        assert self.loop is not None
        self._check_controller()
        return self.loop.arm()

    def home(self) -> str:
        """Leads the arm home; raises GuardRefusal if it may not, or nobody would hear."""
        assert self.loop is not None
        self._check_controller()
        return self.loop.home()

    def reset_fault(self) -> str:
        """Ends a fault or an e-stop; raises GuardRefusal while its cause is there."""
        assert self.loop is not None
        if self._has_two_masters():
            raise GuardRefusal(
                f"somebody else publishes on '{self.command_topic}' too; stop it, then reset"
            )
        for topic in self.config.guard.estops:
            if self.loop.state.mode == ESTOP and self.count_publishers(topic) > 1:
                raise GuardRefusal(
                    f"several publish on '{topic}', and which of them let go is not known: end "
                    'all but one, or give each a topic of its own (guard.estops), then reset'
                )
        return self.loop.reset_fault()

    def set_dry_run(self, on: bool) -> str:
        """Begins or ends a dry run; raises GuardRefusal unless READY and at rest."""
        assert self.loop is not None
        if self.loop.state.mode != READY or not self.loop.resting:
            raise GuardRefusal(
                f'dry_run changes only in READY and at rest; the guard is in '
                f'{self.loop.state.mode}: disarm it first'
            )
        self.dry_run, self.loop.sends = on, not on
        return f'dry_run {on}'

    def publish_status(self) -> None:
        """Publishes the state, and looks for a second master of the arm and for its controller."""
        if self.loop is None or self.timer is None or self.loop.output is None:
            return
        if self._has_two_masters():
            self.loop.fault('two_masters')
        if self.loop.state.armed and self._is_alone():
            self.loop.fault('nobody_listens')
        loop, output = self.loop, self.loop.output
        state = GuardState(
            state=loop.state.mode,
            source=loop.source,
            reasons=output.reasons,
            cause=tuple(loop.state.cause),
            scale=output.scale,
            profile=self.config.profile,
            limits=self.robot.hash,
            at_rest=loop.resting,
            from_home=loop.from_home,
            interventions=dict(loop.interventions),
            ticks=loop.ticks,
            late=loop.late,
            dry_run=self.dry_run,
        )
        self.state.publish(to_string(state))
        values = {name: getattr(state, name) for name in SHOWN}
        gripper = ''
        if self.gripper_loop is not None:
            self.gripper_loop.poll(self.steady_now())
            gripper = self.gripper_loop.problem
        problems = [*loop.state.cause, *filter(None, [loop.problem, gripper])]
        self.publish_diagnostics(problems, values, error=loop.faulted)

    def _tell_limits(self) -> None:
        assert self.loop is not None
        limits, robot = self.loop.limits, self.robot
        self.get_logger().info(
            f"limits of robot '{robot.name}' ({config_file('robot', self.config.robot)}, hash "
            f"{robot.hash}), profile '{self.config.profile}': at most "
            f'{", ".join(f"{speed:.3g}" for speed in limits.dq)} rad/s, '
            f'{limits.acceleration:g} rad/s^2, {limits.jerk:g} rad/s^3, '
            f'{limits.margin:g} rad from every limit'
        )

    def _create_subscriptions(self) -> None:
        for source, topic in REQUESTS.items():
            self.create_subscription_to(topic, partial(self.on_request, source))
        joint_states = interface.JOINT_STATES.at(self.config.joint_states)
        self.create_subscription_to(joint_states, self.on_joints)
        self.create_subscription_to(interface.JOY, self.on_joy)
        for name in self.config.guard.estops:
            pressed = partial(self.on_estop, name)
            self.create_subscription_to(interface.ESTOP.at(name), pressed)
            self.create_subscription_to(interface.ESTOP_LATCHED.at(name), pressed, checked=False)
        if self.config.record.required:
            self.create_subscription_to(interface.RECORDER_STATE, self.on_recorder)

    def _create_publishers(self) -> None:
        commands = interface.VELOCITIES if self.arrays else interface.TRAJECTORY
        self.commands = self.create_publisher_of(commands.at(self.command_topic))
        self.gripper = self.create_publisher_of(interface.GRIPPER)
        self.executed = self.create_publisher_of(interface.EXECUTED)
        self.reasons = self.create_publisher_of(interface.GUARD_REASONS)
        self.state = self.create_publisher_of(interface.GUARD_STATE)

    def _create_gripper(self) -> GripperLoop | None:
        """Returns what tells a gripper's driver goals; None: it takes velocities, or is none."""
        spec, params = self.robot.spec, self.config.gripper
        if not params.action or not spec.gripper:
            return None
        client = GripperAction(self, params)
        self.destroyed_with(client.destroy)
        return GripperLoop(client, spec.scale[len(spec.joints) :])

    def _publish(self, output: GuardOutput) -> None:
        assert self.loop is not None
        if not output.publish:
            return
        stamp, velocity = self.now(), np.concatenate([output.velocity, output.gripper])
        reasons = output.reasons
        if self.dry_run:  # what would be let out is shown, and nothing of it sent
            reasons = (DRY_RUN, *reasons)
        else:
            self._command(output)
        self.executed.publish(joint_state(self.robot.spec.names, stamp, velocity))
        told = (output.state, self.loop.source, *reasons)
        if told != self.told or self.loop.due('reasons', REASONS_RATE):
            self.reasons.publish(
                to_string(
                    GuardReasons(
                        stamp=stamp, state=output.state, source=self.loop.source, reasons=reasons
                    )
                )
            )
            self.told = told

    def _command(self, output: GuardOutput) -> None:
        assert self.loop is not None
        if self.arrays:
            self.commands.publish(velocity_array(output.velocity))
        elif knots := self.loop.trajectory(self.config.guard.trajectory_rate):
            ahead = self.clocks.read() + round(self.loop.delay * 1e9)
            self.commands.publish(trajectory(self.robot.spec.joints, knots, ahead))
        if self.gripper_loop is not None:
            self.gripper_loop.take(output.gripper)
        elif output.gripper.size and self.loop.due('gripper', self.config.command.gripper_rate):
            self.gripper.publish(velocity_array(output.gripper))

    def _check_controller(self) -> None:
        if self._is_alone():
            raise GuardRefusal(
                f"nobody listens on '{self.command_topic}': start the controller, then arm"
            )

    def _is_alone(self) -> bool:
        return not self.dry_run and self.count_subscribers(self.command_topic) == 0

    def _has_two_masters(self) -> bool:
        return not self.dry_run and self.count_publishers(self.command_topic) > 1

    def _next_tick(self) -> float:
        """Sleeps for a tick; returns the time [s] on the steady clock."""
        time.sleep(1.0 / self.config.guard.rate)
        return self.steady_now()

    def _age(self, stamp: Time) -> float | None:
        """Returns how old [s] a stamp of the ROS clock is; None if it is zero."""
        value = to_ns(stamp)
        return (self.now() - value) * 1e-9 if value else None


def _pressed(message: Joy, button: int) -> bool:
    return button < len(message.buttons) and bool(message.buttons[button])


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(GuardNode)


if __name__ == '__main__':
    sys.exit(main())
