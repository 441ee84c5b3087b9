"""What an import of ROS 2 bags needs to know beyond what every mapping says.

In: YAML, `key=value`. Out: BagMapping; the Parts of topics that make each row's numbers, and the
plain Mapping of the arrays that they become.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from moto_core.errors import ConfigError
from moto_core.fields import check, choice, number, part, setting
from moto_learning.exchange.mapping import MEANINGS, Columns, Mapping

MEASURED = {'measured_velocity': 'velocity', 'measured_displacement': 'displacement'}
"""Of an action that no topic has: what the joints did, and how an array of it is understood."""
ACTION, POSITION, VELOCITY = 'action', 'position', 'velocity'  # names of the arrays
ARMS, GRIPPERS = (ACTION, POSITION, VELOCITY), 'gripper_'


@dataclass(frozen=True)
class BagMapping(Mapping):
    """A mapping whose keys are topics.

    Joints are found by their names in a message; `columns` are for messages without names, or
    with other ones.
    """

    action_means: str = choice('scaled', *MEANINGS, *MEASURED, about='what its numbers are')
    action_point: str = choice('last', 'first', 'last', about='of a trajectory, which is taken')
    gripper_action: Columns = part(Columns, "the gripper's, if not in action's topic")
    gripper_position: Columns = part(Columns, "the gripper's, if not in position's topic")
    gripper_velocity: Columns = part(Columns, "the gripper's, if not in velocity's topic")
    stale: float = number(0.2, '[s] how old what a row takes may be', above=0, high=3600)
    resample: str = choice('newest', 'newest', 'linear', about='of numbers, at the time of a row')
    stamps: str = choice('header', 'header', 'received', about='which times of messages count')
    episodes: str = setting('', "topic of std_msgs/Bool, true in an episode; '': a bag is one")


class Part(NamedTuple):
    """What one topic tells of an array: the arm's entries of it, or the gripper's, or both."""

    array: str  # ACTION, POSITION or VELOCITY
    topic: str
    names: tuple[str, ...]  # of joints, in the spec's order
    columns: tuple[int, ...]  # in place of names; (): by name
    field: str  # 'position' or 'velocity' of a message that has both
    last: bool  # point of a trajectory, else the first


def parts_of(mapping: BagMapping) -> list[Part]:
    """Returns what is taken from which topic, arrays in order, the arm before the gripper.

    Raises ConfigError for a mapping that contradicts itself.
    """
    check(mapping)
    _check_action(mapping)
    if mapping.reward:
        raise ConfigError(
            f"reward is '{mapping.reward}'; no rewards are taken from a bag: leave it out, and "
            'set outcome or label the episodes'
        )
    return [part for array in ARMS for part in _parts(mapping, array)]


def arrays_mapping(mapping: BagMapping) -> Mapping:
    """Returns the mapping of the arrays that Parts make: whole, in the spec's order."""
    given = {array: Columns(array) for array in ARMS if getattr(mapping, array).key}
    means = MEASURED.get(mapping.action_means, mapping.action_means)
    plain = {name: getattr(mapping, name) for name in Mapping.__dataclass_fields__}
    plain |= {POSITION: Columns(), VELOCITY: Columns(), **given, 'action_means': means}
    plain['cameras'] = {name: replace(one, key=name) for name, one in mapping.cameras.items()}
    return replace(Mapping(**plain), action=Columns(ACTION))


def _check_action(mapping: BagMapping) -> None:
    means, topic = mapping.action_means, mapping.action.key
    if means not in MEASURED:
        if not topic:
            raise ConfigError(
                'the mapping says no action.key, the topic of the actions; if there is none, say '
                f'action_means: {" or ".join(MEASURED)}, what the joints did'
            )
        return
    if topic or mapping.gripper_action.key:
        raise ConfigError(
            f"action_means is {means}, of what the joints did, and action.key is '{topic}'; "
            'leave one of them out'
        )
    source = VELOCITY if means == 'measured_velocity' else POSITION
    if not getattr(mapping, source).key:
        raise ConfigError(f'action_means is {means}; it needs {source}.key, a topic')


def _parts(mapping: BagMapping, array: str) -> list[Part]:
    arm, gripper = getattr(mapping, array), getattr(mapping, GRIPPERS + array)
    if gripper.key and not (arm.key and mapping.gripper):
        lacks = f'no {array}.key' if mapping.gripper else 'no gripper'
        raise ConfigError(f"{GRIPPERS}{array} is '{gripper.key}', and the mapping says {lacks}")
    if not arm.key:
        return []
    apart = mapping.gripper if gripper.key else []
    names = mapping.joints if apart else [*mapping.joints, *mapping.gripper]
    return [
        _part(mapping, array, columns, wanted)
        for columns, wanted in ((arm, names), (gripper, apart))
        if columns.key
    ]


def _part(mapping: BagMapping, array: str, columns: Columns, names: list[str]) -> Part:
    if columns.columns and len(columns.columns) != len(names):
        raise ConfigError(
            f"'{columns.key}' has {len(columns.columns)} columns in the mapping; expected "
            f'{len(names)}, one for each of {names}'
        )
    if array == ACTION:
        field = VELOCITY if mapping.action_means == 'velocity' else POSITION
    else:
        field = array
    return Part(
        array=array,
        topic=columns.key,
        names=tuple(names),
        columns=tuple(columns.columns),
        field=field,
        last=mapping.action_point == 'last',
    )
