"""Faults of ends that were asked for: signals, the life cycle, what fails in a halt."""

from __future__ import annotations

import os
import signal

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.guard.limits import load_robot
from moto_core.guard.state import RUNNING, GuardConfig, GuardOutput
from moto_ros.chaos.acting import begin, person
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.drivers import launcher_killed
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import MOVING, STILL, rest_after
from moto_ros.chaos.running import RunningGraph
from moto_ros.config import CommandConfig
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.halt import halt
from moto_ros.services import GUARD, RECORDER

WAY = (0.02, 0.15)  # [rad] of a stop from 0.4 rad/s
TICK = GuardConfig().tick
STEP = 5.0 * TICK * 2  # [rad/s] that a command may change by from one to the next


def signals(bench: Bench) -> Seen:
    """Fault 32: SIGINT thrice to the guard, SIGTERM to the recorder; kill -9 of the bring-up."""
    graph, found = bench.graph('whole'), Findings()
    identity = begin(graph)
    guard, recorder = (graph.children.running[name] for name in (GUARD, RECORDER))
    since = graph.now()
    for _ in range(3):
        guard.send_signal(signal.SIGINT)
    graph.wait(lambda: guard.poll() is not None, 10, "the guard's end")
    graph.spin(0.3)
    commanded = np.array([m.velocity[:7] for m in graph.executed])
    step = np.abs(np.diff(commanded, axis=0)).max()
    rest = found.rest = rest_after(graph, since)
    found.expect(guard.returncode == 0, f'the guard ends with code {guard.returncode}')
    found.expect(
        np.abs(commanded).max() > MOVING and not commanded[-1].any() and step < STEP,
        'it decelerates, by {step_rad_s:.3f} rad/s a tick at most, to 0',
        step_rad_s=step,
    )
    found.expect(graph.speed() < STILL, 'joints at rest after {rest_s:.3f} s', rest_s=rest)
    recorder.send_signal(signal.SIGTERM)
    graph.wait(lambda: recorder.poll() is not None, 10, "the recorder's end")
    with Dataset.open(graph.dataset) as dataset:
        record = dataset.find(identity)
    found.expect(
        record.ended in ('shutdown', 'guard_silent')  # the guard ended first
        and record.rows > 5
        and recorder.returncode == 0,
        f'the recorder closes the episode as {record.ended}, {record.rows} rows',
    )
    graph.start(GUARD, RECORDER)
    launcher_killed(found, bench.graph('drivers'))
    return found.seen()


def led_to_rest(bench: Bench) -> Seen:
    """Fault 34: deactivate and cleanup, shutdown, SIGTERM while moving along trajectories."""
    found = Findings()
    for ended in ('DEACTIVATE', 'ACTIVE_SHUTDOWN', signal.SIGTERM):
        _end_guard(bench.graph('led'), ended, found)
    return found.seen()


def broken_halt(bench: Bench) -> Seen:
    """Fault 40: SIGHUP, and a publish or a tick that raises while the guard halts."""
    found = Findings()
    _end_guard(bench.graph('led'), signal.SIGHUP, found)
    for delay in (CommandConfig().delay, 0.0):
        for fails in ('publish', 'tick'):
            _halt_broken(found, delay, fails)
    return found.seen()


