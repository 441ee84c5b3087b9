"""What the nodes are told: one schema for all of them, a YAML of differences, ROS parameters last.

In: config/ros/<name>.yaml, as such or as a ROS parameters file, and dotted keys. Out: a frozen
RosConfig. Nothing here imports rclpy. Every process of a bring-up is given the same parameters, so
a key is valid for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from moto_core.config import config_file, flatten, load_config, to_yaml
from moto_core.episodes.episode import SIM, TWIN
from moto_core.errors import ConfigError
from moto_core.fields import check, choice, list_keys, names, number, part, path, setting
from moto_core.guard.limits import RobotConfig
from moto_core.guard.state import RANGES
from moto_core.spec import Setup
from moto_core.strict_yaml import read_yaml
from moto_ros.parameters_file import is_parameters_file, nested, settings_of

PERSON = 'teleop'  # the policy that chooses what a person who teleoperates asks for
BUILT_IN = ('zero', 'random', PERSON)  # policies without a bundle
MODES = ('velocity_array', 'trajectory')
NO_INPUT, INPUTS = 'none', ('joy', 'page')  # who may publish the joystick of a person that drives
NONE = 255  # in place of a button's or an axis' index: there is none
WHILE_HELD = ('close', 'open', 'pairs', 'hand')  # buttons that are heard with the deadman held
WHILE_LET_GO = ('success', 'failure', 'discard', 'home', 'start')
ALWAYS = ('take_over', 'give_back')
SIMULATED = ('kitchen_sim', 'kitchen_wrist', 'kitchen_fr3')  # robots whose limits no arm has
SLOWEST, FASTEST = 1.0, 250.0  # [Hz] of what the twin publishes: every tick of 4 ms at most


def _guarded(default: float, about: str, name: str) -> Any:
    """Returns a field for a setting of the guard, within the guard's own bounds."""
    low, high = RANGES[name]
    return number(default, about, low=low, high=high)


class LimitsFile(NamedTuple):
    """Where the robot's limits stand, so that a person can compare (`sha256sum`)."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class CommandConfig:
    """How commands reach the arm."""

    mode: str = choice('trajectory', *MODES, about='how the arm is commanded')
    velocity_controller: str = setting(
        '', "name of the controller of <name>/commands; '': the robot's own"
    )
    trajectory_controller: str = setting(
        '', "name of the one of <name>/joint_trajectory; '': the robot's own"
    )
    gripper_rate: float = number(50.0, '[Hz] at which gripper commands repeat', above=0, high=1000)
    delay: float = number(
        0.034,
        '[s] from a tick to its place in a trajectory: what jitter, transport and two lost '
        'messages take',
        low=0.02,
        high=0.09,
    )
    dry_run: bool = setting(False, 'compute everything, command nothing')
    velocities_run_on_if_the_guard_dies: bool = setting(
        False, 'true: accepted for a real arm in velocity_array mode, where it is so'
    )
    ask_controller: bool = setting(
        True, 'true: a real arm moves only if its trajectory controller says how it interpolates'
    )
    limits_are_of_no_real_arm: bool = setting(
        False, "true: accepted, sim:=false with a simulated robot's limits (a simulated drive)"
    )
    silence: float = _guarded(
        2.0, '[s] that the stream of zeros goes on after a halt', 'halt_stream'
    )


@dataclass(frozen=True)
class GripperParams:
    """A gripper that is told where to go, in place of how fast."""

    action: str = setting(
        '', "the gripper's control_msgs/GripperCommand action; '': velocities on a topic"
    )
    joint_states: str = setting('', "topic of the gripper's joints; '': they are among the arm's")
    opened: float = number(0.039, '[m] of a finger, open', low=0, high=0.2)
    closed: float = number(0.0, '[m] of a finger, closed', low=0, high=0.2)
    effort: float = number(20.0, '[N] of a grasp at most', above=0, high=200)


@dataclass(frozen=True)
class PolicyParams:
    """The policy and what it may act on."""

    bundle: str = path(
        'zero', "folder of a policy bundle, a file that names it, 'zero', 'random' or 'teleop'"
    )
    seed: int = number(0, "seed of policy 'random'", low=0)
    threads: int = number(1, 'threads of onnxruntime', low=1, high=256)
    wait_for_episode: bool = setting(False, 'request rest until start_episode')
    follow: bool = setting(
        False,
        'true: what the file of policy.bundle names next is tried, and swapped in between '
        'episodes',
    )
    shadow: int = number(
        25,
        'decisions that the next policy is tried beside the one in use first',
        low=1,
        high=100_000,
    )
    probation: int = number(
        125,
        'decisions after which it is kept, and until which it is swapped out for a fault; 0: none',
        low=0,
    )
    camera_age: float = number(0.100, '[s] of the oldest image used', above=0, high=10)
    joint_age: float = number(0.100, '[s] of the oldest joint state used', above=0, high=10)
    camera_skew: float = number(
        0.050, '[s] between the oldest and the newest camera', above=0, high=10
    )
    future: float = number(0.020, '[s] that a stamp may lie ahead of the clock', low=0, high=10)


@dataclass(frozen=True)
class GuardParams:
    """The guard's node; what it enforces is the robot's profile."""

    rate: float = _guarded(250.0, '[Hz] of ticks, steady clock', 'rate')
    trajectory_rate: float = number(
        125.0, '[Hz] of trajectories, in that mode', low=100, high=1000
    )
    deadman_required: bool = setting(True, 'true: the arm moves only while a button is held')
    deadman_button: int = number(
        4, 'index in Joy.buttons: the arm moves only while it is held', low=0, high=255
    )
    intervention_button: int = number(
        255, 'index in Joy.buttons: a person drives while it is held', low=0, high=255
    )
    estops: list[str] = setting(['moto/estop'], 'topics of e-stops, each with one publisher')
    estop_heartbeat: float = number(
        0.0, '[s] within which every e-stop has to speak; 0: none has to', low=0, high=10
    )
    estop_required: bool = setting(
        True, 'true: a real arm does not move while nobody publishes on one of estops'
    )
    home_tolerance: float = number(
        0.1, '[rad] from home that a joint may be when a policy begins', above=0, high=10
    )
    armed_timeout: float = number(
        60.0, '[s] after which an armed guard that moves nothing disarms', low=1, high=3600
    )
    joint_age: float = _guarded(0.100, '[s] of the oldest joint state used', 'joint_age')
    speed_floor: float = number(
        0.0, 'speed scale at or below which the guard holds', low=0, below=1
    )

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be, or a button that does two things."""
        check(self)
        if self.deadman_button == self.intervention_button:
            raise ConfigError(
                f'guard.deadman_button and guard.intervention_button are both '
                f'{self.deadman_button}; give each a button of its own'
            )


