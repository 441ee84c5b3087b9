"""The simulated robot in real time, without ROS: commands in, ticks of 4 ms that follow the clock.

The simulation is the training environment's Kitchen, without its guard.

    steady clock -> due ticks -> velocity, or position, of each -> the drives, advance(1)
                              -> between them: Joints, Frames with what the task says

An array command holds until `watchdog` of silence, then the target stops where it is (fault 19: a
real forward controller would hold the last velocity for ever). Trajectories go through what a
JointTrajectoryController makes of them at 1 kHz, and the drives follow its positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_core.spec import Setup, Spec
from moto_ros.config import FASTEST, SLOWEST, TwinParams
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.kitchen_task import PREFIX, kitchen_objects
from moto_sim.trajectory_controller import Points, TrajectoryController
from moto_sim.views import Viewpoint, view_names

TICK = 0.004  # [s] two steps of physics
PERIOD = 0.001  # [s] of the controller of trajectories
CATCH_UP = 0.100  # [s] behind the clock that are made good
COVERED_NOISE = 3  # grey levels of a covered camera's noise


class Joints(NamedTuple):
    """The joints at one tick."""

    time: float  # [s] steady clock
    position: np.ndarray  # (A,) [rad, m]
    velocity: np.ndarray  # (A,) [rad/s, m/s]


class Frame(NamedTuple):
    """The cameras' images at one tick, with reward, success and parts of the task."""

    time: float  # [s] steady clock
    images: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    reward: float
    success: bool
    parts: dict[str, bool]  # of the task: whether each is in place


class TwinSim(KitchenSim):
    """The training environment's simulation for a task and a robot with all of its joints."""

    def __init__(
        self, task: str, robot: RobotConfig, views: Mapping[str, str] | None = None
    ) -> None:
        """Draws each camera once, so that no first image is late.

        `views` names cameras' viewpoints where it is not the one of their name. Raises ConfigError
        for a task that is not the Kitchen's, a robot of another size, a camera that it lacks or
        one without a view.
        """
        objects, seen = scene(task, robot, views or {})
        super().__init__(objects, views=seen)
        self.task = task
        if robot.spec.action_size != self.size:
            raise ConfigError(
                f"robot '{robot.name}' has {robot.spec.action_size} joints; the "
                f"twin's has {self.size}: use robot kitchen_sim"
            )
        for name, camera in robot.spec.cameras.items():
            self.render(name, camera.height, camera.width)

    def start(self, seed: int) -> None:
        """Resets to the start that a seed gives, as TaskEnv.reset(seed=...) does."""
        self.reset(np.random.default_rng(seed))


