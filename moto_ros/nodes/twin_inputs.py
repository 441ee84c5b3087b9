"""What the twin's node hears: joint velocities, trajectories, finger velocities.

In: messages. Out: commands for TwinLoop, with the steady clock's time [s].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from moto_core.errors import ObservationError
from moto_ros.config import trajectory_topic, velocity_topic
from moto_ros.loops.twin import TwinLoop
from moto_ros.wire import interface
from moto_ros.wire.joints import trajectory_points
from moto_ros.wire.lifecycle import MotoNode
from moto_sim.trajectory_controller import Points


class TwinInputs:
    """The subscriptions of one twin's node."""

    def __init__(self, node: MotoNode, loop: TwinLoop) -> None:
        """Makes them, until cleanup."""
        self.node, self.loop, self.spec = node, loop, node.robot.spec
        self._clocks = node.clock_offset()
        self.ahead = self._clocks.read()  # [ns] of the ROS clock over the steady one
        velocities = interface.VELOCITIES.at(velocity_topic(node.config, node.robot))
        trajectory = replace(  # none is lost while this process is late
            interface.TRAJECTORY.at(trajectory_topic(node.config, node.robot)),
            subscription=interface.LOG_READER,
        )
        node.create_subscription_to(velocities, self.on_array)
        self._trajectories = node.create_subscription_to(trajectory, self.on_trajectory)
        node.create_subscription_to(interface.GRIPPER, self.on_gripper)

    def hear(self) -> None:
        """Reads the clocks, and takes all trajectories that have come; an executor takes one."""
        self.ahead = self._clocks.read()
        subscription = self._trajectories.handle
        while (heard := subscription.take_message(JointTrajectory, False)) is not None:
            self.on_trajectory(*heard)

    def on_array(self, message: Float64MultiArray) -> None:
        """Hands joint velocities to the simulation."""
        velocity = np.array(message.data)
        if self._fits('velocities', velocity, len(self.spec.joints)):
            self.loop.command(velocity, self.node.steady_now())

    def on_gripper(self, message: Float64MultiArray) -> None:
        """Hands finger velocities to the simulation."""
        velocity = np.array(message.data)
        if not np.isfinite(velocity).all():
            problem = f'finger velocities are {velocity.tolist()}; expected finite numbers'
            self.node.report_problem(problem)
        elif self._fits('finger velocities', velocity, len(self.spec.gripper)):
            self.loop.gripper(velocity, self.node.steady_now())

    def on_trajectory(self, message: JointTrajectory, info: Mapping[str, int]) -> None:
        """Hands a trajectory to the simulation's controller, as of when it was sent.

        This process may be late, a controller is not.
        """
        sent = info['source_timestamp']  # [ns]
        try:
            times, *values = trajectory_points(message, self.spec.joints, sent * 1e-9)
        except ObservationError as error:
            self.node.report_problem(str(error))
            return
        points = Points(times - self.ahead * 1e-9, *values)
        refused = self.loop.trajectory(points, (sent - self.ahead) * 1e-9)
        if refused:
            self.node.report_problem(f'trajectory is refused: {refused}')

    def _fits(self, what: str, values: np.ndarray, size: int) -> bool:
        if values.size != size:
            self.node.report_problem(f'{what} are {values.tolist()}; expected {size} numbers')
        return values.size == size
