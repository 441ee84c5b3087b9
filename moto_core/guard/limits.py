"""What each robot's joints may do: the published tables, and a profile of them for the guard.

In: config/robot/<name>.yaml. Out: RobotConfig (spec, home, tables, profiles) and Limits, the
numbers of one profile. Source: Franka's published tables (docs/safety.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError, unknown_name
from moto_core.fields import matching, setting
from moto_core.kinematics import Chain, Kinematics
from moto_core.spec import Spec

# Plausible bounds that a table in degrees breaks: name -> (bound, unit).
_PLAUSIBLE = {
    'q_min': (2 * math.pi, 'rad'),
    'q_max': (2 * math.pi, 'rad'),
    'home': (2 * math.pi, 'rad'),
    'q_high': (2 * math.pi, 'rad'),
    'q_low': (2 * math.pi, 'rad'),
    'dq_max': (10.0, 'rad/s'),
    'dq_recommended': (10.0, 'rad/s'),
    'action_scale': (10.0, 'rad/s'),
    'ddq_max': (100.0, 'rad/s^2'),
    'dddq_max': (20000.0, 'rad/s^3'),
    'velocity_offset': (1.0, 'rad/s'),  # an FR3's are at most 0.35 and 34
    'velocity_slope': (50.0, 'rad/s^2'),
}
_TOPIC = (
    r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*',
    'letters, digits and _, none first a digit, parts with / between them',
)
LEAST_MARGIN = 0.01  # [rad]: the arm may be as far from where it is led
LONGEST_STOP = 1.2  # [s] from the profile's cap to rest; a halt gives up after more
_CURVE = ('velocity_offset', 'velocity_slope', 'q_high', 'q_low')


@dataclass(frozen=True)
class JointLimits:
    """The published limits of the arm's joints, one entry a joint."""

    q_min: list[float]  # [rad]
    q_max: list[float]  # [rad]
    dq_max: list[float]  # [rad/s]
    ddq_max: list[float]  # [rad/s^2]
    dddq_max: list[float]  # [rad/s^3]
    dq_recommended: list[float]  # [rad/s]
    velocity_offset: list[float] = field(default_factory=list)  # [rad/s] FR3's o, or empty
    velocity_slope: list[float] = field(default_factory=list)  # [rad/s^2] FR3's d
    q_high: list[float] = field(default_factory=list)  # [rad] FR3's q_hi
    q_low: list[float] = field(default_factory=list)  # [rad] FR3's q_lo


@dataclass(frozen=True)
class Profile:
    """How much of the published limits a session uses; a file says all of it."""

    velocity_fraction: float  # of the recommended or official speed, in (0, 1)
    of: str  # 'recommended' | 'official'
    acceleration: float  # [rad/s^2]
    jerk: float  # [rad/s^3]
    margin: float  # [rad] kept from every position limit
    brake: float  # [rad/s^2]


@dataclass(frozen=True)
class Controllers:
    """The names under which the robot's controllers take commands."""

    trajectory: str = matching(*_TOPIC, 'joint_trajectory_controller')  # <name>/joint_trajectory
    velocity: str = matching(*_TOPIC, 'joint_velocity_controller')  # <name>/commands


@dataclass(frozen=True)
class RobotConfig:
    """One robot: its specification, home, limits, profiles, controllers and kinematics."""

    name: str = matching(r'[A-Za-z0-9_-]+', 'letters, digits, _ and - only')
    spec: Spec = setting()
    home: list[float] = setting()  # [rad] of the arm's joints
    limits: JointLimits = setting()
    profiles: dict[str, Profile] = setting()
    controllers: Controllers = field(default_factory=Controllers)
    kinematics: Kinematics = field(default_factory=Kinematics)  # of the arm; empty: not known

    def __post_init__(self) -> None:
        """Raises ConfigError for a table of the wrong size, out of order or likely in degrees."""
        _check_tables(self)
        if self.kinematics != Kinematics():
            self.chain()
        for name, profile in self.profiles.items():
            _check_profile(self, name, profile)

    def chain(self) -> Chain:
        """Returns the arm's chain; raises ConfigError if its kinematics are missing or wrong."""
        if self.kinematics == Kinematics():
            raise ConfigError(
                f"robot '{self.name}' has no kinematics; write a, d and alpha of each joint "
                'into its YAML, as config/robot/fr3.yaml has them'
            )
        try:
            return Chain(self.kinematics, len(self.spec.joints))
        except ConfigError as error:
            raise ConfigError(f"robot '{self.name}': {error}") from error