class TwinLoop:
    """One simulation that follows the steady clock."""

    def __init__(
        self, sim: TwinSim, spec: Spec, joint_rate: float, camera_rate: float, watchdog: float
    ) -> None:
        """Rates in [Hz], at most 250; watchdog in [s]."""
        self.sim, self.spec, self.watchdog = sim, spec, watchdog
        self.joint_ticks, self.camera_ticks = periods(spec, joint_rate, camera_rate)
        self.covered, self.overruns = False, 0
        self._noise = np.random.default_rng(0)
        self._n = len(spec.joints)
        self.start(0.0)

    def start(self, now: float) -> None:
        """Restarts at `now` [s], at rest; a frame is due at once."""
        self._origin, self._tick = now, 0
        self._arm, self._arm_at = np.zeros(self._n), -np.inf
        self._fingers, self._fingers_at = np.zeros(len(self.spec.gripper)), -np.inf
        self._controller: TrajectoryController | None = None

    def command(self, velocity: np.ndarray, now: float) -> None:
        """Takes an array command (n,) [rad/s]; it ends a trajectory."""
        self._arm, self._arm_at, self._controller = velocity, now, None

    def gripper(self, velocity: np.ndarray, now: float) -> None:
        """Takes a finger command (g,) [m/s]."""
        self._fingers, self._fingers_at = velocity, now

    def trajectory(self, points: Points) -> str:
        """Takes a trajectory in place of any other command, timed by the steady clock.

        Returns why the controller refuses it; '' if it does not.
        """
        if self._controller is None:
            self._controller = TrajectoryController(self.sim.position[: self._n], PERIOD)
        return self._controller.receive(points, self.time)

    def advance(self, now: float) -> Iterator[Joints | Frame]:
        """Steps up to `now` [s], giving what is due on the way.

        More than 0.1 s behind, simulated time is left behind the clock and an overrun is counted.
        """
        behind = now - self.time - CATCH_UP
        if behind > 0:
            self.overruns += 1
            self._origin += behind
        while self.time <= now:
            if self._tick % self.joint_ticks == 0:
                yield Joints(self.time, self.sim.position, self.sim.velocity)
            if self._tick % self.camera_ticks == 0:
                yield self._frame()
            self._drive()
            self.sim.advance(1)
            self._tick += 1

    @property
    def time(self) -> float:
        """The steady clock's time [s] of the simulated state."""
        return self._origin + self._tick * TICK

    def wanted(self, time: float) -> np.ndarray:
        """Returns the velocity (A,) [rad/s, m/s] that array commands ask for at a time [s]."""
        arm = self._arm if time - self._arm_at <= self.watchdog else np.zeros(self._n)
        alive = time - self._fingers_at <= self.watchdog
        return np.concatenate([arm, self._fingers if alive else np.zeros_like(self._fingers)])

    def _drive(self) -> None:
        """Gives the drives what they follow in the tick that begins."""
        velocity = self.wanted(self.time)
        if self._controller is None:
            self.sim.set_velocity(velocity)
            return
        for step in range(round(TICK / PERIOD)):
            position, velocity[: self._n] = self._controller.update(self.time + step * PERIOD)
        self.sim.lead(position, velocity)

    def _frame(self) -> Frame:
        images = {}
        for name, camera in self.spec.cameras.items():
            shape = (camera.height, camera.width, 3)
            images[name] = (
                self._noise.integers(0, COVERED_NOISE, shape, np.uint8)
                if self.covered
                else self.sim.render(name, camera.height, camera.width)
            )
        return Frame(
            time=self.time,
            images=images,
            reward=float(self.sim.reward()),
            success=bool(self.sim.success()),
            parts={name: bool(done) for name, done in self.sim.in_place().items()},
        )


def check_twin(params: TwinParams, robot: RobotConfig) -> None:
    """Raises ConfigError for what no twin could be made with; loads no model and draws nothing."""
    scene(params.task, robot, params.views)
    periods(robot.spec, params.joint_rate, params.camera_rate)


def scene(
    task: str, robot: RobotConfig, views: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, Viewpoint]]:
    """Returns the objects of a task and the view of each camera.

    Raises ConfigError for a task that is not the Kitchen's, a camera that the robot lacks or one
    without a view.
    """
    if not task.startswith(PREFIX):
        raise ConfigError(f"the twin simulates 'kitchen-<object>[+<object>...]'; got {task!r}")
    named = view_names(robot.spec, Setup(views=dict(views)), VIEWS)
    return kitchen_objects(task), {camera: VIEWS[name] for camera, name in named.items()}


def periods(spec: Spec, joint_rate: float, camera_rate: float) -> tuple[int, int]:
    """Returns the ticks from one joint state, and from one image, to the next; rates in [Hz]."""
    return _ticks('joint_rate', joint_rate), _ticks('camera_rate', camera_rate or spec.rate)


def _ticks(name: str, rate: float) -> int:
    if not SLOWEST <= rate <= FASTEST:
        raise ConfigError(f'twin.{name} is {rate:g} Hz; expected {SLOWEST:g} to {FASTEST:g} Hz')
    return max(1, round(1.0 / (rate * TICK)))
