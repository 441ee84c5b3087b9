"""Lends running graphs to faults: one at a time, shared while it is whole, started anew if not.

In: the kind of graph that a fault asks for. Out: a RunningGraph at rest, disarmed, undisturbed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto_core.errors import MotoError
from moto_core.guard.limits import load_robot
from moto_core.spec import Spec
from moto_ros.chaos.acting import stop_everything
from moto_ros.chaos.clock import Clock
from moto_ros.chaos.relay import Relay, twin_overrides
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD, POLICY, TWIN


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A graph that faults ask for."""

    only: tuple[str, ...] | None = None  # its nodes; None: all four
    given: Mapping[str, str] = field(default_factory=dict)  # launch arguments
    relayed: bool = False  # the twin's streams pass through this process
    joints: str = ''  # topic on which the twin tells its joints, in place of its own
    clock: bool = False  # this process publishes /clock
    bundle: bool = False  # its policy is a bundle, behind a link that may be moved


ARM = (TWIN, GUARD)
DRIVEN = (TWIN, GUARD, POLICY)  # a recorder would take a third of a core from them
KINDS = {
    'whole': Kind(given={'policy': 'random', 'seed': '5'}),
    'relayed': Kind(only=DRIVEN, given={'policy': 'random', 'seed': '5'}, relayed=True),
    'two_cameras': Kind(
        only=DRIVEN, given={'policy': 'random', 'robot_type': 'kitchen_wrist'}, relayed=True
    ),
    'led': Kind(only=ARM, given={'seed': '7', 'command_mode': 'trajectory'}),
    'deadman': Kind(only=ARM, given={'guard.deadman_required': 'true'}),
    'recorded': Kind(given={'policy': 'random', 'record.required': 'true'}),
    'sim_time': Kind(given={'policy': 'random', 'use_sim_time': 'true'}, clock=True),
    'no_clock': Kind(only=ARM, given={'use_sim_time': 'true'}),
    'guard': Kind(only=(GUARD,)),
    'drivers': Kind(
        only=(TWIN,), given={'command_mode': 'trajectory'}, joints='franka/joint_states'
    ),
    'policy': Kind(only=(POLICY,), bundle=True),
}


class Bench:
    """One graph at a time, and an empty folder for files."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix='moto-chaos-')
        self.kind, self.started = '', 0.0  # [s] that the last graph took to start
        self.relay: Relay | None = None
        self.clock: Clock | None = None
        self.link = Path()  # to the bundle of a graph that has one
        self._graph: RunningGraph | None = None
        self._folders = 0

    def folder(self) -> Path:
        """Makes an empty folder and returns it."""
        self._folders += 1
        made = Path(self._temporary.name) / str(self._folders)
        made.mkdir()
        return made

    def graph(self, kind: str) -> RunningGraph:
        """Returns the running graph of a kind, at rest; raises MotoError if it does not start."""
        if kind == self.kind and self._graph is not None:
            try:
                stop_everything(self._graph)
                return self._graph
            except MotoError:
                pass  # it is not whole
        self.drop()
        begin = time.monotonic()
        self._graph, self.kind = self._start(KINDS[kind]), kind
        self.started = time.monotonic() - begin
        return self._graph

    def undisturb(self) -> None:
        """Lets the streams pass as they come."""
        if self.relay is not None:
            self.relay.clear()

    def disturbed(self) -> Relay:
        """Returns the relay of a graph whose streams pass through this process."""
        assert self.relay is not None, self.kind
        return self.relay

    def drop(self) -> None:
        """Ends the graph, if one runs; the next fault gets a new one."""
        graph, self._graph, self.kind = self._graph, None, ''
        for helper in (self.relay, self.clock):
            if helper is not None:
                helper.close()
        self.relay = self.clock = None
        if graph is not None:
            graph.close()

    def close(self) -> None:
        """Ends the graph and removes the folder."""
        self.drop()
        self._temporary.cleanup()

    def _start(self, kind: Kind) -> RunningGraph:
        given, folder = dict(kind.given), self.folder()
        robot = load_robot(given.get('robot_type', 'kitchen_sim'))
        if kind.clock:
            self.clock = Clock()
        if kind.relayed:
            self.relay = Relay(robot)
        if kind.bundle:
            self.link = folder / 'policy'
            point(self.link, tiny(folder, robot.spec))
            given['policy'] = str(self.link)
        own = {TWIN: {'joint_states': kind.joints}} if kind.joints else None
        graph = RunningGraph(
            folder / 'dataset', kind.only, given, twin_overrides(robot) if kind.relayed else own
        )
        if self.clock is not None:
            graph.now = self.clock.now
        return graph


def point(link: Path, folder: Path) -> None:
    """Makes a link lead to a folder, there or not."""
    link.unlink(missing_ok=True)
    link.symlink_to(folder)


def tiny(folder: Path, spec: Spec, **changes: Any) -> Path:
    """Writes a small bundle and returns its folder; raises MotoError if onnx is not installed."""
    try:
        from moto_ros.chaos.tiny_bundle import write_tiny_bundle
    except ImportError as error:
        raise MotoError(f"{error}; type: pip install 'onnx<2'") from error
    return write_tiny_bundle(folder, spec, **changes)