class JointRow(NamedTuple):
    """One joint's resolved limits as plain floats, the form that the guard's loop reads."""

    low: float  # [rad] q_min + margin
    high: float  # [rad] q_max - margin
    speed: float  # [rad/s] cap
    curve_low: float  # [rad] FR3's q_lo
    curve_high: float  # [rad] FR3's q_hi
    offset: float  # [rad/s] FR3's o
    slope: float  # [rad/s^2] FR3's d; 0: no position dependence
    bend: float  # [rad/s] above it braking cannot follow the curve
    speed_max: float  # [rad/s] the published dq_max


@dataclass(frozen=True, eq=False)
class Limits:
    """The limits of one profile, float64 (n,) over the arm's joints."""

    joints: tuple[str, ...]
    q_min: np.ndarray  # [rad]
    q_max: np.ndarray  # [rad]
    dq: np.ndarray  # [rad/s] the profile's cap
    dq_max: np.ndarray  # [rad/s] the published cap (joint jumps)
    acceleration: float  # [rad/s^2] of every joint
    jerk: float  # [rad/s^3] of every joint
    brake: float  # [rad/s^2] of every joint
    margin: float  # [rad]
    velocity_offset: np.ndarray  # [rad/s], (0,) without position dependence
    velocity_slope: np.ndarray  # [rad/s^2]
    q_high: np.ndarray  # [rad]
    q_low: np.ndarray  # [rad]

    @property
    def size(self) -> int:
        """The number of arm joints n."""
        return len(self.joints)

    @cached_property
    def rows(self) -> tuple[JointRow, ...]:
        """The same numbers joint by joint as plain floats."""
        nothing = np.zeros(self.size)
        offset, slope, curve_high, curve_low = (
            column if column.size else nothing
            for column in (self.velocity_offset, self.velocity_slope, self.q_high, self.q_low)
        )
        columns = {
            'low': self.q_min + self.margin,
            'high': self.q_max - self.margin,
            'speed': self.dq,
            'curve_low': curve_low,
            'curve_high': curve_high,
            'offset': offset,
            'slope': slope,
            'bend': np.array([_bend(o, d, self.brake) for o, d in zip(offset, slope)]),
            'speed_max': self.dq_max,
        }
        return tuple(
            JointRow(**{name: float(values[joint]) for name, values in columns.items()})
            for joint in range(self.size)
        )


def load_robot(name_or_path: str, overrides: Sequence[str] = ()) -> RobotConfig:
    """Returns config/robot/<name>.yaml, or the YAML at a path, with `key=value` overrides.

    Raises ConfigError for an unknown robot (naming the nearest), or for a key or a value that
    cannot be (naming the file).
    """
    path = config_file('robot', str(name_or_path))
    try:
        return load_config(RobotConfig, path, overrides=overrides)
    except ConfigError as error:
        if overrides or str(path) in str(error):
            raise
        raise ConfigError(f"'{path}': {error}") from error


def resolve(robot: RobotConfig, profile: str = 'normal') -> Limits:
    """Returns the numbers that the guard holds for one profile.

    Acceleration, jerk and braking are single numbers for the whole arm: the profile's, or 95 %
    of the weakest joint's published limit if that is less. Raises ConfigError for an unknown
    profile.
    """
    if profile not in robot.profiles:
        raise ConfigError(
            unknown_name(f"profile of robot '{robot.name}'", profile, robot.profiles)
        )
    table, chosen = robot.limits, robot.profiles[profile]
    of = table.dq_recommended if chosen.of == 'recommended' else table.dq_max
    acceleration, jerk = 0.95 * min(table.ddq_max), 0.95 * min(table.dddq_max)
    speed = np.minimum(chosen.velocity_fraction * np.asarray(of, np.float64), table.dq_max)
    return Limits(
        joints=tuple(robot.spec.joints),
        q_min=np.array(table.q_min, np.float64),
        q_max=np.array(table.q_max, np.float64),
        dq=speed,
        dq_max=np.array(table.dq_max, np.float64),
        acceleration=min(chosen.acceleration, acceleration),
        jerk=min(chosen.jerk, jerk),
        brake=min(chosen.brake, acceleration),
        margin=chosen.margin,
        velocity_offset=np.array(table.velocity_offset, np.float64),
        velocity_slope=np.array(table.velocity_slope, np.float64),
        q_high=np.array(table.q_high, np.float64),
        q_low=np.array(table.q_low, np.float64),
    )