def _check_buttons(guard: GuardParams, buttons: TeleopButtons) -> None:
    for switch in ('deadman_button', 'intervention_button'):
        place = getattr(guard, switch)
        for name in (*WHILE_HELD, *WHILE_LET_GO, *ALWAYS):
            if place != NONE and getattr(buttons, name) == place:
                raise ConfigError(
                    f'guard.{switch} and teleop.buttons.{name} are both {place}; give each a '
                    f'button of its own, or {NONE} for none'
                )


def _button(default: int, about: str) -> Any:
    """Returns a field for a place in Joy.buttons."""
    return number(default, f'index in Joy.buttons: {about}', low=0, high=NONE)


@dataclass(frozen=True)
class TeleopButtons:
    """What each button of the joystick does; NONE is none. A gamepad's, as joy_node numbers it."""

    close: int = _button(0, 'closes the gripper, while the deadman is held')
    open: int = _button(1, 'opens the gripper, while the deadman is held')
    pairs: int = _button(2, 'the sticks move the next two joints, while the deadman is held')
    hand: int = _button(3, 'the sticks move the hand, while the deadman is held')
    success: int = _button(0, 'the episode ends as a success, while the deadman is let go')
    failure: int = _button(1, 'the episode ends as a failure, while the deadman is let go')
    discard: int = _button(2, 'the episode is thrown away, while the deadman is let go')
    home: int = _button(3, 'the guard leads the arm home, begun while the deadman is let go')
    take_over: int = _button(5, 'a person drives from now on')
    give_back: int = _button(6, 'the policy drives from now on')
    start: int = _button(7, 'arms the guard and begins an episode, while the deadman is let go')


