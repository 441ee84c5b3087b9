"""The simulated robot in real time, without ROS: commands in, ticks of 4 ms that follow the clock.

The simulation is the training environment's Kitchen, without its guard.

    steady clock -> due ticks -> each millisecond: command -> FrankaArm -> DelayLine
                              -> the drives, advance(1)
                              -> between them: Joints, Images, as they arrive; Task

An array command holds until `watchdog` of silence, which stops a moving arm (fault 19: a real
forward controller would hold the last velocity for ever). Trajectories go through what a
JointTrajectoryController makes of them at 1 kHz, and the drives follow its positions. One that
comes late because this loop was late is followed from when it was sent: a controller is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_core.spec import Spec
from moto_ros.config import FASTEST, SLOWEST, Disturbance, TwinParams
from moto_ros.loops.disturbance import DisturbedStream
from moto_ros.loops.twin_controllers import Controllers
from moto_ros.loops.twin_scene import TwinSim, named_shift, scene
from moto_sim.delay_line import DelayLine
from moto_sim.franka import Command, FrankaArm
from moto_sim.reflexes import PERIOD
from moto_sim.trajectory_controller import Points

TICK = 0.004  # [s] two steps of physics
CATCH_UP = 0.200  # [s] behind the clock that are made good
COVERED_NOISE = 3  # grey levels of a covered camera's noise


class Joints(NamedTuple):
    """The joints of one tick."""

    time: float  # [s] its stamp: steady clock, and the offset of its own
    position: np.ndarray  # (A,) [rad, m]
    velocity: np.ndarray  # (A,) [rad/s, m/s]


class Images(NamedTuple):
    """The cameras' images of one tick."""

    time: float  # [s] its stamp
    images: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB


class Task(NamedTuple):
    """Reward, success and parts of the task at the tick of an image."""

    time: float  # [s] the image's stamp
    reward: float
    success: bool
    parts: dict[str, bool]  # of the task: whether each is in place


