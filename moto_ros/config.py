"""What the nodes are told: one schema for all of them, a YAML of differences, ROS parameters last.

In: config/ros/<name>.yaml and dotted keys. Out: a frozen RosConfig. Nothing here imports rclpy.
Every process of a bring-up is given the same parameters, so a key is valid for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto_core.config import config_file, load_config, to_yaml
from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig

MODES = ('velocity_array', 'trajectory')


@dataclass(frozen=True)
class CommandConfig:
    """How commands reach the arm."""

    mode: str = 'trajectory'  # 'trajectory' | 'velocity_array'
    velocity_controller: str = 'joint_velocity_controller'  # <controller>/commands
    trajectory_controller: str = 'joint_trajectory_controller'  # <controller>/joint_trajectory
    gripper_rate: float = 50.0  # [Hz] at which gripper commands repeat
    dry_run: bool = False  # compute everything, command nothing
    silence: float = 2.0  # [s] that the stream of zeros goes on after a halt

    @property
    def topic(self) -> str:
        """The controller's command topic, relative to the namespace."""
        if self.mode == 'velocity_array':
            return f'{self.velocity_controller}/commands'
        return f'{self.trajectory_controller}/joint_trajectory'


@dataclass(frozen=True)
class PolicyParams:
    """The policy and what it may act on."""

    bundle: str = 'zero'  # folder of a policy bundle | 'zero' | 'random'
    seed: int = 0  # of 'random'
    threads: int = 1  # of onnxruntime
    wait_for_episode: bool = False  # request rest until start_episode
    camera_age: float = 0.100  # [s]
    joint_age: float = 0.100  # [s]
    camera_skew: float = 0.050  # [s] between the oldest and the newest camera
    future: float = 0.020  # [s] that a stamp may lie ahead of the clock


@dataclass(frozen=True)
class GuardParams:
    """The guard's node; what it enforces is the robot's profile."""

    rate: float = 250.0  # [Hz] of ticks, steady clock
    trajectory_rate: float = 50.0  # [Hz] of trajectories in that mode
    deadman_required: bool = False
    deadman_button: int = 4  # index in Joy.buttons
    joint_age: float = 0.100  # [s]
    speed_floor: float = 0.0  # speed scale at or below which the guard holds


@dataclass(frozen=True)
class RecordParams:
    """The recorder."""

    dataset: str = 'runs/dataset'  # folder, made if missing
    task: str = ''  # name written into episodes; '': the twin's
    source: str = 'robot'  # 'robot' | 'sim'
    policy_timeout: float = 1.0  # [s] of the policy's silence: it died
    # beside the rows, as they come from the robot's own topics; 0 and false: not recorded
    joint_rate: float = 125.0  # [Hz] of joint states at most
    images: bool = True  # raw camera images, at most at the spec's rate
    image_bandwidth: float = 20.0  # [MB/s] of raw images at most, over all cameras
    guard_state: bool = True  # the guard's state, 10 Hz
    raw: dict[str, str] = field(default_factory=dict)  # more of them, topic: message type


@dataclass(frozen=True)
class TwinParams:
    """The simulated robot."""

    task: str = 'kitchen-microwave'
    seed: int = 0  # of the first reset; each reset uses the next
    joint_rate: float = 125.0  # [Hz] of joint states
    camera_rate: float = 0.0  # [Hz]; 0: the spec's rate
    watchdog: float = 0.100  # [s] of silence after which an array command stops


@dataclass(frozen=True)
class RosConfig:
    """Everything that a bring-up decides."""

    robot: str = 'kitchen_sim'  # name in config/robot, or a path to a YAML
    profile: str = 'normal'  # of the robot's limits
    joint_states: str = 'joint_states'  # topic
    cameras: dict[str, str] = field(default_factory=dict)  # camera: topic, in place of the spec's
    compressed: list[str] = field(default_factory=list)  # cameras read from <topic>/compressed
    command: CommandConfig = field(default_factory=CommandConfig)
    policy: PolicyParams = field(default_factory=PolicyParams)
    guard: GuardParams = field(default_factory=GuardParams)
    record: RecordParams = field(default_factory=RecordParams)
    twin: TwinParams = field(default_factory=TwinParams)

    def __post_init__(self) -> None:
        """Raises ConfigError if a value has no meaning."""
        if self.command.mode not in MODES:
            raise ConfigError(f"command.mode is '{self.command.mode}'; expected one of {MODES}")
        if not 50.0 <= self.guard.rate <= 1000.0:
            raise ConfigError(f'guard.rate is {self.guard.rate} Hz; expected 50 to 1000 Hz')
        if not 0.0 <= self.record.joint_rate <= 1000.0:
            raise ConfigError(
                f'record.joint_rate is {self.record.joint_rate} Hz; expected 0 (none) to 1000 Hz'
            )
        if not 0.0 < self.record.image_bandwidth <= 1000.0:
            raise ConfigError(
                f'record.image_bandwidth is {self.record.image_bandwidth} MB/s; expected above 0 '
                'to 1000 MB/s; record.images=false records none'
            )
        if not 0.0 < self.twin.watchdog <= 1.0:
            raise ConfigError(f'twin.watchdog is {self.twin.watchdog} s; expected 0 to 1 s')

    @property
    def hash(self) -> str:
        """A hash of the resolved configuration, written into episodes."""
        return hashlib.sha256(to_yaml(self).encode()).hexdigest()


def load_ros_config(name: str, given: Mapping[str, Any]) -> RosConfig:
    """Returns config/ros/<name>.yaml (or the YAML at a path) with dotted keys put over it."""
    return load_config(RosConfig, config_file('ros', name), _nested(given))


def camera_topics(config: RosConfig, robot: RobotConfig) -> dict[str, str]:
    """Returns {camera: topic}; raises ConfigError for a camera that the robot lacks."""
    unknown = set(config.cameras) - set(robot.spec.cameras)
    if unknown:
        raise ConfigError(
            f"cameras {sorted(unknown)} are not in robot '{robot.name}'; "
            f'it has {sorted(robot.spec.cameras)}'
        )
    return {
        name: config.cameras.get(name, camera.topic) for name, camera in robot.spec.cameras.items()
    }


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in given.items():
        *parents, last = key.split('.')
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return result
