"""Faults of joint states: their names, numbers and rate, and those that no arm stands behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

import numpy as np

from moto_ros.chaos.acting import person, state, stop_everything
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import braking, expect_stop, let_out, reason_after, reasons_said
from moto_ros.chaos.relay import Change, stamped
from moto_ros.services import GUARD
from moto_ros.wire.convert import to_ns

AGE = 0.1  # [s] at which joint states are too old
JUMP = 0.5  # [rad]
BEYOND = 0.02  # [rad] outside a limit


def renamed(bench: Bench) -> Seen:
    """Fault 8: shuffled and extra names are mapped; a missing or a repeated one is refused."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    asked = person(graph)
    relay.joints = _shuffled
    graph.drive(asked, 0.8)
    _, commands = let_out(graph, 0)
    running = not {'joints_names', 'joints_stale'} & reasons_said(graph)
    found.expect(
        running and graph.speed() > 0.25 and np.abs(commands[:, 1:]).max() < 0.01,
        'shuffled, with an extra joint: it goes on at {speed_rad_s:.2f} rad/s',
        speed_rad_s=graph.speed(),
    )
    for change, what in ((_without_one, 'one missing'), (_with_one_twice, 'one twice')):
        _expect_refusal(found, bench, change, 'joints_names', what)
    return found.seen()


def impossible(bench: Bench) -> Seen:
    """Fault 9: NaN, a jump, a joint outside its limit."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    _expect_refusal(found, bench, _not_finite, 'joints_nonfinite', 'NaN')
    sent = [m.velocity for m in graph.executed] + [getattr(m, 'data', ()) for m in graph.commands]
    found.expect(all(np.isfinite(v).all() for v in sent), f'{len(sent)} commands, all finite')
    _expect_refusal(found, bench, _shifted(JUMP), 'joints_jump', f'a jump of {JUMP} rad')
    stop_everything(graph)
    graph.reset()
    limit = graph.robot.limits.q_max[0]
    here = graph.motion()[1][-1, 0] if graph.joints else graph.robot.home[0]
    relay.joints = _shifted(limit + BEYOND - here)
    graph.spin(0.2)
    for asked, way in ((0.4, 'outward'), (-0.4, 'inward')):
        graph.graph.call(GUARD, 'set_intervention', True)
        graph.arm()
        graph.executed.clear()
        graph.drive([asked] + [0.0] * 8, 0.6)
        _, commands = let_out(graph, 0)
        most = commands[:, 0].max() if asked > 0 else commands[:, 0].min()
        met = abs(most) < 1e-6 if asked > 0 else most < -0.3
        found.expect(
            met,
            f'{BEYOND} rad outside, asked {way}: {{{way}_rad_s:.2f}} rad/s let out',
            **{f'{way}_rad_s': most},
        )
        graph.graph.call(GUARD, 'disarm')
    return found.seen()


def slow(bench: Bench) -> Seen:
    """Fault 10: a quarter of the joint states arrives."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    asked, count = person(graph), [0, 0]

    def thin(message: Any) -> Iterable[Any]:
        count[0] += 1
        passed = count[0] % 4 == 0
        count[1] += passed
        return (message,) if passed else ()

    relay.joints = thin
    begin = time.monotonic()
    for sign in (1, -1, 1, -1):
        graph.drive(sign * asked, 0.5)
    rate = count[1] / (time.monotonic() - begin)
    states = {change.reasons for change in graph.reasons}
    held = [r for r in states if 'joints_stale' in r or 'request_stale' in r]
    found.expect(
        not held and graph.latest.guard.state == 'RUNNING',
        'at {rate_hz:.0f} Hz the arm goes on for 2 s',
        rate_hz=rate,
    )
    found.expect('joints_slow' in reasons_said(graph), 'warning joints_slow')
    return found.seen()


def frozen(bench: Bench) -> Seen:
    """Fault 36: the same numbers again and again, with fresh stamps."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    asked = person(graph, 0.2, 0.8)
    held: list[Any] = []

    def repeat(message: Any) -> Iterable[Any]:
        held[:] = held or [message]
        return (stamped(held[0], to_ns(message.header.stamp)),)

    since = graph.now()
    relay.joints = repeat
    graph.drive(asked, 0.6)
    relay.clear()
    after = reason_after(graph, since, 'joints_frozen')
    found.expect(
        after <= 0.3,
        'fault joints_frozen after {frozen_s:.3f} s of motion at 0.2 rad/s',
        frozen_s=after,
    )
    graph.spin(0.4)
    expect_stop(found, graph, braking(graph, since, 'joints_frozen'))
    guard = state(graph, lambda guard: True, 'the guard')
    found.expect(guard.state == 'FAULT', f'latched: {guard.state}')
    return found.seen()


def _expect_refusal(found: Findings, bench: Bench, change: Change, reason: str, what: str) -> None:
    """Expects joint states to be refused for a reason, and a fault after three of them."""
    graph, relay = bench.graph('relayed'), bench.disturbed()
    asked = person(graph)
    since = graph.now()
    relay.joints = change
    graph.drive(asked, 0.5)
    relay.clear()
    graph.drive(asked, 0.2)
    guard = state(graph, lambda guard: True, 'the guard')
    after = reason_after(graph, since, reason)
    found.expect(
        after < AGE and guard.state == 'FAULT',
        f'{what}: refused after {{refused_s:.3f}} s ({reason}), {guard.state}',
        refused_s=after,
    )
    expect_stop(found, graph, braking(graph, since, reason))


def _columns(message: Any, rows: list[int], extra: str = '') -> Iterable[Any]:
    made = copy(message)
    for name in ('name', 'position', 'velocity'):
        values = list(getattr(message, name))
        setattr(made, name, [values[i] for i in rows])
    if extra:
        made.name = [*made.name, extra]
        made.position = [*made.position, 9.0]
        made.velocity = [*made.velocity, 9.0]
    return (made,)


def _shuffled(message: Any) -> Iterable[Any]:
    return _columns(message, list(range(len(message.name)))[::-1], 'elsewhere')


def _without_one(message: Any) -> Iterable[Any]:
    return _columns(message, [i for i in range(len(message.name)) if i != 2])


def _with_one_twice(message: Any) -> Iterable[Any]:
    return _columns(message, [2, *range(len(message.name))])


def _not_finite(message: Any) -> Iterable[Any]:
    made = copy(message)
    made.position = [*message.position[:3], float('nan'), *message.position[4:]]
    return (made,)


def _shifted(by: float) -> Callable[[Any], Iterable[Any]]:
    def change(message: Any) -> Iterable[Any]:
        made = copy(message)
        made.position = [message.position[0] + by, *message.position[1:]]
        return (made,)

    return change