class TwinLoop:
    """One simulation that follows the steady clock."""

    def __init__(self, sim: TwinSim, robot: RobotConfig, params: TwinParams) -> None:
        """Raises ConfigError for a rate that the ticks do not reach."""
        self.sim, self.spec = sim, robot.spec
        rates = periods(robot.spec, params.joint_rate, params.camera_rate)
        self.joint_ticks, self.camera_ticks = rates
        self.arm = FrankaArm(robot.limits, params.reflexes)
        self._n = len(robot.spec.joints)
        self._controllers = Controllers(self._n, len(robot.spec.gripper), params.watchdog)
        self.covered, self.overruns = False, 0
        self.used = False  # a command has moved the arm or its fingers
        self._noise = np.random.default_rng(0)
        wrong = self.disturbance = params.disturbance
        self._joints: DisturbedStream[Joints] = DisturbedStream(wrong.joints, wrong.seed)
        self._images: DisturbedStream[Images] = DisturbedStream(wrong.camera, wrong.seed + 1)
        self.start(0.0)

    def start(self, now: float) -> None:
        """Restarts at `now` [s], the arm switched on anew and at rest; a frame is due at once."""
        self._origin, self._tick = now, 0
        self._controllers.stop()
        self._drives = DelayLine(Command(np.zeros(self._n)), PERIOD)
        self.arm.start()

    def disturb(self, disturbance: Disturbance) -> None:
        """Takes what is wrong with the robot from now on."""
        self.disturbance = disturbance
        self._joints.disturb(disturbance.joints, disturbance.seed)
        self._images.disturb(disturbance.camera, disturbance.seed + 1)

    def command(self, velocity: np.ndarray, now: float) -> None:
        """Takes an array command (n,) [rad/s]; it ends a trajectory."""
        self._controllers.take_velocities(velocity, now)

    def gripper(self, velocity: np.ndarray, now: float) -> None:
        """Takes a finger command (g,) [m/s]."""
        self._controllers.take_fingers(velocity, now)

    def trajectory(self, points: Points, sent: float) -> str:
        """Takes a trajectory that was sent at a time [s], in place of any other command.

        Its times are those of the robot's own clock. Returns why it is refused, '' if it is not.
        """
        if self.arm.stopped:
            return f'the arm is in {self.arm}'
        points = points._replace(times=points.times - self.disturbance.clock_offset)
        return self._controllers.take_trajectory(points, sent)

    def recover(self) -> str:
        """Lets an arm that stopped itself follow new commands; returns the mode that it ends.

        Raises RecoveryError while the user stop is pressed or the arm brakes.
        """
        ended = self.arm.recover()
        self._controllers.stop()
        return ended

    def advance(self, now: float, most: int = 10**9) -> Iterator[Joints | Images | Task]:
        """Steps up to `now` [s], by `most` ticks at most, giving what arrives on the way.

        More than 0.2 s behind, simulated time is left behind the clock and an overrun is counted.
        """
        behind = now - self.time - CATCH_UP
        if behind > 0:
            self.overruns += 1
            self._origin += behind
            self._controllers.lose_time()
        while self.time <= now and most > 0:
            yield from self._seen()
            self._drive()
            self.sim.advance(1)
            self._tick, most = self._tick + 1, most - 1

    @property
    def time(self) -> float:
        """The steady clock's time [s] of the simulated state."""
        return self._origin + self._tick * TICK

    def _seen(self) -> Iterator[Joints | Images | Task]:
        """Gives the messages that arrive at this tick."""
        stamp = self.time + self.disturbance.clock_offset
        if self._tick % self.joint_ticks == 0:
            joints = Joints(stamp, self.sim.position, self.sim.velocity)
            self._joints.send(joints, stamp, self.time)
        if self._tick % self.camera_ticks == 0:
            yield self._task(stamp)
            self._images.send(Images(stamp, self._drawn()), stamp, self.time)
        for stream in (self._joints, self._images):
            for time, shown in stream.arrived(self.time):
                yield shown._replace(time=time)

    def _drive(self) -> None:
        """Gives the drives what they follow in the tick that begins."""
        measured = self.sim.position[: self._n]
        for step in range(round(TICK / PERIOD)):
            command = self._controllers.command(self.time + step * PERIOD, measured)
            if self._controllers.jumped:
                self.arm.forget()
                self._controllers.jumped = False
            told = self.arm.follow(command, measured)
            followed = self._drives.pass_on(told, self.disturbance.lag)
        velocity = np.concatenate([followed.velocity, self._controllers.fingers(self.time)])
        self.used = self.used or bool(velocity.any())
        if followed.position is None:
            self.sim.set_velocity(velocity)
        else:
            self.sim.lead(followed.position, velocity)

    def _task(self, stamp: float) -> Task:
        return Task(
            time=stamp,
            reward=float(self.sim.reward()),
            success=bool(self.sim.success()),
            parts={name: bool(done) for name, done in self.sim.in_place().items()},
        )

    def _drawn(self) -> dict[str, np.ndarray]:
        images = {}
        for name, camera in self.spec.cameras.items():
            shape = (camera.height, camera.width, 3)
            images[name] = (
                self._noise.integers(0, COVERED_NOISE, shape, np.uint8)
                if self.covered
                else self.sim.render(name, camera.height, camera.width)
            )
        return images


def check_twin(params: TwinParams, robot: RobotConfig) -> None:
    """Raises ConfigError for what no twin could be made with; loads no model and draws nothing."""
    scene(params.task, robot, params.views)
    named_shift(params.shift)
    periods(robot.spec, params.joint_rate, params.camera_rate)


def periods(spec: Spec, joint_rate: float, camera_rate: float) -> tuple[int, int]:
    """Returns the ticks from one joint state, and from one image, to the next; rates in [Hz]."""
    return _ticks('joint_rate', joint_rate), _ticks('camera_rate', camera_rate or spec.rate)


def _ticks(name: str, rate: float) -> int:
    if not SLOWEST <= rate <= FASTEST:
        raise ConfigError(f'twin.{name} is {rate:g} Hz; expected {SLOWEST:g} to {FASTEST:g} Hz')
    return max(1, round(1.0 / (rate * TICK)))
