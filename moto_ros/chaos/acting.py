"""What faults do with a graph alike: begin an episode, drive as a person, stop everything.

In: a RunningGraph. Out: the graph in a known state, or a MotoError that says what did not happen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile

from moto_core.errors import MotoError
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD, POLICY, RECORDER
from moto_ros.wire.interface import Topic

PATIENCE = 4.0  # [s] for a fault to become resettable
SHARE = 0.7  # of what is asked for that a joint moves at, when it is driven
SETTLES = 0.2  # [s] until the guard has heard where a reset put the joints
UNDER_WAY = 0.15  # [rad/s] of an arm that moves


def stop_everything(graph: RunningGraph) -> None:
    """Brings a graph to rest, disarmed, nothing latched, nothing recorded, nothing kept.

    Raises MotoError if one of its processes has ended, or it does not come to rest.
    """
    ended = [name for name in graph.table if graph.children.running[name].poll() is not None]
    if ended:
        raise MotoError(f'{", ".join(ended)} has ended')
    if GUARD in graph.table:
        graph.graph.call(GUARD, 'disarm')
        graph.graph.call(GUARD, 'set_intervention', False)
        reset_fault(graph)
        state(graph, lambda guard: guard.at_rest and guard.state == 'READY', 'rest')
    if POLICY in graph.table and RECORDER not in graph.table:
        graph.graph.call(POLICY, 'stop_episode')
    recorder = graph.latest.recorder
    if RECORDER in graph.table and recorder is not None and recorder.state == 'recording':
        graph.graph.call(RECORDER, 'stop_episode')
        graph.wait(lambda: graph.latest.recorder.state == 'idle', 5, "the episode's end")
    for kept in (graph.joints, graph.commands, graph.executed, graph.reasons, graph.events):
        kept.clear()
    graph.latest.decisions.clear()


def reset_fault(graph: RunningGraph) -> None:
    """Resets what is latched, as soon as the guard allows."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            graph.graph.call(GUARD, 'reset_fault')
            return
        except MotoError:
            if time.monotonic() > end:
                raise
            graph.spin(0.2)


def state(graph: RunningGraph, condition: Any, what: str, seconds: float = 5.0) -> Any:
    """Waits for a new state of the guard that fulfils a condition; returns it."""
    graph.latest.guard = None
    graph.wait(
        lambda: graph.latest.guard is not None and condition(graph.latest.guard), seconds, what
    )
    return graph.latest.guard


def begin(graph: RunningGraph) -> str:
    """Resets, arms and starts an episode; returns its id, if one records, when the arm moves."""
    graph.reset()
    graph.latest.decisions.clear()
    graph.arm()
    keeper = RECORDER if RECORDER in graph.table else POLICY
    identity = graph.graph.call(keeper, 'start_episode')
    graph.wait(lambda: graph.speed() > UNDER_WAY and len(graph.latest.decisions) > 8, 15, 'motion')
    graph.joints[:-1] = []
    for kept in (graph.executed, graph.reasons, graph.commands):
        kept.clear()
    return identity


def person(graph: RunningGraph, velocity: Any = 0.4, seconds: float = 1.0) -> np.ndarray:
    """Resets the arm and drives it as a person does; returns the request (A,) [rad/s].

    A number asks it of the first joint alone. Raises MotoError if the arm does not come to move.
    """
    graph.reset()
    graph.spin(SETTLES)
    graph.take_over()
    asked = np.zeros(graph.robot.spec.action_size)
    asked[: np.size(velocity)] = velocity
    graph.drive(asked, seconds)
    end = time.monotonic() + PATIENCE
    while graph.speed() < SHARE * np.abs(asked).max():
        if time.monotonic() > end:
            guard = graph.latest.guard
            raise MotoError(f'the arm does not move as asked: {guard.state} {guard.reasons}')
        graph.drive(asked, 0.2)
    graph.joints[:-1] = []
    for kept in (graph.executed, graph.reasons, graph.commands):
        kept.clear()
    return asked


@contextmanager
def publishing(graph: RunningGraph, kind: Any, topic: str, profile: QoSProfile) -> Iterator[Any]:
    """Lends a publisher of this process's node."""
    made = graph.node.create_publisher(kind, topic, profile)
    try:
        yield made
    finally:
        graph.node.destroy_publisher(made)


@contextmanager
def hearing(graph: RunningGraph, topic: Topic) -> Iterator[list[Any]]:
    """Lends the list of what is heard on a topic."""
    kept: list[Any] = []
    made = graph.keep(topic, kept)
    try:
        yield kept
    finally:
        graph.node.destroy_subscription(made)