@dataclass(frozen=True)
class TeleopParams:
    """A person who drives the arm by a joystick; its deadman is guard.deadman_button."""

    input: str = choice(
        NO_INPUT,
        NO_INPUT,
        *INPUTS,
        about="whose Joy drives: a joystick's, or the operator's page's",
    )
    sticks: str = choice(
        'hand',
        'hand',
        'pairs',
        'joints',
        about='what the sticks move first; joints: axis i, joint i',
    )
    speed: float = number(
        0.5,
        'share of the full speeds (linear, angular) and of action 1 of a joint',
        above=0,
        high=1,
    )
    linear: float = number(0.3, '[m/s] of the hand at full speed', above=0, high=1)
    angular: float = number(1.0, '[rad/s] of the hand at full speed', above=0, high=3)
    dead_zone: float = number(
        0.1, 'share of an axis about its rest that asks nothing', low=0, below=1
    )
    silence: float = number(
        0.25, '[s] without a word after which the joystick is gone', above=0.02, high=1
    )
    hand_axes: list[int] = number(
        [1, 0, 4, 6, 7, 3],
        "indices in Joy.axes of the hand's x, y, z and of its turns about them, base's frame",
        low=0,
        high=NONE,
    )
    hand_signs: list[int] = number([1] * 6, 'of hand_axes; -1 turns one about', low=-1, high=1)
    pair_axes: list[int] = number(
        [1, 4], 'indices in Joy.axes of a pair of joints', low=0, high=NONE
    )
    pair_signs: list[int] = number([1, 1], 'of pair_axes; -1 turns one about', low=-1, high=1)
    buttons: TeleopButtons = part(TeleopButtons)

    def __post_init__(self) -> None:
        """Raises ConfigError for too many axes or signs, or a button that does two things."""
        for name, count in (('hand', 6), ('pair', 2)):
            for column in (f'{name}_axes', f'{name}_signs'):
                if len(getattr(self, column)) != count:
                    raise ConfigError(
                        f'teleop.{column} is {list(getattr(self, column))}; expected {count} '
                        'entries'
                    )
        for together in (WHILE_HELD, WHILE_LET_GO):
            taken: dict[int, str] = {}
            for name in (*together, *ALWAYS):
                place = getattr(self.buttons, name)
                if place != NONE and place in taken:
                    raise ConfigError(
                        f'teleop.buttons.{name} and teleop.buttons.{taken[place]} are both '
                        f'{place}; give each a button of its own, or {NONE} for none'
                    )
                taken[place] = name


@dataclass(frozen=True)
class RecordParams:
    """The recorder."""

    dataset: str = path('runs/dataset', 'folder, made if missing')
    task: str = setting('', "name written into episodes; '': the twin's; a real robot needs one")
    source: str = choice('robot', 'robot', 'sim', about='what made the episodes')
    labels_only: bool = setting(
        False,
        "true: of the twin's task no reward, success or part is recorded; a session's word for "
        'the outcome, or a later label, is all that is learned from, as on a robot',
    )
    required: bool = setting(False, 'true: the guard lets nothing move that is not recorded')
    policy_timeout: float = number(
        1.0, "[s] of the policy's silence after which it is dead", above=0, high=600
    )
    longest: float = number(
        300.0, '[s] after which an episode that nobody has ended ends; 0: never', low=0, high=86400
    )
    # beside the rows, as they come from the robot's own topics; 0 and false: not recorded
    joint_rate: float = number(
        125.0, '[Hz] of joint states at most; 0: none are recorded', low=0, high=1000
    )
    images: bool = setting(True, 'raw camera images are recorded, at most at image_rate')
    image_rate: float = number(
        0.0, "[Hz] of raw images of a camera at most; 0: the spec's rate", low=0, high=1000
    )
    image_bandwidth: float = number(
        20.0, '[MB/s] of raw images at most, over all cameras', above=0, high=1000
    )
    compression: str = choice(
        'zstd',
        *('zstd', 'lz4', 'none'),
        about='compression of what is recorded; large raw images hardly shrink, and lz4 takes a '
        'third of the time',
    )
    guard_state: bool = setting(True, "the guard's state is recorded, 10 Hz")
    raw: dict[str, str] = setting({}, 'more topics to record, topic: message type')
    black_boxes: int = number(
        20,
        'how many are kept of the last 30 s before a stop, beside the dataset; 0: none',
        low=0,
        high=10_000,
    )
    black_box_size: float = number(
        100.0,
        '[MB] of a black box, of which images take three quarters; held in memory',
        low=1,
        high=4000,
    )


