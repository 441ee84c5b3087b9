"""A graph of real processes over real DDS, started, disturbed and measured from this process.

In: launch arguments, which of the nodes run. Out: what they say and how the arm moves, kept as it
is heard; what a person does (requests, services, life cycle, kill -9).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from numpy.typing import ArrayLike

from moto_core.errors import MotoError
from moto_core.guard.limits import load_robot
from moto_ros.bringup.children import Children
from moto_ros.bringup.graph import RosGraph
from moto_ros.bringup.table import MANAGER, command, environment, processes
from moto_ros.messages import SceneReset, from_json
from moto_ros.services import GUARD, POLICY, RECORDER, TELEOP, TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns
from moto_ros.wire.joints import joint_state

COMMANDS = 'joint_velocity_controller/commands'
TRAJECTORIES = 'panda_arm_controller/joint_trajectory'
SPOKEN = {  # by whom
    GUARD: 'guard',
    POLICY: 'policy',
    RECORDER: 'recorder',
    TWIN: 'task',
    TELEOP: 'teleop',
}
BRING_UP = 60.0  # [s] for the nodes to be active


def longest_gap(stamps: np.ndarray, begin: int, seconds: float = 1.0) -> float:
    """Returns the longest time [s] without a stamp [ns] in the `seconds` from `begin` [ns]."""
    inside = stamps[(stamps >= begin) & (stamps <= begin + seconds * 1e9)]
    return float(np.diff([begin, *inside, begin + seconds * 1e9]).max() * 1e-9)


class RunningGraph:
    """The twin's graph, or the nodes of it named by `only`, active."""

    def __init__(
        self,
        dataset: Path,
        only: Collection[str] | None = None,
        given: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Takes launch arguments `given`, and parameters by node that go over them.

        Raises MotoError if a node does not become active.
        """
        table = processes(
            {
                'sim': 'true',
                'dataset': str(dataset),
                'log_level': 'warn',
                'policy.wait_for_episode': 'true',
                **(given or {}),
            }
        )
        chosen = [p for p in table if p.lifecycle and (only is None or p.node in only)]
        own = overrides or {}
        nodes = [replace(p, parameters={**p.parameters, **own.get(p.node, {})}) for p in chosen]
        self.dataset, self.given = dataset, table
        self.robot = load_robot(nodes[0].parameters['robot'])
        self.table = {p.node: p for p in nodes}
        self.manager = replace(table[-1], arguments=tuple(self.table))
        self.children = Children(environment(os.environ, sim=True))
        self.graph = RosGraph(rclpy.create_node('moto_chaos'))
        self.node = self.graph.node
        self.now: Callable[[], int] = self.graph.now  # [ns] the clock of the graph's stamps
        self._changers: dict[str, Any] = {}  # made early: discovery takes its time
        self.joints: list[Any] = []
        self.commands: list[Any] = []
        self.executed: list[Any] = []
        self.reasons: list[Any] = []
        self.events: list[Any] = []
        measured = own.get(TWIN, {}).get('joint_states', interface.JOINT_STATES.name)
        own_joints = interface.JOINT_STATES.at(measured)  # the arm's own, undisturbed
        self.keep(replace(own_joints, subscription=interface.SENSOR_READER), self.joints)
        self._listening = [
            self.keep(replace(topic, subscription=interface.LOG_READER), self.commands)
            for topic in (
                interface.VELOCITIES.at(COMMANDS),
                interface.GRIPPER,
                interface.TRAJECTORY.at(TRAJECTORIES),
            )
        ]
        self.keep(interface.EXECUTED, self.executed)
        self.keep(interface.GUARD_REASONS, self.reasons)
        self.keep(interface.EPISODE, self.events)
        teleop = interface.request(self.robot.spec.period, interface.TELEOP_REQUEST)
        if TELEOP not in self.table:  # of the person's requests there is one publisher
            self.requests = self.node.create_publisher(teleop.type, teleop.name, teleop.publisher)
        try:
            self.start(*self.table)
        except BaseException:
            self.close()
            raise

    def start(self, *nodes: str) -> None:
        """Starts processes of the table and takes them to active."""
        for name in nodes:
            self.children.start(name, command(self.table[name]))
        self.children.start(MANAGER, command(replace(self.manager, arguments=nodes)))
        self.wait(lambda: MANAGER in self.children.ended(), BRING_UP, 'the lifecycle manager')
        if self.children.ended()[MANAGER]:
            raise MotoError(f'one of {", ".join(nodes)} did not become active; its log says why')
        self.wait(lambda: all(self.said(name) for name in nodes), 10, f'{nodes}')

    def said(self, name: str) -> Any:
        """Returns the newest status of a node, None before the first."""
        return getattr(self.latest, SPOKEN[name])

    @property
    def latest(self) -> Any:
        """The newest message of each node, a Latest; asked for what has spoken."""
        return self.graph.latest

    def wait(self, condition: Any, seconds: float = 10, what: str = 'it') -> None:
        """Spins until the condition holds; raises MotoError that names what did not happen."""
        self.graph.wait(condition, seconds, what)

    def kill(self, name: str) -> int:
        """Ends a process as kill -9 does; returns when [ns], which is before the system took it.

        What arrives while it is taken away is kept: on a busy machine that can last 0.3 s.
        """
        setattr(self.latest, SPOKEN[name], None)
        process, killed = self.children.running[name], self.now()
        os.killpg(process.pid, signal.SIGKILL)
        self.wait(lambda: process.poll() is not None, 10, f'the end of {name}')
        return killed

    def change(self, name: str, transition: str) -> bool:
        """Asks a node for a lifecycle transition; returns whether it succeeded."""
        client = self.changer(name)
        future = client.call_async(
            ChangeState.Request(
                transition=Transition(id=getattr(Transition, f'TRANSITION_{transition}'))
            )
        )
        self.wait(future.done, 20, f'{name} {transition}')
        return bool(future.result().success)

    def changer(self, name: str) -> Any:
        """Returns the client of a node's life cycle, once the node answers."""
        if name not in self._changers:
            made = self.node.create_client(ChangeState, f'{name}/change_state')
            self._changers[name] = made
        self.wait(self._changers[name].service_is_ready, 10, f'{name}/change_state')
        return self._changers[name]

    def reset(self) -> SceneReset:
        """Puts the arm to rest and the scene to its next start; returns the seed and its stamp."""
        self.graph.call(GUARD, 'disarm')
        self.graph.call(GUARD, 'set_intervention', False)
        self.latest.guard = None
        self.wait(lambda: self.latest.guard and self.latest.guard.at_rest, 5, 'rest')
        told: SceneReset = from_json(SceneReset, self.graph.call(TWIN, 'reset'))
        self.graph.call(GUARD, 'begin_anew')  # so does the twin's controller
        self.wait(
            lambda: self.latest.task and self.latest.task.stamp > told.stamp, 10, 'a new frame'
        )
        self.joints.clear()
        return told

    def take_over(self) -> None:
        """Arms the guard for the requests of a person."""
        self.graph.call(GUARD, 'set_intervention', True)
        self.arm()

    def arm(self) -> None:
        """Arms the guard once it says that it may be."""
        self.latest.guard = None
        self.wait(lambda: self.latest.guard and not self.latest.guard.refusal, 5, 'a guard to arm')
        self.graph.call(GUARD, 'arm')

    def request(
        self, velocity: ArrayLike, names: Sequence[str] | None = None, stamp: int | None = None
    ) -> None:
        """Publishes one request (A,) of a person, observed at `stamp` [ns]; None: now."""
        observed = self.now() if stamp is None else stamp
        asked = np.asarray(velocity, np.float64)
        self.requests.publish(joint_state(names or self.robot.spec.names, observed, asked))

    def drive(self, velocity: ArrayLike, seconds: float) -> None:
        """Requests a velocity at the policy's rate for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.request(velocity)
            self.spin(self.robot.spec.period)

    def spin(self, seconds: float) -> None:
        """Handles what arrives for so long."""
        self.graph.hear(seconds)

    def speed(self) -> float:
        """The arm's fastest joint [rad/s] as last measured."""
        return float(np.abs(self.joints[-1].velocity[:7]).max()) if self.joints else 0.0

    def motion(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stamps [ns] and arm positions and velocities (T, 7) heard since the last clear."""
        stamps = np.array([to_ns(m.header.stamp) for m in self.joints])
        return (
            stamps,
            np.array([m.position[:7] for m in self.joints]),
            np.array([m.velocity[:7] for m in self.joints]),
        )

    def stop_listening(self) -> None:
        """Hears no more commands: nobody listens to a guard that is alone."""
        for made in self._listening:
            self.node.destroy_subscription(made)
        self._listening.clear()

    def close(self) -> None:
        """Ends every process and this process's node; raises MotoError if one does not end."""
        self.children.stop()
        left = [name for name, p in self.children.running.items() if p.poll() is None]
        self.graph.close()
        if left:
            raise MotoError(f'{", ".join(left)} did not end after SIGKILL')

    def keep(self, topic: interface.Topic, kept: list[Any]) -> Any:
        """Appends every message of a topic to a list; returns the subscription."""
        read = kept.append
        if topic.payload is not None:
            read = interface.payload_reader(topic, kept.append, _refuse)
        return self.node.create_subscription(topic.type, topic.name, read, topic.subscription)


def _refuse(problem: str) -> None:
    raise MotoError(problem)
