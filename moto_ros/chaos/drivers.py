"""Faults of a bring-up beside drivers that it did not start: its guard killed, or itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto_ros.bringup.arguments import ARGUMENTS
from moto_ros.chaos.acting import person
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import STILL, TAIL, rest_after
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD


def launcher(bench: Bench) -> Seen:
    """Fault 38: kill -9 of the guard of a bring-up beside drivers of their own (the twin)."""
    graph, found = bench.graph('drivers'), Findings()
    with _bring_up(graph) as up:
        speed, killed = graph.speed(), graph.now()
        os.kill(_child(up.pid, 'moto_ros.nodes.guard'), signal.SIGKILL)
        _expect_rest(found, graph, speed, killed, 'the last trajectory')
        graph.wait(lambda: up.poll() is not None, 10, 'the end of moto-up')
        found.expect(up.returncode == 1, f'the bring-up ends with code {up.returncode}')
    graph.joints.clear()
    graph.spin(0.3)
    found.expect(len(graph.joints) > 20, 'the drivers go on: joint states come')
    found.expect(
        'robot_ip' not in ARGUMENTS, "drivers belong to another launch: 'robot_ip' is no argument"
    )
    return found.seen()


def launcher_killed(found: Findings, graph: RunningGraph) -> None:
    """Expects nodes whose bring-up is killed to bring the arm to rest and to end."""
    with _bring_up(graph) as up:
        guard = Path(f'/proc/{_child(up.pid, "moto_ros.nodes.guard")}')
        speed, killed = graph.speed(), graph.now()
        os.kill(up.pid, signal.SIGKILL)
        _expect_rest(found, graph, speed, killed, 'moto-up killed: the guard')
        graph.wait(lambda: not guard.exists(), 10, "the guard's end")
        found.note('and ends')


def _expect_rest(
    found: Findings, graph: RunningGraph, speed: float, since: int, what: str
) -> None:
    graph.spin(1.5)
    rest = rest_after(graph, since)
    found.rest = max(rest, found.rest or 0.0)
    found.expect(
        speed > 0.25 and rest < TAIL and graph.speed() < STILL,
        f'{what} brings the arm to rest in {{launch_rest_s:.3f}} s',
        launch_rest_s=rest,
    )


@contextmanager
def _bring_up(graph: RunningGraph) -> Iterator[subprocess.Popen[bytes]]:
    """Lends a bring-up without drivers whose guard moves the arm."""
    words = ['sim:=false', 'robot_type:=kitchen_sim', 'dry_run:=false', 'record:=false']
    words += ['guard.deadman_required:=false', 'guard.estop_required:=false']
    words += ['command.limits_are_of_no_real_arm:=true', 'command.ask_controller:=false']
    words += ['policy:=zero', 'log_level:=warn']
    line = [sys.executable, '-m', 'moto_ros.bringup.up', *words]
    up = subprocess.Popen(
        line, env=graph.children.environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        graph.latest.guard = None
        graph.wait(lambda: graph.latest.guard is not None, 40, 'the guard of moto-up')
        graph.graph.call(GUARD, 'begin_anew')
        person(graph)
        yield up
    finally:
        if up.poll() is None:
            up.terminate()
            up.wait(10)


def _child(parent: int, module: str) -> int:
    """Returns the process id of a child that runs a module."""
    for pid in Path(f'/proc/{parent}/task/{parent}/children').read_text().split():
        if module.encode() in Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0'):
            return int(pid)
    raise ProcessLookupError(f'process {parent} has no child that runs {module}')
