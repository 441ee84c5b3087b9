"""What the guard's node says: commands to the arm and its gripper, and what it let out and why.

In: a tick's GuardOutput. Out: messages; in a dry run those that show it, and none that move
anything.
"""

from __future__ import annotations

import numpy as np

from moto_core.guard.state import RUNNING, GuardOutput
from moto_ros.config import command_topic
from moto_ros.loops.gripper import GripperLoop
from moto_ros.loops.guard import ArmGuard
from moto_ros.messages import DRY_RUN, GuardReasons
from moto_ros.wire import interface
from moto_ros.wire.endpoints import listeners
from moto_ros.wire.gripper import GripperAction
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state, trajectory, velocity_array
from moto_ros.wire.lifecycle import MotoNode

REASONS_RATE = 10.0  # [Hz] at which reasons that do not change are repeated


class GuardOutputs:
    """The publishers of one guard's node."""

    def __init__(self, node: MotoNode, loop: ArmGuard) -> None:
        """Makes them, until cleanup; raises ConfigError for a gripper without its type."""
        self.node, self.loop = node, loop
        self._due = loop.pace.due
        self.config, self.spec = node.config, node.robot.spec
        commands = interface.TRAJECTORY if loop.delay else interface.VELOCITIES
        self.commands = node.create_publisher_of(
            commands.at(command_topic(node.config, node.robot))
        )
        self.topic = self.commands.topic_name  # remapped: the graph knows no other name
        self.gripper_velocities = node.create_publisher_of(interface.GRIPPER)
        self.executed = node.create_publisher_of(interface.EXECUTED)
        self.reasons = node.create_publisher_of(interface.GUARD_REASONS)
        self.gripper = self._create_gripper()
        self._clocks = node.clock_offset()
        self._ahead = 0  # [ns] of the ROS clock over the steady one
        self._told: tuple[str, ...] | None = None  # mode, who drives, reasons: last published

    @property
    def problem(self) -> str:
        """The gripper's problem, which stops nothing."""
        return self.gripper.problem if self.gripper else ''

    @property
    def is_alone(self) -> bool:
        """Says whether commands are sent and nobody listens to them."""
        return self.loop.sends and not listeners(self.node, self.topic)

    @property
    def has_two_masters(self) -> bool:
        """Says whether somebody else commands the arm too."""
        return self.loop.sends and self.node.count_publishers(self.topic) > 1

    def poll(self) -> None:
        """Has the gripper go on, where what moves the arm is sent."""
        if self.gripper:
            output = self.loop.output
            driven = output is not None and output.state == RUNNING
            self.gripper.poll(self.node.steady_now(), driven and self.loop.sends)

    def publish(self, output: GuardOutput) -> None:
        """Publishes what a tick let out, and why; a guard that has halted says only why."""
        stamp, velocity = self.node.now(), np.concatenate([output.velocity, output.gripper])
        reasons = output.reasons
        if self.loop.delay:  # at every tick: what clocks part by while the arm rests would be
            self._ahead = self._clocks.read()  # steps of its curve, if followed once it moves
            self._say_a_step()
        if not self.loop.sends:  # what would be let out is shown, and nothing of it sent
            reasons = (DRY_RUN, *reasons)
        elif output.publish:
            self._command(output)
        if output.publish:
            self.executed.publish(joint_state(self.spec.names, stamp, velocity))
        told = (output.state, self.loop.source, *reasons)
        if told != self._told or self._due('reasons', REASONS_RATE):
            said = GuardReasons(
                stamp=stamp, state=output.state, source=self.loop.source, reasons=reasons
            )
            self.reasons.publish(to_string(said))
            self._told = told

    def _say_a_step(self) -> None:
        if self._clocks.stepped and self.loop.sends and not self.loop.resting:
            self.node.get_logger().error(
                f'the ROS clock stepped by {1e-6 * self._clocks.stepped:+.2f} ms while the arm '
                'was led: a trajectory that was on its way then led it elsewhere for a moment. '
                'Keep whatever sets the clock from stepping it (chrony: makestep at start alone)'
            )

    def _command(self, output: GuardOutput) -> None:
        if not self.loop.delay:
            self.commands.publish(velocity_array(output.velocity))
        elif knots := self.loop.trajectory(self.config.guard.trajectory_rate):
            ahead = self._ahead + round(self.loop.delay * 1e9)
            self.commands.publish(trajectory(self.spec.joints, knots, ahead))
        if self.gripper:
            self.gripper.take(output.gripper)
        elif output.gripper.size and self._due('gripper', self.config.command.gripper_rate):
            self.gripper_velocities.publish(velocity_array(output.gripper))

    def _create_gripper(self) -> GripperLoop | None:
        """Returns what tells a gripper's driver goals; None: it takes velocities, or is none."""
        params = self.config.gripper
        if not params.action or not self.spec.gripper:
            return None
        client = GripperAction(self.node, params)
        self.node.destroyed_with(client.destroy)
        return GripperLoop(client, self.spec.scale[len(self.spec.joints) :])