def _bend(offset: float, slope: float, brake: float) -> float:
    """The v at which d/2 v / (v + o), the deceleration along FR3's curve, equals the brake's."""
    ratio = 2.0 * brake / slope if slope else 1.0
    return math.inf if ratio >= 1.0 else offset * ratio / (1.0 - ratio)


def _check_tables(robot: RobotConfig) -> None:
    n, table = len(robot.spec.joints), robot.limits
    columns = {
        name: getattr(table, name)
        for name in ('q_min', 'q_max', 'dq_max', 'ddq_max', 'dddq_max', 'dq_recommended')
    }
    columns['home'] = robot.home
    columns['action_scale'] = robot.spec.action_scale[:n]
    if any(getattr(table, name) for name in _CURVE):
        columns.update({name: getattr(table, name) for name in _CURVE})
    for name, values in columns.items():
        if len(values) != n:
            raise ConfigError(
                f"robot '{robot.name}': {name} has {len(values)} entries; expected "
                f'{n}, one for each of {robot.spec.joints}'
            )
        _check_column(robot, name, values)
    for name in ('dq_recommended', 'action_scale'):
        _check_pair(robot, name, columns[name], 'dq_max', table.dq_max)
    _check_pair(robot, 'q_min', table.q_min, 'home', robot.home)
    _check_pair(robot, 'home', robot.home, 'q_max', table.q_max)
    if table.q_high:
        _check_pair(robot, 'q_low', table.q_low, 'q_min', table.q_min)
        _check_pair(robot, 'q_max', table.q_max, 'q_high', table.q_high)


def _check_column(robot: RobotConfig, name: str, values: Sequence[float]) -> None:
    bound, unit = _PLAUSIBLE.get(name, (math.inf, ''))
    positive = name not in ('q_min', 'q_max', 'home', 'q_high', 'q_low')
    for joint, value in zip(robot.spec.joints, values):
        if not math.isfinite(value) or (positive and value <= 0):
            raise ConfigError(
                f"robot '{robot.name}': {name} of {joint} is {value}; expected a "
                f'finite number{" above 0" if positive else ""}'
            )
        if abs(value) > bound:
            raise ConfigError(
                f"robot '{robot.name}': {name} of {joint} is {value}; expected at "
                f'most {bound:.4g} {unit}. In degrees? Then write '
                f'{math.radians(value):.4g} {unit}'
            )


def _check_pair(
    robot: RobotConfig, low_name: str, low: Sequence[float], high_name: str, high: Sequence[float]
) -> None:
    for joint, smaller, larger in zip(robot.spec.joints, low, high):
        if smaller > larger:
            raise ConfigError(
                f"robot '{robot.name}': {low_name} of {joint} is {smaller}, above "
                f'its {high_name} of {larger}'
            )


def _check_profile(robot: RobotConfig, name: str, profile: Profile) -> None:
    where = f"robot '{robot.name}', profile '{name}'"
    if profile.of not in ('recommended', 'official'):
        raise ConfigError(
            f'{where}: ' + unknown_name("value of 'of'", profile.of, ('recommended', 'official'))
        )
    least = min(high - low for low, high in zip(robot.limits.q_min, robot.limits.q_max))
    ranges = {
        'velocity_fraction': (0.0, 1.0, ''),
        'acceleration': (0.0, 100.0, 'rad/s^2'),
        'jerk': (0.0, 20000.0, 'rad/s^3'),
        'brake': (0.0, 100.0, 'rad/s^2'),
        'margin': (LEAST_MARGIN, min(0.5, least / 4), 'rad'),
    }
    for key, (low, high, unit) in ranges.items():
        value = getattr(profile, key)
        allowed = low <= value if key == 'margin' else low < value
        if not (allowed and value <= high):
            raise ConfigError(
                f'{where}: {key} is {value}; expected '
                f'{"at least" if key == "margin" else "above"} {low:g} and at most '
                f'{high:.4g} {unit}'.rstrip()
            )
    limits = resolve(robot, name)
    fastest = float(limits.dq.max())
    stop = fastest / limits.brake + limits.brake / limits.jerk
    if stop > LONGEST_STOP:
        raise ConfigError(
            f'{where}: a stop from {fastest:.3g} rad/s at brake {limits.brake:g} and jerk '
            f'{limits.jerk:g} takes {stop:.3g} s; expected at most {LONGEST_STOP:g} s. Raise '
            'them, or lower velocity_fraction'
        )
