"""How a foreign file's names, units and conventions become a spec's: what a user says of it.

In: YAML, `key=value`. Out: Mapping, and the Spec and Setup that its episodes have.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.errors import ConfigError
from moto_core.fields import check, choice, choices, names, number, part, setting
from moto_core.spec import CameraSpec, Setup, Spec

MEANINGS = ('scaled', 'velocity', 'displacement', 'target')
"""Of an action: in [-1, 1] of action_scale; [rad/s]; [rad] by the next row; joints [rad] then."""


@dataclass(frozen=True)
class Columns:
    """Numbers of every row: an array of the file and which of its entries, in spec order."""

    key: str = setting('', "the array's name in the file; '': there is none")
    columns: list[int] = number([], 'its entries, counted from 0; []: all', low=0)


@dataclass(frozen=True)
class CameraSource:
    """One camera: its name in the file, and what the policy sees of it."""

    key: str = setting(about='the name of the images in the file')
    height: int = number(64, '[px] of the processed image', low=1, high=2048)
    width: int = number(64, '[px] of the processed image', low=1, high=2048)
    crop: list[int] | None = number(
        None, '(top, left, height, width) [px]; null: the largest centred crop', low=0
    )


@dataclass(frozen=True)
class Mapping:
    """What an import needs to know; what the file itself says (rate, task) may be left out."""

    task: str = setting('', "of every episode; '': what the file says")
    source: str = choice('robot', 'robot', 'sim', about='where the episodes come from')
    outcome: str = choice(
        '', '', 'success', 'failure', 'unlabelled', about="of every episode; '': the file's"
    )
    robot: str = setting('', "name of config/robot; '': not known")
    joints: list[str] = names([], "arm joint names, in the action's order")
    gripper: list[str] = names([], "gripper joint names, the action's last entries")
    action_scale: list[float] = number([], '[rad/s, m/s] of each at action 1', above=0)
    rate: float = number(
        0.0, "[Hz] of rows, if the file says none; 0: the file's", low=0, high=1000
    )
    cameras: dict[str, CameraSource] = names({}, 'by the name they get')
    action: Columns = part(Columns, 'what was chosen at each row')
    action_means: str = choice('scaled', *MEANINGS, about='what its numbers are')
    position: Columns = part(Columns, 'joint and gripper positions [rad, m]')
    velocity: Columns = part(Columns, 'joint and gripper velocities [rad/s, m/s]')
    proprioception: list[str] = choices('position', 'velocity', about='that the policy gets')
    reward: str = setting('', "the rewards' name in the file; '': none is taken")

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be."""
        check(self)


def spec_of(mapping: Mapping, rate: float) -> Spec:
    """Returns the spec of a mapping; `rate` [Hz] is the file's own, 0 if it says none.

    Raises ConfigError that names what the mapping has to say and does not.
    """
    for name in ('joints', 'action_scale', 'cameras'):
        if not getattr(mapping, name):
            raise ConfigError(f'the mapping says no {name}; the file does not either')
    if not mapping.action.key:
        raise ConfigError("the mapping says no action.key; it is the actions' name in the file")
    if mapping.rate and rate and mapping.rate != rate:
        raise ConfigError(
            f'the mapping says rate {mapping.rate:g} Hz, and the file {rate:g} Hz; leave rate out '
            "of the mapping, as times and rows are the file's"
        )
    rate = mapping.rate or rate
    if not rate:
        raise ConfigError('the mapping says no rate; the file does not either')
    wanted = ['position'] if mapping.action_means == 'target' else []
    for name in {*mapping.proprioception, *wanted}:
        if not getattr(mapping, name).key:
            raise ConfigError(f'the mapping says no {name}.key, which it needs')
    return Spec(
        joints=mapping.joints,
        gripper=mapping.gripper,
        action_scale=mapping.action_scale,
        rate=rate,
        cameras={
            name: CameraSpec(height=one.height, width=one.width, crop=one.crop)
            for name, one in mapping.cameras.items()
        },
        proprioception=mapping.proprioception,
    )


def setup_of(mapping: Mapping) -> Setup:
    """Returns the setup that the episodes have, as far as a mapping says."""
    return Setup(robot=mapping.robot)
