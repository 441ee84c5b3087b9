"""What trajectory controllers say of themselves: whether a message is followed as it is meant.

    the nodes that listen -> their parameters, asked for again and again -> words for a refusal

In: names of nodes. Out: '' once each has said all that config/ros/controllers.yaml gives it; else
which says what. A controller that answers nothing is none that the guard knows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

if TYPE_CHECKING:
    from moto_ros.wire.lifecycle import MotoNode

AGAIN = 2.0  # [s] after which a controller is asked again: another may have its name
WANTED = {  # of a JointTrajectoryController, beside its joints; why: docs/safety.md
    'interpolate_from_desired_state': True,
    'set_last_command_interface_value_as_state_on_activation': False,
    'allow_nonzero_velocity_at_trajectory_end': False,
    'interpolation_method': 'splines',
    'command_interfaces': ['position'],
}


class Controllers:
    """The controllers of one arm's joints, by the names of their nodes."""

    def __init__(self, node: MotoNode, joints: Sequence[str]) -> None:
        """Asks nobody yet; `destroy` ends it."""
        self._node = node
        self._wanted = {**WANTED, 'joints': list(joints)}
        self._clients: dict[str, Any] = {}
        self._said: dict[str, str] = {}  # node: what is wrong with it, '' if nothing is
        self._asked: dict[str, float] = {}  # [s]

    def poll(self, names: Collection[str]) -> None:
        """Asks who is new, and the others again; forgets who is gone."""
        for name in [name for name in self._clients if name not in names]:
            self._forget(name)
        now = self._node.steady_now()
        for name in filter(lambda name: name.startswith('/'), names):  # others have no name
            client = self._clients.get(name)
            if client is None:
                client = self._node.create_client(GetParameters, f'{name}/get_parameters')
                self._clients[name] = client
            if client.service_is_ready() and now - self._asked.get(name, -AGAIN) >= AGAIN:
                self._asked[name] = now
                answer = client.call_async(GetParameters.Request(names=list(self._wanted)))
                answer.add_done_callback(partial(self._hear, name, client))

    def trouble(self, names: Collection[str]) -> str:
        """Says which of them would not follow as the guard means it; '' if all would."""
        for name in names:
            if name not in self._said:
                return (
                    f"'{name}' does not say how it follows trajectories ({name}/get_parameters): "
                    'start the JointTrajectoryController of config/ros/controllers.yaml '
                    '(command.ask_controller:=false takes another at its word)'
                )
            if self._said[name]:
                return self._said[name]
        return ''

    def destroy(self) -> None:
        """Ends it."""
        for name in list(self._clients):
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._node.destroy_client(self._clients.pop(name))
        self._said.pop(name, None)
        self._asked.pop(name, None)

    def _hear(self, name: str, client: Any, answer: Any) -> None:
        if self._clients.get(name) is client and answer.result() is not None:
            self._said[name] = self._judge(name, answer.result().values)

    def _judge(self, name: str, values: Sequence[Any]) -> str:
        """Says what of a controller's parameters is otherwise than wanted."""
        found = dict(zip(self._wanted, map(_plain, values)))  # none at all if one is not known
        wrong = [
            f'{key} is {found.get(key)}, expected {value}'
            for key, value in self._wanted.items()
            if not _same(found.get(key), value)
        ]
        if not wrong:
            return ''
        return (
            f"the controller '{name}' follows trajectories otherwise than the guard means them "
            f'({"; ".join(wrong)}): give it the parameters of config/ros/controllers.yaml'
        )


def _plain(value: Any) -> Any:
    found = parameter_value_to_python(value)
    return found if isinstance(found, (str, bool)) or found is None else list(found)


def _same(found: Any, wanted: Any) -> bool:
    """Compares a parameter; of a list, as sets: a message names its joints."""
    if isinstance(wanted, list):
        return isinstance(found, list) and sorted(map(str, found)) == sorted(wanted)
    return bool(found == wanted)