@dataclass(frozen=True)
class StreamDisturbance:
    """What happens to the camera's images, or to the joint states, of the simulated robot."""

    latency: float = number(0.0, '[s] from a state to its message', low=0, high=2)
    jitter: float = number(0.0, '[s] later at most, drawn for each message', low=0, high=1)
    drop: float = number(0.0, 'probability that a message is lost', low=0, high=1)
    frozen: bool = setting(False, 'true: the last one is repeated, with new stamps')


@dataclass(frozen=True)
class Disturbance:
    """What is wrong with the simulated robot; may be set while it runs."""

    camera: StreamDisturbance = part(StreamDisturbance)
    joints: StreamDisturbance = part(StreamDisturbance)
    clock_offset: float = number(
        0.0, "[s] by which the twin's clock is ahead of the others'", low=-0.5, high=0.5
    )
    lag: float = number(0.0, '[s] by which the arm follows late what it is told', low=0, high=0.1)
    seed: int = number(
        0, 'seed of what is drawn; another one begins the draws anew', low=0, high=2**32 - 1
    )


@dataclass(frozen=True)
class TwinParams:
    """The simulated robot."""

    task: str = setting('kitchen-microwave', 'a task of the Kitchen, as moto_sim names it')
    seed: int = number(
        2**30,
        'seed of the first scene, each reset uses the next one, the first of them too if the arm '
        'was moved; below 2**30 are the starts of evaluations, which no recorded episode should '
        'have',
        low=0,
        high=2**32 - 1_000_000,
    )
    views: dict[str, str] = names({}, "camera: viewpoint; the one of the camera's name if none")
    shift: str = setting(
        '',
        "what has changed about what the cameras show: 'camera moved 5 cm', 'lamp at 75 %', ...",
    )
    joint_rate: float = number(125.0, '[Hz] of joint states', low=SLOWEST, high=FASTEST)
    camera_rate: float = number(
        0.0, "[Hz] of images, at least 1; 0: the spec's rate", low=0, high=FASTEST
    )
    watchdog: float = number(
        0.100, '[s] of silence after which the arm stops, under arrays', above=0, high=1
    )
    reflexes: str = choice(
        'by_mode',
        *('by_mode', 'all', 'none'),
        about="which of Franka's reflexes stop the arm; by_mode: all under trajectories, and no "
        'discontinuities under arrays, whose every step is one',
    )
    disturbance: Disturbance = part(Disturbance)


@dataclass(frozen=True)
class RosConfig:
    """Everything that a bring-up decides."""

    robot: str = setting('kitchen_sim', 'name in config/robot, or a path to a YAML')
    profile: str = setting(
        'normal', "which of the robot's limits hold: commissioning, normal or ceiling"
    )
    hardware_id: str = setting('', "the robot's name in the diagnostics; '': that of its file")
    joint_states: str = setting('joint_states', 'topic of the joint states')
    cameras: dict[str, str] = names({}, "camera: topic, in place of the spec's")
    frames: dict[str, str] = names(
        {}, 'camera: frame_id that its images must have; the first that came if none is given'
    )
    compressed: list[str] = names([], 'cameras read from <topic>/compressed')
    command: CommandConfig = part(CommandConfig)
    gripper: GripperParams = part(GripperParams)
    policy: PolicyParams = part(PolicyParams)
    guard: GuardParams = part(GuardParams)
    teleop: TeleopParams = part(TeleopParams)
    record: RecordParams = part(RecordParams)
    twin: TwinParams = part(TwinParams)

    def __post_init__(self) -> None:
        """Raises ConfigError for what a field's rule refuses, and a button of two uses."""
        check(self)
        if self.teleop.input != NO_INPUT:
            _check_buttons(self.guard, self.teleop.buttons)

    @property
    def hash(self) -> str:
        """A hash of the resolved configuration, written into episodes."""
        return hashlib.sha256(to_yaml(self).encode()).hexdigest()


def load_ros_config(name: str, given: Mapping[str, Any]) -> RosConfig:
    """Returns config/ros/<name>.yaml (or the YAML at a path) with dotted keys put over it.

    The file holds settings as they are, or as a ROS parameters file does, under `/**` and
    `ros__parameters`. Raises ConfigError for what neither is, and as load_config does.
    """
    file, settings = _settings_of_file(name)
    return load_config(RosConfig, file if settings is None else settings, nested(given))


