"""The simulated robot's node: MuJoCo behind the topics of a real arm, gripper and camera.

    <controller>/commands or joint_trajectory, gripper -> TwinInputs -> TwinLoop
        -> TwinOutputs: joint_states, images; twin/task_state, twin/robot_state

Run as `python -m moto_ros.nodes.twin`. Physics follows the steady clock; images are stamped with
the time of the state that they show. Parameters below `twin.disturbance` may be set at any time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from moto_core.errors import ConfigError
from moto_ros.config import changed
from moto_ros.loops.twin import TICK, TwinLoop
from moto_ros.loops.twin_scene import TwinSim
from moto_ros.messages import SceneReset, to_json
from moto_ros.nodes.twin_inputs import TwinInputs
from moto_ros.nodes.twin_outputs import TwinOutputs
from moto_ros.services import TWIN
from moto_ros.wire.lifecycle import MotoNode, logs_errors
from moto_ros.wire.params import refuse_changes
from moto_ros.wire.runner import run

DISTURBANCE = 'twin.disturbance'  # the parameters that may be set at any time
AT_ONCE = 6  # ticks made good before trajectories are heard again: each holds for as many


class TwinNode(MotoNode):
    """Lifecycle node 'moto_twin'."""

    def __init__(self) -> None:
        self.loop: TwinLoop | None = None
        super().__init__(TWIN, changeable=DISTURBANCE)
        self.seed = self.config.twin.seed  # of the next reset, if nobody uses the scene before
        self.started = self.seed  # of the scene now
        self.timer: Any = None

    @logs_errors
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads the model, draws a first image, and makes the robot's topics."""
        params = self.config.twin
        self.sim = TwinSim(params.task, self.robot, params.views, params.shift)
        self.loop = TwinLoop(self.sim, self.robot, params)
        self.inputs = TwinInputs(self, self.loop)
        self.outputs = TwinOutputs(self)
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
        self.halt()
        return super().on_deactivate(state)

    def halt(self) -> None:
        """Stops simulated time."""
        if self.timer is not None:
            self.destroy_timer(self.timer)
        self.timer = None

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
        now = self.steady_now()
        self.inputs.hear()
        for seen in self.loop.advance(now, AT_ONCE):
            stamp = self.inputs.ahead + round(1e9 * seen.time)
            self.outputs.publish(seen, stamp, self.started)
        self.outputs.publish_arm(self.loop.arm, always=False)

    def reset(self) -> str:
        """Puts the scene to the next seed's start; returns a SceneReset as JSON.

        That is the start that it has been at since it was configured, unless the arm was moved.
        """
        assert self.loop is not None
        self.started, self.seed = self.next_seed, self.next_seed + 1
        self.sim.start(self.started)
        self.loop.start(self.steady_now())
        return to_json(SceneReset(seed=self.started, stamp=self.now()))

    @property
    def next_seed(self) -> int:
        """The seed of the next reset."""
        used = self.loop is not None and self.loop.used and self.seed == self.started
        return self.seed + used

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
        """Publishes the arm's mode and the diagnostics."""
        if self.loop is None or self.timer is None:
            return
        arm = self.loop.arm
        self.outputs.publish_arm(arm, always=True)
        problems = [f'the arm is in {arm}'] if arm.stopped else []
        self.publish_diagnostics(
            [*problems, *([self.problem] if self.problem else [])],
            {
                'robot_mode': arm.mode,
                'overruns': self.loop.overruns,
                'next_seed': self.next_seed,
                'task': self.sim.task,
                'covered': self.loop.covered,
            },
            error=arm.stopped,
        )


def main() -> int:
    """Runs the node until a signal; returns the exit code."""
    return run(TwinNode)


if __name__ == '__main__':
    sys.exit(main())
