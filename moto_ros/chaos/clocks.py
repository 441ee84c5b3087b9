"""Faults of clocks and stamps: zero, ahead, behind, jumps, a simulated time that nobody tells."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from mcap.reader import make_reader

from moto_core.episodes.dataset import Dataset
from moto_ros.chaos.acting import begin, hearing, person, reset_fault, state
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import MOVING, braking, expect_stop, let_out, reason_after, reasons_said
from moto_ros.chaos.relay import Relay, stamped
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD, POLICY, RECORDER
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns

HOUR = 3600.0  # [s]
SECOND = 10**9  # [ns]
RAMP = 5.0 * 0.006 * 1.01  # [rad/s] acceleration times one and a half ticks


def stamps(bench: Bench) -> Seen:
    """Fault 3: stamps of requests, images and joint states that are zero, ahead or behind."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    asked = person(graph)
    for _ in range(8):
        graph.request(asked, stamp=0)
        graph.spin(0.08)
    found.expect(
        graph.speed() > 0.25 and 'request_unstamped' in reasons_said(graph),
        'requests without a stamp are followed, warning request_unstamped',
    )
    since = graph.now()
    for _ in range(6):
        graph.request(-asked, stamp=graph.now() + SECOND)
        graph.spin(0.08)
    _, commands = let_out(graph, since)
    found.expect(
        reason_after(graph, since, 'request_future') < 0.05 and commands[:, 0].min() >= 0.0,
        '1 s ahead: refused, nothing of it let out',
    )
    expect_stop(found, graph, braking(graph, since, 'request_future'))
    reset_fault(graph)
    _expect_images(found, graph, relay)
    _expect_joints(found, graph, relay)
    return found.seen()


def jumps(bench: Bench) -> Seen:
    """Fault 4: the clock of every node an hour ahead, then back, in an episode."""
    graph, found = bench.graph('sim_time'), Findings()
    assert bench.clock is not None
    identity = begin(graph)
    for hours in (1.0, -1.0):
        way = 'ahead' if hours > 0 else 'back'
        graph.executed.clear()
        graph.reasons.clear()
        graph.latest.decisions.clear()
        bench.clock.jump(hours * HOUR)
        graph.spin(1.5)
        commands = np.array([m.velocity[:7] for m in graph.executed])
        change = np.abs(np.diff(commands, axis=0)).max()
        decisions, guard = len(graph.latest.decisions), graph.latest.guard
        held = sorted(r for r in reasons_said(graph) if r.startswith(('request', 'joints', 'cl')))
        found.expect(
            decisions >= 12 and guard.state == 'RUNNING',
            f'an hour {way}: {{decisions_{way}}} decisions in 1.5 s, '
            f'{guard.state}, reasons: {", ".join(held) or "none"}',
            **{f'decisions_{way}': decisions},
        )
        found.expect(
            change <= RAMP and len(commands) > 150,
            f'commands go on, changing by {{change_{way}:.4f}} rad/s a tick at most',
            **{f'change_{way}': change},
        )
    graph.graph.call(GUARD, 'disarm')
    graph.graph.call(RECORDER, 'end_episode', False)
    graph.wait(lambda: graph.latest.recorder.state == 'idle', 5, 'the end')
    with Dataset.open(graph.dataset) as dataset:
        path = dataset.find(identity).path
    with path.open('rb') as file:
        messages = make_reader(file).iter_messages(log_time_order=False)
        times = np.array([message.log_time for _, _, message in messages])
    found.expect(
        bool((np.diff(times) >= 0).all()), f'{len(times)} messages on record, in the order of time'
    )
    return found.seen()


def in_flight(bench: Bench) -> Seen:
    """Fault 42: a request stamped before a step of the clock by an hour arrives after it."""
    graph, found = bench.graph('sim_time'), Findings()
    assert bench.clock is not None
    for hours in (1.0, -1.0):
        way = 'ahead' if hours > 0 else 'back'
        asked = person(graph)
        before = graph.now()
        bench.clock.jump(hours * HOUR)
        graph.spin(0.02)
        graph.request(-asked, stamp=before)
        graph.spin(0.06)
        graph.drive(asked, 1.5)
        commands = np.array([m.velocity[:7] for m in graph.executed])
        change = np.abs(np.diff(commands, axis=0)).max()
        found.expect(
            commands[:, 0].min() >= 0.0 and change <= RAMP,
            f'a step {way}: nothing of the message is followed, at most '
            f'{{change_{way}:.4f}} rad/s a tick',
            **{f'change_{way}': change},
        )
        guard = state(graph, lambda guard: True, 'the guard')
        graph.drive(asked, 0.3)
        found.expect(
            guard.state in ('RUNNING', 'HOLD') and commands[-1, 0] > 0.35,
            f'the next ones count: {{again_{way}:.2f}} rad/s',
            **{f'again_{way}': commands[-1, 0]},
        )
    return found.seen()


