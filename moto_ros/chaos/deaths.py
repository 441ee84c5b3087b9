"""Faults of processes: killed, stopped, and gone on."""

from __future__ import annotations

import os
import signal

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_ros.chaos.acting import begin, person, reset_fault, state
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import (
    MOVING,
    STILL,
    TAIL,
    braking,
    expect_heard,
    expect_stop,
    reason_after,
    rest_after,
)
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD, POLICY, RECORDER

FASTEST = 0.5  # [rad/s] of an arm that was asked for 0.4


def policy(bench: Bench) -> Seen:
    """Fault 18: kill -9 of the policy in an episode."""
    graph, found = bench.graph('whole'), Findings()
    identity = begin(graph)
    killed = graph.kill(POLICY)
    last = max(d.stamp for d in graph.latest.decisions)
    graph.spin(1.0)
    expect_heard(found, graph, killed)
    stop = braking(graph, killed, 'request_stale')
    image = (killed - last) * 1e-9
    found.expect(
        0.19 < stop.begins + image < 0.23,
        'braking {stale_s:.3f} s after the stamp of its last image',
        stale_s=stop.begins + image,
    )
    expect_stop(found, graph, stop)
    graph.wait(lambda: any(_ended(e, identity) for e in graph.events), 5, "the episode's end")
    with Dataset.open(graph.dataset) as dataset:
        record = dataset.find(identity)
    found.expect(
        record.ended == 'policy_died', f'the episode closed as {record.ended}, {record.rows} rows'
    )
    graph.start(POLICY)
    return found.seen()


def guard(bench: Bench) -> Seen:
    """Fault 19: kill -9 of the guard, under trajectories and under arrays."""
    found = Findings()
    for kind, mode in (
        ('led', 'trajectories: the tail'),
        ('whole', "arrays: the twin's watchdog"),
    ):
        graph = bench.graph(kind)
        person(graph)
        speed = graph.speed()
        killed = graph.kill(GUARD)
        graph.spin(1.0)
        expect_heard(found, graph, killed)
        rest = rest_after(graph, killed)
        found.rest = max(rest, found.rest or 0.0)
        name = f'{kind}_rest_s'
        found.expect(
            speed > 0.25 and rest < TAIL and graph.speed() < STILL,
            f'{mode} stops the arm after {{{name}:.3f}} s',
            **{name: rest},
        )
        graph.start(GUARD)
    return found.seen()


def recorder(bench: Bench) -> Seen:
    """Fault 20: kill -9 of the recorder in an episode."""
    graph, found = bench.graph('whole'), Findings()
    identity = begin(graph)
    killed = graph.kill(RECORDER)
    count = len(graph.latest.decisions)
    graph.wait(lambda: len(graph.latest.decisions) >= count + 5, 10, 'decisions')
    found.expect(graph.latest.guard.state == 'RUNNING', 'the arm goes on')
    seen = sum(decision.stamp <= killed for decision in graph.latest.decisions)
    graph.start(RECORDER)
    graph.graph.call(GUARD, 'disarm')
    with Dataset.open(graph.dataset) as dataset:
        record = dataset.find(identity)
    found.expect(
        record.ended == 'recovered' and seen - 2 <= record.rows <= seen,
        'recovered at the next start with {rows} rows of {decisions} decisions, the last of which '
        'has no outcome yet',
        rows=record.rows,
        decisions=seen,
    )
    return found.seen()


def required_recorder(bench: Bench) -> Seen:
    """Fault 43: kill -9 of the recorder where a record is required."""
    graph, found = bench.graph('recorded'), Findings()
    graph.reset()
    graph.arm()
    graph.spin(1.0)
    found.expect(graph.speed() < STILL, 'nothing moves before an episode is recorded')
    begin(graph)
    killed = graph.kill(RECORDER)
    graph.spin(1.5)
    stop = braking(graph, killed, 'not_recording')
    found.expect(stop.begins <= 0.5 + 0.02, 'hold after {hold_s:.3f} s', hold_s=stop.begins)
    expect_stop(found, graph, stop)
    holds = graph.latest.guard
    found.expect(
        holds is not None and holds.state == 'HOLD' and 'not_recording' in holds.cause,
        f'it holds: {holds.cause if holds else None}',
    )
    graph.start(RECORDER)
    graph.graph.call(RECORDER, 'start_episode')
    graph.wait(lambda: graph.speed() > MOVING, 10, 'motion while it is recorded again')
    found.note('it goes on once one records again')
    return found.seen()


def stopped(bench: Bench) -> Seen:
    """Fault 44: SIGSTOP for 0.5 s and 3 s of the guard, then of the policy."""
    found = Findings()
    for seconds in (0.5, 3.0):
        _stop_guard(bench.graph('led'), seconds, found)
    for seconds in (0.5, 3.0):
        _stop_policy(bench.graph('whole'), seconds, found)
    return found.seen()


def _stop_guard(graph: RunningGraph, seconds: float, found: Findings) -> None:
    asked = person(graph)
    process, since = graph.children.running[GUARD], graph.now()
    os.kill(process.pid, signal.SIGSTOP)
    graph.drive(asked, seconds)
    os.kill(process.pid, signal.SIGCONT)
    graph.drive(asked, 1.0)
    stamps, position, velocity = graph.motion()
    speed = np.diff(position[:, 0]) / (np.diff(stamps) * 1e-9)
    still = stamps[np.abs(velocity[:, 0]) < STILL]
    fast = stamps[(np.abs(velocity).max(axis=1) > MOVING) & (stamps < still.max(initial=0))]
    rest = (fast.max(initial=since) - since) * 1e-9 if len(still) else float('inf')
    found.rest = max(found.rest or 0.0, rest if rest < seconds else 0.0)
    found.expect(
        speed.min() > -STILL and speed.max() < FASTEST,
        f'guard {seconds} s: between {{slowest_{seconds:.0f}:.3f}} and '
        f'{{fastest_{seconds:.0f}:.3f}} rad/s, never back',
        **{f'slowest_{seconds:.0f}': speed.min(), f'fastest_{seconds:.0f}': speed.max()},
    )
    guard, again = graph.latest.guard, graph.speed()
    found.expect(
        len(still) > 0 and guard.state == 'RUNNING' and again > 0.25,
        f'it rested, then went on: {guard.state}, {{again_{seconds:.0f}:.2f}} rad/s',
        **{f'again_{seconds:.0f}': again},
    )


def _stop_policy(graph: RunningGraph, seconds: float, found: Findings) -> None:
    begin(graph)
    process, since = graph.children.running[POLICY], graph.now()
    os.kill(process.pid, signal.SIGSTOP)
    graph.spin(seconds)
    rest, speed = rest_after(graph, since), graph.speed()
    begins = reason_after(graph, since, 'request_stale')
    os.kill(process.pid, signal.SIGCONT)
    graph.spin(1.0)
    found.rest = max(found.rest or 0.0, rest)
    found.expect(
        begins < 0.23 and (speed < STILL or seconds < 0.6),
        f'policy {seconds} s: braking after {{policy_{seconds:.0f}_s:.3f}} s',
        **{f'policy_{seconds:.0f}_s': begins},
    )
    guard = state(graph, lambda guard: True, 'the guard')
    wanted = 'RUNNING' if seconds < 1.0 else 'FAULT'
    found.expect(guard.state == wanted, f'then {guard.state}')
    reset_fault(graph)


def _ended(event: object, identity: str) -> bool:
    return getattr(event, 'state', '') == 'ended' and getattr(event, 'episode', '') == identity
