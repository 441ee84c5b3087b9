"""What a policy is trained for and a robot must have: cameras, joints, action scale, rate.

In: config/robot/<name>.yaml. Out: a frozen Spec, part of every episode and every policy bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from moto_core.config import load_config, to_dict
from moto_core.errors import ConfigError
from moto_core.fields import check, choices, names, number, setting

LARGEST_SIDE = 2048  # [px] of a processed image
LARGEST_RAW = 32768  # [px] of a camera's own image


@dataclass(frozen=True)
class CameraSpec:
    """One camera: where its images come from and what the policy sees of them."""

    topic: str = setting('/camera/camera/color/image_raw', 'sensor_msgs/Image; remappable')
    height: int = number(64, '[px] of the processed image', low=1, high=LARGEST_SIDE)
    width: int = number(64, '[px] of the processed image', low=1, high=LARGEST_SIDE)
    crop: list[int] | None = number(
        None,
        '(top, left, height, width) [px] of the raw image; null: the largest centred crop',
        low=0,
        high=LARGEST_RAW,
    )

    def __post_init__(self) -> None:
        """Raises ConfigError for a size or a crop that no image can have."""
        check(self)
        crop = self.crop
        if crop is not None and (len(crop) != 4 or min(crop[2:]) < 1):
            raise ConfigError(
                f'crop is {list(crop)}; expected (top, left, height, width) [px], '
                'the first two 0 or more, the last two 1 or more'
            )


@dataclass(frozen=True)
class Spec:
    """The agreement between a policy and a robot: every field must be equal on both sides."""

    joints: list[str] = names(about="arm joint names, in the action's order", entries=1)
    action_scale: list[float] = number(
        about='[rad/s] per joint, then [m/s] per gripper joint, at action 1', above=0
    )
    gripper: list[str] = names([], "gripper joint names, the action's last entries")
    rate: float = number(12.5, '[Hz] of decisions (not their period)', low=2, high=1000)
    cameras: dict[str, CameraSpec] = names({}, 'the cameras by name')
    proprioception: list[str] = choices(
        'position', 'velocity', about='each of every joint and gripper joint'
    )

    def __post_init__(self) -> None:
        """Raises ConfigError for a field that cannot be, or fields that contradict each other."""
        check(self)
        if len(self.action_scale) != self.action_size:
            raise ConfigError(
                f'action_scale has {len(self.action_scale)} entries; expected '
                f'{self.action_size}, one for each of {self.names}'
            )
        if len(set(self.names)) != len(self.names):
            raise ConfigError(f'joint names repeat: {self.names}')

    @property
    def names(self) -> list[str]:
        """The action's entries by name: the joints, then the gripper's."""
        return [*self.joints, *self.gripper]

    @property
    def action_size(self) -> int:
        """A, the number of entries of an action."""
        return len(self.joints) + len(self.gripper)

    @property
    def proprioception_size(self) -> int:
        """P, the length of the proprioception vector; 0 if there is none."""
        return len(self.proprioception) * self.action_size

    @property
    def period(self) -> float:
        """The time between two decisions [s]."""
        return 1.0 / self.rate

    @property
    def scale(self) -> np.ndarray:
        """The action scale as float64 (A,) [rad/s, m/s]."""
        return np.asarray(self.action_scale, np.float64)

    @property
    def hash(self) -> str:
        """A hash of every field but the cameras' topics, which differ between installations."""
        data = to_dict(self)
        for camera in data['cameras'].values():
            camera.pop('topic')
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Setup:
    """What an action does and what a camera sees, beyond the spec: equal within one dataset.

    Demonstrations, online episodes and evaluation of one run share it, or they are different
    robots.
    """

    robot: str = setting('', "name of config/robot; '': not known")
    profile: str = setting('', "of the guard's limits around the robot; '': no guard")
    actuation: str = setting('', "how a simulator moves its joints; '': the robot's own drives")
    views: dict[str, str] = names(
        {}, "camera: name of a simulator's viewpoint; a real camera has none"
    )


def setup_mismatches(ours: Setup, theirs: Setup) -> list[str]:
    """Lists every difference between two setups, each with both values."""
    a, b = to_dict(ours), to_dict(theirs)
    return [f'{key} {_shown(a[key])} and {_shown(b[key])}' for key in a if a[key] != b[key]]


def is_known(recorded: Setup, beside: Setup) -> bool:
    """Says whether a recorded setup is known, judged by another one of the same spec.

    Setup() is stored where nothing is known. It is also all there is to say of a robot without a
    name at its own drives and views, MetaWorld's hand: beside a setup that names no robot it is
    known.
    """
    return recorded != Setup() or not beside.robot


def spec_from_dict(data: Any) -> Spec:
    """Returns the Spec that `to_dict` wrote; raises ConfigError for anything else."""
    if not isinstance(data, Mapping):
        raise ConfigError(f'a spec is a {type(data).__name__}; expected a mapping of its fields')
    return load_config(Spec, data)


def spec_mismatches(policy: Spec, robot: Spec) -> list[str]:
    """Lists every difference that keeps a policy made for one spec off a robot with another."""
    ours, theirs = to_dict(policy), to_dict(robot)
    found = [
        f'{key}: policy has {_short(ours[key])}, robot has {_short(theirs[key])}'
        for key in ('joints', 'gripper', 'action_scale', 'rate', 'proprioception')
        if ours[key] != theirs[key]
    ]
    for name, camera in ours['cameras'].items():
        other = theirs['cameras'].get(name)
        if other is None:
            found.append(f"camera '{name}': robot has only {sorted(theirs['cameras'])}")
            continue
        found += [
            f"camera '{name}' {key}: policy has {camera[key]}, robot has {other[key]}"
            for key in ('height', 'width', 'crop')
            if camera[key] != other[key]
        ]
    return found


def _shown(value: str | dict[str, str]) -> str:
    """Returns a setting in words: 'name', or camera=view of each; none if there is nothing."""
    if isinstance(value, str):
        return f"'{value}'" if value else 'none'
    return ', '.join(f'{name}={item}' for name, item in value.items()) or 'none'


def _short(value: Any) -> Any:
    """Returns a value with numbers as one would write them: .8, not .7999999999999999."""
    if isinstance(value, list):
        return [_short(entry) for entry in value]
    return float(f'{value:.12g}') if isinstance(value, float) else value
