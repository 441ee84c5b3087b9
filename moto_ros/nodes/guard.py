"""The guard's node: the only publisher to the robot.

    command_request, joint_states, joy, estop -> ArmGuard -> commands or trajectories, gripper
                                                           -> executed, and the reasons for it

Run as `python -m moto_ros.nodes.guard`. No machine learning is imported here. It ticks on the
steady clock while active, and comes to rest before it stops for whatever reason.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool

from moto_core.guard.state import READY, GuardConfig, GuardOutput, GuardRefusal
from moto_ros.config import check_mode, command_topic
from moto_ros.loops.guard import ArmGuard
from moto_ros.messages import DRY_RUN, GuardReasons, GuardState
from moto_ros.services import GUARD
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state, trajectory, velocity_array
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.runner import run

FOLLOWS = 0.010  # [s] that the arm may lag behind its trajectory
STEP = 5_000_000  # [ns] between two clocks that is a step of one
SLEW = 0.02  # of their difference that a message follows
REASONS_RATE = 10.0  # [Hz] at which reasons that do not change are repeated


class GuardNode(MotoNode):
    """Lifecycle node 'moto_guard'."""

    def __init__(self) -> None:
        super().__init__(GUARD)
        self.loop: ArmGuard | None = None
        self.timer: Any = None
        self.told: tuple[str, ...] | None = None  # the reasons last published
        self.ahead = 0  # [ns] of the ROS clock over the steady one
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
            delay,
            before=self.loop,
        )
        self.loop.sends = not self.dry_run
        self._create_subscriptions()
        self._create_publishers()
        self.create_trigger_service('arm', self.arm)
        self.create_trigger_service('disarm', self.loop.disarm)
        self.create_trigger_service('estop', self.loop.stop)
        self.create_trigger_service('reset_fault', self.reset_fault)
        self.create_switch_service('set_dry_run', self.set_dry_run)
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
        self.loop.halt(self._next_tick, self._publish)

    def on_tick(self) -> None:
        """Computes and publishes the command of this tick."""
        assert self.loop is not None
        output = self.loop.tick(self.steady_now())
        if output is not None:
            self._publish(output)

    def on_request(self, message: JointState) -> None:
        """Hands a request to the guard."""
        assert self.loop is not None
        self.loop.request(
            message.name, message.velocity, self._age(message.header.stamp), self.steady_now()
        )

    def on_joints(self, message: JointState) -> None:
        """Hands the measured joints to the guard."""
        assert self.loop is not None
        self.loop.measured(
            message.name,
            message.position,
            message.velocity,
            self._age(message.header.stamp),
            self.steady_now(),
        )

    def on_joy(self, message: Joy) -> None:
        """Hands the state of the deadman button to the guard."""
        assert self.loop is not None
        button = self.config.guard.deadman_button
        pressed = button < len(message.buttons) and bool(message.buttons[button])
        self.loop.deadman(pressed, self.steady_now())

    def on_estop(self, message: Bool) -> None:
        """Hands the state of the e-stop to the guard."""
        assert self.loop is not None
        self.loop.estop(message.data)

    def arm(self) -> str:
        """Lets requests move the arm; raises GuardRefusal if it may not, or nobody would hear."""
        assert self.loop is not None
        if self._is_alone():
            raise GuardRefusal(
                f"nobody listens on '{self.command_topic}': start the controller, then arm"
            )
        return self.loop.arm()

    def reset_fault(self) -> str:
        """Ends a fault or an e-stop; raises GuardRefusal while its cause is there."""
        assert self.loop is not None
        if self._has_two_masters():
            raise GuardRefusal(
                f"somebody else publishes on '{self.command_topic}' too; stop it, then reset"
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
            reasons=output.reasons,
            cause=tuple(loop.state.cause),
            scale=output.scale,
            at_rest=loop.resting,
            interventions=dict(loop.interventions),
            ticks=loop.ticks,
            late=loop.late,
            dry_run=self.dry_run,
        )
        self.state.publish(to_string(state))
        values = {name: getattr(state, name) for name in ('state', 'ticks', 'late', 'dry_run')}
        self.publish_diagnostics(loop.state.cause, values, error=loop.faulted)

    def _create_subscriptions(self) -> None:
        for topic in (interface.REQUEST, interface.TELEOP_REQUEST):
            self.create_subscription_to(topic, self.on_request)
        joint_states = interface.JOINT_STATES.at(self.config.joint_states)
        self.create_subscription_to(joint_states, self.on_joints)
        self.create_subscription_to(interface.JOY, self.on_joy)
        self.create_subscription_to(interface.ESTOP, self.on_estop)
        self.create_subscription_to(interface.ESTOP_LATCHED, self.on_estop, checked=False)

    def _create_publishers(self) -> None:
        commands = interface.VELOCITIES if self.arrays else interface.TRAJECTORY
        self.commands = self.create_publisher_of(commands.at(self.command_topic))
        self.gripper = self.create_publisher_of(interface.GRIPPER)
        self.executed = self.create_publisher_of(interface.EXECUTED)
        self.reasons = self.create_publisher_of(interface.GUARD_REASONS)
        self.state = self.create_publisher_of(interface.GUARD_STATE)

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
        if reasons != self.told or self.loop.due('reasons', REASONS_RATE):
            self.reasons.publish(to_string(GuardReasons(stamp=stamp, reasons=reasons)))
            self.told = reasons

    def _command(self, output: GuardOutput) -> None:
        assert self.loop is not None
        if self.arrays:
            self.commands.publish(velocity_array(output.velocity))
        elif knots := self.loop.trajectory(self.config.guard.trajectory_rate):
            ahead = self._clocks() + round(self.loop.delay * 1e9)
            self.commands.publish(trajectory(self.robot.spec.joints, knots, ahead))
        if output.gripper.size and self.loop.due('gripper', self.config.command.gripper_rate):
            self.gripper.publish(velocity_array(output.gripper))

    def _is_alone(self) -> bool:
        return not self.dry_run and self.count_subscribers(self.command_topic) == 0

    def _has_two_masters(self) -> bool:
        return not self.dry_run and self.count_publishers(self.command_topic) > 1

    def _next_tick(self) -> float:
        """Sleeps for a tick; returns the time [s] on the steady clock."""
        time.sleep(1.0 / self.config.guard.rate)
        return self.steady_now()

    def _clocks(self) -> int:
        """Returns how far [ns] the ROS clock is ahead of the steady one, less the readings' noise.

        They are read one after the other: of three readings the quickest knows best. It is
        followed slowly, as a message that is stamped otherwise than the last shifts the arm's
        curve; a step of the clock is followed at once.
        """
        found = []
        for _ in range(3):
            begin = self.steady.now().nanoseconds
            stamp, end = self.now(), self.steady.now().nanoseconds
            found.append((end - begin, stamp - (begin + end) // 2))
        away = min(found)[1] - self.ahead
        self.ahead += away if abs(away) > STEP else round(SLEW * away)
        return self.ahead

    def _age(self, stamp: Time) -> float | None:
        """Returns how old [s] a stamp of the ROS clock is; None if it is zero."""
        value = to_ns(stamp)
        return (self.now() - value) * 1e-9 if value else None


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(GuardNode)


if __name__ == '__main__':
    sys.exit(main())
