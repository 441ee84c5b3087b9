"""A running graph seen from outside: what it says, and its services, for sessions and operators.

In: topics of policy, guard, recorder and twin. Out: the newest of each, lists of steps and events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from moto_core.errors import MotoError
from moto_ros.wire import names, qos
from moto_ros.wire.lifecycle import from_json

LATEST = {
    'guard': (names.GUARD_STATE, qos.STATUS),
    'policy': (names.STATUS, qos.STATUS),
    'recorder': (names.RECORDER_STATE, qos.STATUS),
    'task': (names.TASK_STATE, qos.LOG),
}
SERVICES: dict[Any, list[tuple[str, str]]] = {
    Trigger: [
        *((names.GUARD, name) for name in ('arm', 'disarm', 'estop', 'reset_fault')),
        *(
            (names.POLICY, name)
            for name in ('start_episode', 'stop_episode', 'reload_policy', 'rollback_policy')
        ),
        *((names.RECORDER, name) for name in ('start_episode', 'stop_episode', 'discard_episode')),
        (names.TWIN, 'reset'),
    ],
    SetBool: [
        (names.GUARD, 'set_dry_run'),
        (names.RECORDER, 'end_episode'),
        (names.RECORDER, 'set_intervention'),
        (names.TWIN, 'cover_camera'),
    ],
}


class Graph:
    """Listens to a graph and calls its services, in one thread."""

    def __init__(self, node: Node) -> None:
        """Subscribes through `node`; rclpy must be initialised."""
        self.node = node
        self.latest: dict[str, dict[str, Any]] = {name: {} for name in LATEST}
        self.steps: list[dict[str, Any]] = []  # of the policy, since `forget`
        self.events: list[dict[str, Any]] = []  # of the recorder, since `forget`
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        # made early: an answer may get lost while two ends still discover each other
        self._callers: dict[str, Any] = {
            names.service(*service): node.create_client(kind, names.service(*service))
            for kind, services in SERVICES.items()
            for service in services
        }
        for name, (topic, profile) in LATEST.items():
            node.create_subscription(String, topic, self._keeper(name), profile)
        node.create_subscription(
            String, names.STEP, lambda m: self.steps.append(from_json(m)), qos.LOG_READER
        )
        node.create_subscription(
            String, names.EPISODE, lambda m: self.events.append(from_json(m)), qos.LATCHED
        )

    def spin(self, seconds: float = 0.05) -> None:
        """Handles what arrives next, waiting at most `seconds`."""
        self._executor.spin_once(timeout_sec=seconds)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Spins until the condition holds; raises MotoError that names what did not happen."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise MotoError(f'waited {seconds:.0f} s in vain for {what}')
            self.spin()

    def now(self) -> int:
        """Returns the clock of stamps [ns]."""
        return self.node.get_clock().now().nanoseconds

    def forget(self) -> None:
        """Empties the lists of steps and events."""
        self.steps.clear()
        self.events.clear()

    def start_call(self, node: str, name: str, flag: bool | None = None) -> Future:
        """Sends a Trigger, or a SetBool where `flag` is given; waits for the service itself."""
        path = names.service(node, name)
        caller = self._callers[path]
        self.wait(caller.service_is_ready, 20.0, f"service '{path}'")
        return caller.call_async(Trigger.Request() if flag is None else SetBool.Request(data=flag))

    def finish_call(self, future: Future, what: str, seconds: float = 10.0) -> str:
        """Waits for the answer and returns its message; raises MotoError where it is a refusal."""
        self.wait(future.done, seconds, f'an answer to {what}')
        answer = future.result()
        if not answer.success:
            raise MotoError(f'{what} was refused: {answer.message}')
        return answer.message

    def call(self, node: str, name: str, flag: bool | None = None) -> str:
        """Calls a service and returns its message; raises MotoError where it refuses."""
        return self.finish_call(self.start_call(node, name, flag), names.service(node, name))

    def close(self) -> None:
        """Destroys the node."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _keeper(self, name: str) -> Callable[[String], None]:
        def keep(message: String) -> None:
            self.latest[name] = from_json(message)

        return keep


def open_graph(name: str = 'moto_session', namespace: str = '') -> Graph:
    """Returns a Graph with a node of its own in rclpy's default context."""
    return Graph(rclpy.create_node(name, namespace=namespace))
