"""A running graph seen from outside: what it says, its services, and one line a second about it.

    python -m moto_ros.bringup.graph

In: topics of policy, guard, recorder and twin. Out: the newest of each and the decisions, for
sessions and operators; the status line.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from rich.console import Console
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from moto_core.errors import MotoError
from moto_ros.messages import Latest, TeleopState
from moto_ros.services import SWITCHES, TRIGGERS, service_name
from moto_ros.wire import interface
from moto_ros.wire.environment import prepare_environment
from moto_ros.wire.interface import Topic, payload_reader

SERVICE_READY = 20.0  # [s]
SILENT = 2.0  # [s] without a message, of which there are ten a second
LATEST = {
    'guard': interface.GUARD_STATE,
    'policy': interface.POLICY_STATUS,
    'recorder': interface.RECORDER_STATE,
    'task': interface.TASK_STATE,
    'episode': interface.EPISODE,
    'teleop': interface.TELEOP_STATE,
}


class RosGraph:
    """Listens to a graph and calls its services, in one thread."""

    def __init__(self, node: Node, service_ready: float = SERVICE_READY) -> None:
        """Subscribes through `node`; rclpy must be initialised.

        `service_ready` [s] is how long a call waits for its service to be there.
        """
        self.node, self.latest, self.service_ready = node, Latest(), service_ready
        self.heard: dict[str, float] = {}  # [s] steady time of the newest message of each
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        # made early: an answer may get lost while two ends still discover each other
        self._callers: dict[str, Any] = {
            service_name(name, service): node.create_client(kind, service_name(name, service))
            for kind, table in ((Trigger, TRIGGERS), (SetBool, SWITCHES))
            for name, services in table.items()
            for service in services
        }
        for name, topic in LATEST.items():
            self._keep(topic, self._keeper(name))
        self._keep(interface.DECISION, self.latest.decisions.append)

    def spin(self, seconds: float = 0.05) -> None:
        """Handles what arrives next, waiting at most `seconds`."""
        self._executor.spin_once(timeout_sec=seconds)

    def hear(self, seconds: float) -> None:
        """Handles what arrives for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.spin(left)

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

    def start_call(self, node: str, name: str, flag: bool | None = None) -> Future:
        """Sends a Trigger, or a SetBool if `flag` is given; waits for the service itself."""
        path = service_name(node, name)
        caller = self._callers[path]
        self.wait(caller.service_is_ready, self.service_ready, f"service '{path}'")
        return caller.call_async(Trigger.Request() if flag is None else SetBool.Request(data=flag))

    def finish_call(self, future: Future, what: str, seconds: float = 10.0) -> str:
        """Waits for the answer and returns its message; raises MotoError if it is a refusal."""
        self.wait(future.done, seconds, f'an answer to {what}')
        answer = future.result()
        if not answer.success:
            raise MotoError(f'{what} was refused: {answer.message}')
        return answer.message

    def call(self, node: str, name: str, flag: bool | None = None) -> str:
        """Calls a service and returns its message; raises MotoError if it refuses."""
        return self.finish_call(self.start_call(node, name, flag), service_name(node, name))

    def close(self) -> None:
        """Destroys the node."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _keep(self, topic: Topic, keep: Callable[[Any], None]) -> None:
        reader = payload_reader(topic, keep, self._refuse)
        self.node.create_subscription(String, topic.name, reader, topic.subscription)

    def _keeper(self, name: str) -> Callable[[Any], None]:
        def keep(payload: Any) -> None:
            setattr(self.latest, name, payload)
            self.heard[name] = time.monotonic()

        return keep

    def _refuse(self, problem: str) -> None:
        self.node.get_logger().error(problem, throttle_duration_sec=10.0)


def open_graph(name: str) -> RosGraph:
    """Returns a RosGraph with a node of its own in rclpy's default context."""
    return RosGraph(rclpy.create_node(name))


class DecisionRate:
    """The rate of decisions from counts that begin anew whenever the policy does."""

    def __init__(self) -> None:
        self._count: int | None = None  # None: the policy was not heard
        self._at = 0.0  # [s]

    def update(self, count: int | None, now: float) -> float | None:
        """Returns the rate [Hz] since the last update; None if the policy was or is silent."""
        before, elapsed = self._count, now - self._at
        self._count, self._at = count, now
        if count is None or before is None or elapsed <= 0.0:
            return None
        return (count - before if count >= before else count) / elapsed


def without_silent(latest: Latest, heard: Mapping[str, float], now: float) -> Latest:
    """Returns the newest messages without those of nodes that are silent for SILENT [s]."""
    old: dict[str, Any] = {name: None for name in LATEST if now - heard.get(name, now) > SILENT}
    return replace(latest, **old)


def status_line(latest: Latest, rate: float | None, known: Collection[str] = ()) -> str:
    """Returns the newest states and the rate of decisions [Hz] as one line.

    `known` are the nodes that were heard at some time: one that is silent now is said to be.
    """
    guard, policy, recorder, task = latest.guard, latest.policy, latest.recorder, latest.task
    parts = ['guard silent', 'policy silent']
    if guard:
        parts[0] = f'guard {guard.state} {",".join(guard.reasons)}'
    if policy:
        speed = '' if rate is None else f' {rate:.1f} Hz'
        causes = [*policy.reasons, *policy.differences, *([policy.problem] * bool(policy.problem))]
        parts[1] = (
            f'policy {policy.decisions} decisions{speed}, missed {policy.missed} '
            f'{",".join(causes)}'
        )
    parts += [f'{name} silent' for name in ('recorder', 'task') if _lost(latest, name, known)]
    if latest.teleop:
        parts.append(f'teleop {teleop_words(latest.teleop)}')
    if recorder:
        dropped = f', {recorder.dropped} dropped' if recorder.dropped else ''
        parts.append(f'recorder {recorder.state} {recorder.rows} rows{dropped} {recorder.problem}')
    if task:
        parts.append(f'task reward {task.reward:g}{" success" if task.success else ""}')
    return ' | '.join(part.strip() for part in parts)


def teleop_words(state: TeleopState) -> str:
    """Returns what a person who drives has to know, in a few words."""
    if not state.heard:
        return f'silent {state.problem}'.strip()
    moved = 'hand' if state.sticks == 'hand' else ', '.join(state.joints)
    driving = ' moves' if state.moves else ' held' if state.held else ''
    return f'{moved}{driving} {state.problem or state.said}'.strip()


def _lost(latest: Latest, name: str, known: Collection[str]) -> bool:
    return name in known and getattr(latest, name) is None


def main() -> int:
    """Prints a line a second until a signal; returns the exit code."""
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.append(signum))
    prepare_environment()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    console, graph = Console(soft_wrap=True), open_graph('moto_watch')
    shown, rate = time.monotonic(), DecisionRate()
    while not stop:
        graph.spin(0.1)
        now = time.monotonic()
        if now - shown >= 1.0:
            shown, latest = now, without_silent(graph.latest, graph.heard, now)
            speed = rate.update(latest.policy.decisions if latest.policy else None, now)
            console.print(status_line(latest, speed, graph.heard))
            graph.latest.decisions.clear()
    graph.close()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