def _end_guard(graph: RunningGraph, ended: str | int, found: Findings) -> None:
    """Expects a guard that ends to lead the arm to rest and never back, and then to be silent."""
    graph.changer(GUARD)
    person(graph)
    speed, since = graph.speed(), graph.now()
    graph.joints.clear()
    name = ended if isinstance(ended, str) else signal.Signals(ended).name
    if isinstance(ended, str):
        found.expect(graph.change(GUARD, ended), f'{name} succeeds')
    else:
        os.kill(graph.children.running[GUARD].pid, ended)
    graph.spin(1.2)
    graph.commands.clear()
    graph.spin(0.3)
    _, position, velocity = graph.motion()
    rest = rest_after(graph, since)
    found.rest = max(found.rest or 0.0, rest)
    way = position[-1, 0] - position[0, 0]
    back = -velocity[:, 0].min()
    found.expect(
        speed > 0.25
        and graph.speed() < STILL
        and WAY[0] < way < WAY[1]
        and back < STILL
        and bool((np.diff(position[:, 0]) > -1e-3).all()),
        f'{name}: at rest after {{{name}_rest_s:.3f}} s, {{{name}_way_rad:.3f}} rad on, '
        f'{{{name}_back_rad_s:.3f}} rad/s back at most',
        **{f'{name}_rest_s': rest, f'{name}_way_rad': way, f'{name}_back_rad_s': max(0.0, back)},
    )
    found.expect(not graph.commands, 'then silence')
    if ended == 'DEACTIVATE':
        again = [graph.change(GUARD, step) for step in ('CLEANUP', 'CONFIGURE', 'ACTIVATE')]
        found.expect(all(again), 'it can be cleaned up, configured and activated again')
        return
    process = graph.children.running[GUARD]
    if process.poll() is None:
        process.terminate()
        graph.wait(lambda: process.poll() is not None, 10, "the guard's end")
    graph.start(GUARD)


class _Broken(ArmGuard):
    """A guard whose ticks fail from a moment on."""

    breaks = False

    def tick(self, now: float) -> GuardOutput | None:
        """Returns what a tick lets out, until it breaks."""
        if self.breaks:
            raise RuntimeError('a tick fails')
        return super().tick(now)


def _halt_broken(found: Findings, delay: float, fails: str) -> None:
    """Expects a halt to end at rest although something in it raises."""
    arm, sent = _Steps(delay), list[float]()
    arm.go(1.0)
    arm.guard.breaks = fails == 'tick'
    begin, count = arm.now, [0]

    def publish(output: GuardOutput) -> None:
        count[0] += 1
        if fails == 'publish' and count[0] == 1:
            raise RuntimeError('a publish fails')
        sent.append(float(np.abs(output.velocity).max()))

    ends = arm.guard.reference.ends + delay if arm.guard.reference else 0.0
    halt(arm.guard, arm.wait, publish)
    took = arm.now - begin
    if delay:
        found.expect(
            not sent and ends <= arm.now < ends + 0.1,
            f'a {fails} that raises: nothing replaces the last trajectory, which ends at rest',
        )
        return
    falls = bool((np.diff(sent) <= 1e-9).all()) and bool(sent) and not any(sent[-5:])
    found.expect(
        falls,
        f'a {fails} that raises: velocities fall to 0 in {{{fails}_s:.2f}} s',
        **{f'{fails}_s': took},
    )


class _Steps:
    """A guard, and an arm that goes exactly where it is led, in a time of its own."""

    def __init__(self, delay: float) -> None:
        robot = load_robot('fr3')
        self.guard = _Broken(robot, 'normal', GuardConfig(), ArmSettings(delay=delay))
        self.names, self.position, self.now = robot.spec.joints, np.array(robot.home), 10.0
        self.delay = delay
        self.guard.activate(True)
        self.step(None)
        self.guard.arm()

    def step(self, ask: float | None) -> None:
        """One tick of the guard."""
        self.now += TICK
        still, here = [0.0] * len(self.names), self.position.tolist()
        self.guard.inbox.measured(self.names, here, still, 0.0, self.now)
        if ask is not None:
            self.guard.inbox.request(self.names, [ask] * len(self.names), 0.0, self.now)
        output = self.guard.tick(self.now)
        self.guard.trajectory(250.0)
        if self.guard.reference is not None:
            self.position = self.guard.reference.at(self.now - self.delay).position
        elif output is not None and not self.delay:
            self.position = self.position + output.velocity * TICK

    def go(self, seconds: float) -> None:
        """Asks for 0.3 rad/s for a while."""
        for _ in range(round(seconds / TICK)):
            self.step(0.3)
        assert self.guard.state.mode == RUNNING, self.guard.state.cause

    def wait(self) -> float:
        """Waits for the next tick of a halt; returns its time [s]."""
        self.now += TICK
        return self.now