def no_clock(bench: Bench) -> Seen:
    """Fault 31: use_sim_time, and nobody publishes /clock."""
    graph, found = bench.graph('no_clock'), Findings()
    graph.graph.call(GUARD, 'set_intervention', True)
    graph.arm()
    asked = np.array([0.4] + [0.0] * 8)
    first, at = state(graph, lambda guard: True, 'the guard'), time.monotonic()
    for _ in range(14):
        graph.request(asked, stamp=0)
        graph.spin(0.08)
    last = state(graph, lambda guard: True, 'the guard')
    rate = (last.ticks - first.ticks) / (time.monotonic() - at)
    found.expect(
        rate > 100.0, 'the guard ticks at {rate_hz:.0f} Hz on the steady clock', rate_hz=rate
    )
    commands = np.array([m.velocity[:7] for m in graph.executed])
    found.expect(
        bool(np.isfinite(commands).all()) and commands[:, 0].max() > 0.35,
        f'{len(commands)} commands, all finite, up to {{most_rad_s:.2f}} rad/s',
        most_rad_s=commands[:, 0].max(),
    )
    found.expect('request_unstamped' in reasons_said(graph), 'warning request_unstamped')
    stopped = time.monotonic()
    graph.wait(lambda: graph.speed() < MOVING, 3, 'rest after the last request')
    found.rest = time.monotonic() - stopped
    return found.seen()


def _restamped(offset: int | None, message: Any) -> Iterable[Any]:
    """A message with its stamp moved by an offset [ns]; None: without a stamp."""
    old = to_ns(message.header.stamp)
    return (stamped(message, 0 if offset is None else old + offset),)


def _expect_images(found: Findings, graph: RunningGraph, relay: Relay) -> None:
    """Expects images without a stamp to be used with a warning, others to be refused."""
    graph.graph.call(POLICY, 'start_episode')
    with hearing(graph, interface.DIAGNOSTICS) as told:
        relay.cameras['front'] = partial(_restamped, None)
        graph.spin(0.3)
        graph.latest.decisions.clear()
        graph.spin(1.3)
        count = len(graph.latest.decisions)
        texts = [s.message for m in told for s in m.status if s.name == POLICY]
    found.expect(
        count > 10, 'images without a stamp: {unstamped} decisions in 1.3 s', unstamped=count
    )
    found.expect(any('stamp' in text for text in texts), 'a warning says so')
    for offset, reason in ((SECOND, 'front:future'), (-300_000_000, 'front:stale')):
        relay.cameras['front'] = partial(_restamped, offset)
        graph.wait(lambda r=reason: r in graph.latest.policy.reasons, 5, reason)
        graph.latest.decisions.clear()
        graph.spin(0.4)
        count = len(graph.latest.decisions)
        found.expect(not count, f'{offset / SECOND:+.1f} s: {reason}, {count} decisions')
    relay.clear()
    graph.graph.call(POLICY, 'stop_episode')


def _expect_joints(found: Findings, graph: RunningGraph, relay: Relay) -> None:
    """Expects joint states without a stamp to be used with a warning, others to be refused."""
    asked = person(graph)
    with hearing(graph, interface.DIAGNOSTICS) as told:
        relay.joints = partial(_restamped, None)
        graph.drive(asked, 1.2)
        texts = [s.message for m in told for s in m.status if s.name == GUARD]
    guard = graph.latest.guard
    sent = [m.velocity[0] for m in graph.executed]
    found.expect(
        guard is not None and guard.state == 'RUNNING' and min(sent) > 0.25,
        'joint states without a stamp: the arm goes on',
    )
    warned = any('stamp' in text for text in texts)
    warned |= any('unstamped' in r and 'joints' in r for r in reasons_said(graph))
    found.expect(warned, 'a warning says so')
    since = graph.now()
    relay.joints = partial(_restamped, SECOND)
    graph.drive(asked, 0.4)
    relay.clear()
    found.expect(reason_after(graph, since, 'joints_future') < 0.05, '1 s ahead: joints_future')