def settings_in(name: str) -> dict[str, Any]:
    """Returns {dotted name: value} of what config/ros/<name>.yaml (or the YAML at a path) says.

    What it leaves to a default is not among them. Raises ConfigError as load_ros_config does.
    """
    config = load_ros_config(name, {})
    file, settings = _settings_of_file(name)
    said = {key for key, _ in flatten(read_yaml(file) if settings is None else settings)}
    groups = {key.rpartition('.')[0] for key in said}  # of an entry of a mapping: the mapping
    return {key.name: key.default for key in list_keys(config) if key.name in said | groups}


def limits_file(config: RosConfig) -> LimitsFile:
    """Returns the file of the robot's limits in force, as read by this process."""
    path = config_file('robot', config.robot).resolve()
    return LimitsFile(path, hashlib.sha256(path.read_bytes()).hexdigest())


def velocity_topic(config: RosConfig, robot: RobotConfig) -> str:
    """Returns the topic of joint velocities, relative to the namespace."""
    return f'{config.command.velocity_controller or robot.controllers.velocity}/commands'


def trajectory_topic(config: RosConfig, robot: RobotConfig) -> str:
    """Returns the topic of trajectories, relative to the namespace."""
    name = config.command.trajectory_controller or robot.controllers.trajectory
    return f'{name}/joint_trajectory'


def command_topic(config: RosConfig, robot: RobotConfig) -> str:
    """Returns the topic of the mode in which the arm is commanded."""
    arrays = config.command.mode == 'velocity_array'
    return (velocity_topic if arrays else trajectory_topic)(config, robot)


def check_mode(config: RosConfig) -> None:
    """Raises ConfigError for velocities to a real arm that nobody has accepted in words."""
    command = config.command
    accepted = command.velocities_run_on_if_the_guard_dies or config.record.source == 'sim'
    if command.mode == 'velocity_array' and not accepted:
        raise ConfigError(
            'command.mode is velocity_array, and a velocity controller goes on with its last '
            'command for ever if the guard or its computer dies: use trajectory, or say '
            'command.velocities_run_on_if_the_guard_dies:=true'
        )


def check_limits(config: RosConfig, robot: RobotConfig) -> None:
    """Raises ConfigError for a simulated robot's limits on an arm, unless accepted in words."""
    accepted = config.command.limits_are_of_no_real_arm or config.record.source == 'sim'
    if robot.name in SIMULATED and not accepted:
        raise ConfigError(
            f"robot is '{config.robot}' (name: {robot.name}), whose limits are of no arm that "
            'there is, and it is not simulated: name the arm (robot_type:=fr3; in a YAML of your '
            'own, another name), or say sim:=true (record.source:=sim of a single node), or, to a '
            'controller that is simulated too, command.limits_are_of_no_real_arm:=true'
        )


def recorded_setup(config: RosConfig, robot: RobotConfig) -> Setup:
    """Returns the setup of this robot's episodes; a camera's own view is not named."""
    views = config.twin.views if config.record.source == 'sim' else {}
    return Setup(
        robot=robot.name,
        profile=config.profile,
        views={camera: view for camera, view in views.items() if view != camera},
    )


def recorded_source(config: RosConfig) -> str:
    """Returns the source of this robot's episodes; a real one's have labels alone anyway."""
    source = config.record.source
    return TWIN if source == SIM and config.record.labels_only else source


def recorded_task(config: RosConfig) -> str:
    """Returns the task that episodes are recorded as; raises ConfigError if none is given."""
    task = config.record.task or (config.twin.task if config.record.source == 'sim' else '')
    if not task:
        raise ConfigError(
            "record.task is '', and an episode of a real robot says what was tried; "
            'start again with task:=<name> (-p record.task:=<name>)'
        )
    return task


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


def changed(config: Any, name: str, value: Any) -> Any:
    """Returns a configuration with the setting of a dotted name changed.

    Raises ConfigError for a value that its field's rule refuses.
    """
    first, _, rest = name.partition('.')
    value = changed(getattr(config, first), rest, value) if rest else value
    result = replace(config, **{first: value})
    check(result)
    return result


def _settings_of_file(name: str) -> tuple[Path, dict[str, Any] | None]:
    """Returns the YAML's path and, if it is a ROS parameters file, the settings that it holds."""
    file = config_file('ros', name)
    data = read_yaml(file)
    if not is_parameters_file(data):
        return file, None
    try:
        settings = settings_of(data, MAPPINGS)
        load_config(RosConfig, settings)
    except ConfigError as error:
        raise ConfigError(f"'{file}': {error}") from error
    return file, settings


MAPPINGS = tuple(key.name for key in list_keys(RosConfig()) if isinstance(key.default, dict))
