"""What trajectory controllers say of themselves: whether a message is followed as it is meant.

    the ends that listen -> their nodes' parameters, asked for again and again -> words

In: Ends of a topic. Out: '' once each has said, and not long ago, what is WANTED; else which has
not, or what of it is otherwise. Whoever answers nothing is no controller that the guard knows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

from moto_core.errors import one_line

if TYPE_CHECKING:
    from moto_ros.wire.endpoints import End
    from moto_ros.wire.lifecycle import MotoNode

AGAIN = 2.0  # [s] after which a controller is asked again: its parameters may have changed
HOLDS = 3.0 * AGAIN  # [s] for which what it said counts
WANTED: Mapping[str, object] = {  # of a JointTrajectoryController, beside its joints
    'interpolate_from_desired_state': True,
    'set_last_command_interface_value_as_state_on_activation': False,
    'allow_nonzero_velocity_at_trajectory_end': False,
    'interpolation_method': 'splines',
    'command_interfaces': ['position'],
    'state_interfaces': ['position', 'velocity'],
    'command_joints': [],  # else some of its joints are not led
    'cmd_timeout': 0.0,  # else it holds the arm where it is measured, some time after a message
}


@dataclass
class _Asked:
    """One end, and what its node said last."""

    client: Any
    said: str = ''  # what is wrong with it, '' if nothing is
    at: float = -math.inf  # [s] when it said so
    asked: float = -math.inf  # [s]
    pending: list[Any] = field(default_factory=list)  # answers that have not come


class Controllers:
    """The controllers of one arm's joints."""

    def __init__(self, node: MotoNode, joints: Sequence[str]) -> None:
        """Asks nobody yet; `destroy` ends it."""
        self._node = node
        self._wanted = {**WANTED, 'joints': list(joints)}
        self._tolerances = [  # asked for apart: who does not know one says none of its request
            {f'constraints.{joint}.trajectory': 0.0 for joint in joints},
            {'constraints.goal_time': 0.0},  # after which it holds the arm, if it is not there
        ]
        self._asked: dict[End, _Asked] = {}

    def poll(self, ends: Collection[End]) -> None:
        """Asks who is new, and the others again; forgets who is gone."""
        for end in [end for end in self._asked if end not in ends]:
            self._forget(end)
        now = self._node.steady_now()
        for end in ends:
            if not end.name.startswith('/'):
                continue  # of a node without a name, which nobody can ask
            one = self._asked.get(end)
            if one is None:
                service = f'{end.name}/get_parameters'
                one = _Asked(self._node.create_client(GetParameters, service))
                self._asked[end] = one
            if one.client.service_is_ready() and now - one.asked >= AGAIN:
                one.asked = now
                self._drop(one)
                self._ask(one, self._wanted, self._hear)

    def trouble(self, ends: Collection[End]) -> str:
        """Says which of them would not follow as the guard means it; '' if all would."""
        for name, count in Counter(end.name for end in ends).items():
            if count > 1:
                return f"{count} listen as '{name}': end all but one"
        now = self._node.steady_now()
        for end in ends:
            one = self._asked.get(end)
            if one is None or now - one.at > HOLDS:
                return (
                    f"'{end.name}' does not say how it follows trajectories "
                    f'({end.name}/get_parameters): start the JointTrajectoryController of '
                    'config/ros/controllers.yaml (command.ask_controller:=false takes another at '
                    'its word)'
                )
            if one.said:
                return one.said
        return ''

    def unfit(self, ends: Collection[End]) -> str:
        """Says which of them said that it follows otherwise; '' if none did."""
        found = [self._asked[end].said for end in ends if end in self._asked]
        return next(filter(None, found), '')

    def destroy(self) -> None:
        """Ends it."""
        for end in list(self._asked):
            self._forget(end)

    def _ask(
        self,
        one: _Asked,
        wanted: Mapping[str, object],
        hear: Callable[[_Asked, Mapping[str, object]], None],
    ) -> None:
        answer = one.client.call_async(GetParameters.Request(names=list(wanted)))
        one.pending.append(answer)

        def come(future: Any) -> None:
            if future not in one.pending:
                return  # it was given up
            one.pending.remove(future)
            try:
                values = [parameter_value_to_python(value) for value in future.result().values]
                hear(one, dict(zip(wanted, values)))  # none at all if one of them is not known
            except Exception as error:  # noqa: BLE001  whatever somebody answers
                self._say(one, f'it answers what cannot be read ({one_line(error)})')

        answer.add_done_callback(come)

    def _hear(self, one: _Asked, found: Mapping[str, object]) -> None:
        """Judges the parameters that every such controller has."""
        if all(found.get(key) is None for key in self._wanted):
            self._say(one, 'it is no JointTrajectoryController: end it, or keep it from listening')
        elif wrong := _otherwise(found, self._wanted):
            self._say(one, f'{wrong}; give it the parameters of config/ros/controllers.yaml')
        else:
            self._ask_tolerances(one, self._tolerances)

    def _ask_tolerances(self, one: _Asked, groups: Sequence[Mapping[str, object]]) -> None:
        """Judges those beyond which it holds the arm where it is measured; 0 or unset: none."""
        if not groups:
            self._say(one, '')
            return
        wanted, *others = groups

        def hear(one: _Asked, found: Mapping[str, object]) -> None:
            set_ones = {key: value for key, value in found.items() if value is not None}
            if wrong := _otherwise(set_ones, {key: wanted[key] for key in set_ones}):
                self._say(one, f'{wrong}; it would hold the arm by itself')
            else:
                self._ask_tolerances(one, others)

        self._ask(one, wanted, hear)

    def _say(self, one: _Asked, wrong: str) -> None:
        name = one.client.srv_name.removesuffix('/get_parameters')
        one.said = (
            f"'{name}' follows trajectories otherwise than the guard means them: {wrong}"
            if wrong
            else ''
        )
        one.at = self._node.steady_now()

    def _drop(self, one: _Asked) -> None:
        """Waits no longer for what has not been answered."""
        for answer in one.pending:
            one.client.remove_pending_request(answer)
        one.pending.clear()

    def _forget(self, end: End) -> None:
        one = self._asked.pop(end)
        self._drop(one)
        self._node.destroy_client(one.client)


def _otherwise(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """Says which parameters are otherwise than wanted; '' if none is."""
    return ', '.join(
        f'{key} is {_shown(found.get(key))}, expected {value}'
        for key, value in wanted.items()
        if not _same(key, found.get(key), value, wanted)
    )


def _same(key: str, found: Any, value: object, wanted: Mapping[str, object]) -> bool:
    """Compares one; lists as sets, since a message names its joints."""
    if isinstance(value, list):
        given = sorted(map(str, found)) if isinstance(found, (list, tuple)) else None
        if key == 'command_joints' and given:
            value = wanted['joints']
        return isinstance(value, list) and given == sorted(value)
    return type(found) is type(value) and found == value


def _shown(value: Any) -> object:
    return list(value) if isinstance(value, tuple) else value
