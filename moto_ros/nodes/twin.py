"""The simulated robot's node: MuJoCo behind the topics of a real arm, gripper and camera.

    <controller>/commands or joint_trajectory, gripper -> TwinLoop -> joint_states, images,
                                                                      twin/task_state

Run as `python -m moto_ros.nodes.twin`. Physics follows the steady clock; images are stamped with
the time of the state that they show.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from moto_core.errors import ObservationError
from moto_ros.config import camera_topics, trajectory_topic, velocity_topic
from moto_ros.loops.twin import TICK, Frame, Joints, TwinLoop, TwinSim
from moto_ros.messages import SceneReset, TaskState, to_json
from moto_ros.services import TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.interface import to_string
from moto_ros.wire.joints import joint_state, trajectory_points
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.runner import run
from moto_sim.trajectory_controller import Points


class TwinNode(MotoNode):
    """Lifecycle node 'moto_twin'."""

    def __init__(self) -> None:
        super().__init__(TWIN)
        self.loop: TwinLoop | None = None
        self.seed = self.config.twin.seed  # of the next reset
        self.started = self.seed  # of the scene now
        self.timer: Any = None

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads the model, draws a first image, and makes the robot's topics."""
        params, spec = self.config.twin, self.robot.spec
        self.sim = TwinSim(params.task, self.robot, params.views)
        self.loop = TwinLoop(
            self.sim,
            spec,
            joint_rate=params.joint_rate,
            camera_rate=params.camera_rate,
            watchdog=params.watchdog,
        )
        self._create_subscriptions()
        joint_states = interface.JOINT_STATES.at(self.config.joint_states)
        self.joints = self.create_publisher_of(joint_states)
        self.images = {
            camera: self.create_publisher_of(interface.CAMERA.at(topic))
            for camera, topic in camera_topics(self.config, self.robot).items()
        }
        self.task = self.create_publisher_of(interface.TASK_STATE)
        self.create_trigger_service('reset', self.reset)
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

    def on_tick(self) -> None:
        """Steps physics to the clock and publishes what is due."""
        assert self.loop is not None
        ahead = self.now() - round(1e9 * self.steady_now())  # [ns] of stamps over the steady clock
        for seen in self.loop.advance(self.steady_now()):
            stamp = ahead + round(1e9 * seen.time)
            if isinstance(seen, Joints):
                self.joints.publish(
                    joint_state(self.robot.spec.names, stamp, seen.velocity, seen.position)
                )
            else:
                self._publish_frame(seen, stamp)

    def on_array(self, message: Float64MultiArray) -> None:
        """Hands joint velocities to the simulation."""
        velocity = np.array(message.data)
        if self._fits('velocities', velocity, len(self.robot.spec.joints)):
            self.loop.command(velocity, self.steady_now())  # type: ignore[union-attr]

    def on_gripper(self, message: Float64MultiArray) -> None:
        """Hands finger velocities to the simulation."""
        velocity = np.array(message.data)
        if self._fits('finger velocities', velocity, len(self.robot.spec.gripper)):
            self.loop.gripper(velocity, self.steady_now())  # type: ignore[union-attr]

    def on_trajectory(self, message: JointTrajectory) -> None:
        """Hands a trajectory to the simulation's controller."""
        assert self.loop is not None
        now = self.now() * 1e-9
        try:
            times, positions, velocities = trajectory_points(message, self.robot.spec.joints, now)
        except ObservationError as error:
            self.report_problem(str(error))
            return
        finite = all(np.isfinite(values).all() for values in (times, positions, velocities))
        refused = 'it holds numbers that are not finite'
        if finite:
            ahead = now - self.steady_now()
            refused = self.loop.trajectory(Points(times - ahead, positions, velocities))
        if refused:
            self.report_problem(f'trajectory is refused: {refused}')

    def reset(self) -> str:
        """Puts the scene to the next seed's start; returns a SceneReset as JSON."""
        assert self.loop is not None
        self.started, self.seed = self.seed, self.seed + 1
        self.sim.start(self.started)
        self.loop.start(self.steady_now())
        return to_json(SceneReset(seed=self.started, stamp=self.now()))

    def cover(self, on: bool) -> str:
        """Covers the cameras, or uncovers them."""
        assert self.loop is not None
        self.loop.covered = on
        return f'covered {on}'

    def publish_status(self) -> None:
        """Publishes the diagnostics."""
        if self.loop is not None and self.timer is not None:
            self.publish_diagnostics(
                [self.problem] if self.problem else [],
                {
                    'overruns': self.loop.overruns,
                    'next_seed': self.seed,
                    'task': self.sim.task,
                    'covered': self.loop.covered,
                },
            )

    def _create_subscriptions(self) -> None:
        velocities = interface.VELOCITIES.at(velocity_topic(self.config, self.robot))
        trajectory = interface.TRAJECTORY.at(trajectory_topic(self.config, self.robot))
        self.create_subscription_to(velocities, self.on_array)
        self.create_subscription_to(trajectory, self.on_trajectory)
        self.create_subscription_to(interface.GRIPPER, self.on_gripper)

    def _publish_frame(self, frame: Frame, stamp: int) -> None:
        state = TaskState(
            stamp=stamp,
            reward=frame.reward,
            success=frame.success,
            parts=frame.parts,
            seed=self.started,
        )
        self.task.publish(to_string(state))
        for camera, image in frame.images.items():
            self.images[camera].publish(from_rgb(image, stamp, camera))

    def _fits(self, what: str, values: np.ndarray, size: int) -> bool:
        """Says whether a command can be followed; a real hardware interface would go down."""
        good = values.size == size and bool(np.isfinite(values).all())
        if not good:
            self.report_problem(f'{what} are {values.tolist()}; expected {size} finite numbers')
        return good and self.loop is not None


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(TwinNode)


if __name__ == '__main__':
    sys.exit(main())
