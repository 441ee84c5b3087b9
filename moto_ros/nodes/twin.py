"""The simulated robot's node: MuJoCo behind the topics of a real arm, gripper and camera.

    <controller>/commands or joint_trajectory, gripper -> TwinLoop -> joint_states, images,
                                                                      twin/task_state, robot_state

Run as `python -m moto_ros.nodes.twin`. Physics follows the steady clock; images are stamped with
the time of the state that they show. Parameters below `twin.disturbance` may be set at any time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from moto_core.errors import ConfigError, ObservationError
from moto_ros.config import camera_topics, changed, trajectory_topic, velocity_topic
from moto_ros.loops.twin import TICK, Images, Joints, Task, TwinLoop
from moto_ros.loops.twin_scene import TwinSim
from moto_ros.messages import RobotState, SceneReset, TaskState, to_json
from moto_ros.services import TWIN
from moto_ros.wire import interface
from moto_ros.wire.clocks import ClockOffset
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state, trajectory_points
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.params import refuse_changes
from moto_ros.wire.runner import run
from moto_sim.trajectory_controller import Points

DISTURBANCE = 'twin.disturbance'  # the parameters that may be set at any time
AT_ONCE = 6  # ticks made good before trajectories are heard again: each holds for as many


class TwinNode(MotoNode):
    """Lifecycle node 'moto_twin'."""

    def __init__(self) -> None:
        self.loop: TwinLoop | None = None
        super().__init__(TWIN, changeable=DISTURBANCE)
        self.seed = self.config.twin.seed  # of the next reset
        self.started = self.seed  # of the scene now
        self.timer: Any = None
        self.clocks = ClockOffset(self.now, lambda: self.steady.now().nanoseconds)
        self.ahead = 0  # [ns] of the ROS clock over the steady one
        self.told: RobotState | None = None  # the robot's state last published

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads the model, draws a first image, and makes the robot's topics."""
        params = self.config.twin
        self.sim = TwinSim(params.task, self.robot, params.views)
        self.loop = TwinLoop(self.sim, self.robot, params)
        self._create_subscriptions()
        joint_states = interface.JOINT_STATES.at(self.config.joint_states)
        self.joints = self.create_publisher_of(joint_states)
        self.images = {
            camera: self.create_publisher_of(interface.CAMERA.at(topic))
            for camera, topic in camera_topics(self.config, self.robot).items()
        }
        self.task = self.create_publisher_of(interface.TASK_STATE)
        self.state = self.create_publisher_of(interface.ROBOT_STATE)
        self.create_trigger_service('reset', self.reset)
        self.create_trigger_service('error_recovery', self.recover)
        self.create_switch_service('user_stop', self.user_stop)
        self.create_switch_service('cover_camera', self.cover)
        self.started = self.seed
        self.sim.start(self.started)
        return super().on_configure(state)

    @logs_errors
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Starts simulated time."""
        assert self.loop is not None
        self.check_qos()
        result = super().on_activate(state)
        self.loop.start(self.steady_now())
        self.timer = self.create_steady_timer(TICK, self.on_tick)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops simulated time."""
        self.destroy_timer(self.timer)
        self.timer = None
        return super().on_deactivate(state)

    def on_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """Takes what is to be wrong with the robot from now on."""
        names = [parameter.name for parameter in parameters]
        if not all(name.startswith(f'{DISTURBANCE}.') for name in names):
            return refuse_changes(parameters)
        config = self.config
        try:
            for parameter in parameters:
                config = changed(config, parameter.name, parameter.value)
        except ConfigError as error:  # NaN, which ROS's ranges let through
            return SetParametersResult(successful=False, reason=str(error))
        self.config = config
        if self.loop is not None:
            self.loop.disturb(config.twin.disturbance)
        self.get_logger().info(f'set {", ".join(names)}: {config.twin.disturbance}')
        return SetParametersResult(successful=True)

    def on_tick(self) -> None:
        """Steps physics to the clock and publishes what is due."""
        assert self.loop is not None
        self.ahead, now = self.clocks.read(), self.steady_now()
        while (heard := self.trajectories.handle.take_message(JointTrajectory, False)) is not None:
            self.on_trajectory(*heard)  # all that were sent before now: the executor takes one
        for seen in self.loop.advance(now, AT_ONCE):
            stamp = self.ahead + round(1e9 * seen.time)
            if isinstance(seen, Joints):
                names = self.robot.spec.names
                self.joints.publish(joint_state(names, stamp, seen.velocity, seen.position))
            elif isinstance(seen, Images):
                for camera, image in seen.images.items():
                    self.images[camera].publish(from_rgb(image, stamp, camera))
            else:
                self._publish_task(seen, stamp)
        self._publish_state(always=False)

    def on_array(self, message: Float64MultiArray) -> None:
        """Hands joint velocities to the simulation."""
        velocity = np.array(message.data)
        if self._fits('velocities', velocity, len(self.robot.spec.joints)):
            self.loop.command(velocity, self.steady_now())  # type: ignore[union-attr]

    def on_gripper(self, message: Float64MultiArray) -> None:
        """Hands finger velocities to the simulation."""
        velocity, size = np.array(message.data), len(self.robot.spec.gripper)
        if not np.isfinite(velocity).all():
            self.report_problem(f'finger velocities are {velocity.tolist()}; expected numbers')
        elif self._fits('finger velocities', velocity, size):
            self.loop.gripper(velocity, self.steady_now())  # type: ignore[union-attr]

    def on_trajectory(self, message: JointTrajectory, info: Mapping[str, int]) -> None:
        """Hands a trajectory to the simulation's controller."""
        assert self.loop is not None
        sent = info['source_timestamp']  # this process may be late, a controller is not
        try:
            times, positions, velocities = trajectory_points(
                message, self.robot.spec.joints, sent * 1e-9
            )
        except ObservationError as error:
            self.report_problem(str(error))
            return
        points = Points(times - self.ahead * 1e-9, positions, velocities)
        refused = self.loop.trajectory(points, (sent - self.ahead) * 1e-9)
        if refused:
            self.report_problem(f'trajectory is refused: {refused}')

    def reset(self) -> str:
        """Puts the scene to the next seed's start; returns a SceneReset as JSON."""
        assert self.loop is not None
        self.started, self.seed = self.seed, self.seed + 1
        self.sim.start(self.started)
        self.loop.start(self.steady_now())
        return to_json(SceneReset(seed=self.started, stamp=self.now()))

    def recover(self) -> str:
        """Lets an arm that stopped itself follow commands again; RecoveryError if it may not."""
        assert self.loop is not None
        ended = self.loop.recover()
        self.problem = ''
        return f'recovered from {ended}'

    def user_stop(self, pressed: bool) -> str:
        """Presses the arm's user stop, or releases it."""
        assert self.loop is not None
        self.loop.arm.user_stop(pressed)
        return f'user_stop {pressed}'

    def cover(self, on: bool) -> str:
        """Covers the cameras, or uncovers them."""
        assert self.loop is not None
        self.loop.covered = on
        return f'covered {on}'

    def publish_status(self) -> None:
        """Publishes the robot's state and the diagnostics."""
        if self.loop is None or self.timer is None:
            return
        self._publish_state(always=True)
        arm = self.loop.arm
        problems = [f'the arm is in {arm.mode} {", ".join(arm.errors)}'] if arm.stopped else []
        self.publish_diagnostics(
            [*problems, *([self.problem] if self.problem else [])],
            {
                'robot_mode': arm.mode,
                'overruns': self.loop.overruns,
                'next_seed': self.seed,
                'task': self.sim.task,
                'covered': self.loop.covered,
            },
            error=arm.stopped,
        )

    def _create_subscriptions(self) -> None:
        velocities = interface.VELOCITIES.at(velocity_topic(self.config, self.robot))
        trajectory = replace(  # none is lost while this process is late
            interface.TRAJECTORY.at(trajectory_topic(self.config, self.robot)),
            subscription=interface.LOG_READER,
        )
        self.create_subscription_to(velocities, self.on_array)
        self.trajectories = self.create_subscription_to(trajectory, self.on_trajectory)
        self.create_subscription_to(interface.GRIPPER, self.on_gripper)

    def _publish_task(self, seen: Task, stamp: int) -> None:
        state = TaskState(
            stamp=stamp,
            reward=seen.reward,
            success=seen.success,
            parts=seen.parts,
            seed=self.started,
        )
        self.task.publish(to_string(state))

    def _publish_state(self, always: bool) -> None:
        """Publishes mode and errors of the arm; if not `always`, then as they change."""
        assert self.loop is not None
        arm = self.loop.arm
        if not always and self.told is not None and self.told.mode == arm.mode:
            return
        self.told = RobotState(stamp=self.now(), mode=arm.mode, errors=arm.errors)
        self.state.publish(to_string(self.told))
        if arm.stopped and not always:
            self.get_logger().error(f'the arm is in {arm.mode} {", ".join(arm.errors)}')

    def _fits(self, what: str, values: np.ndarray, size: int) -> bool:
        """Says whether a command has one value a joint."""
        if values.size != size:
            self.report_problem(f'{what} are {values.tolist()}; expected {size} numbers')
        return values.size == size and self.loop is not None


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(TwinNode)


if __name__ == '__main__':
    sys.exit(main())
