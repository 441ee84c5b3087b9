"""Faults of cameras: they stall, freeze, lag behind each other, send what nobody can use."""

from __future__ import annotations

import array
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np

from moto_core.ros_image import to_rgb
from moto_ros.chaos.acting import begin, hearing, stop_everything
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import braking, expect_stop, reason_after
from moto_ros.chaos.relay import lost, stamped
from moto_ros.chaos.running import RunningGraph
from moto_ros.loops.policy import FROZEN_MOTION
from moto_ros.services import POLICY
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns

STALE = 0.2  # [s] 2.5 periods
LATE = 0.03  # [s] that a moment of the guard may be seen late: its ticks, this machine
PAD = 5  # [bytes] at the end of a padded row


def stalls(bench: Bench) -> Seen:
    """Fault 1: no more images while the policy drives."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    begin(graph)
    missed = graph.latest.policy.missed
    relay.cameras['front'] = lost
    last = relay.newest['front']
    graph.spin(1.8)
    decisions = [d for d in graph.latest.decisions if d.stamp > last]
    found.expect(not decisions, f'{len(decisions)} decisions without an image')
    _expect_silence(found, graph, last)
    found.expect(
        graph.latest.policy.missed - missed >= 5,
        '{missed_periods:.0f} missed periods counted',
        missed_periods=graph.latest.policy.missed - missed,
    )
    return found.seen()


def freezes(bench: Bench) -> Seen:
    """Fault 2: one image again and again, with new stamps, while the arm moves."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    begin(graph)
    frozen, stamps = relay.held['front'], [relay.newest['front']]

    def repeat(message: Any) -> Iterable[Any]:
        stamps.append(to_ns(message.header.stamp))
        return (stamped(frozen, stamps[-1]),)

    relay.cameras['front'] = repeat
    with hearing(graph, interface.DIAGNOSTICS) as told:
        graph.wait(lambda: 'front:frozen' in graph.latest.policy.reasons, 10, 'front:frozen')
        graph.spin(1.3)
        texts = [s.message for m in told for s in m.status if s.name == POLICY]
    moved = _moved(graph, stamps)
    blind = [moved[d.stamp] for d in graph.latest.decisions if d.stamp in stamps[2:]]
    found.expect(
        max(blind, default=0.0) <= FROZEN_MOTION + 0.02,
        'no decision after the arm moved {frozen_rad:.3f} rad under one image',
        frozen_rad=max(blind, default=0.0),
    )
    found.expect(any('front:frozen' in text for text in texts), 'diagnostic front:frozen')
    last = max(d.stamp for d in graph.latest.decisions)
    expect_stop(found, graph, braking(graph, last, 'request_stale'))
    return found.seen()


def lags(bench: Bench) -> Seen:
    """Fault 5: one of two cameras comes 85 ms late, so that the newest two are 80 ms apart."""
    graph, relay, found = bench.graph('two_cameras'), bench.disturbed(), Findings()
    begin(graph)
    relay.delays['wrist'] = 0.085
    graph.wait(lambda: 'cameras:skew' in graph.latest.policy.reasons, 5, 'cameras:skew')
    last = max(d.stamp for d in graph.latest.decisions)
    graph.spin(1.0)
    paired = sum(d.stamp > last for d in graph.latest.decisions)
    found.expect(
        not paired, '{paired} decisions from images 80 ms apart, cameras:skew', paired=paired
    )
    expect_stop(found, graph, braking(graph, last, 'request_stale'))
    relay.clear()
    stop_everything(graph)
    begin(graph)
    found.note('decisions go on once they are together')
    return found.seen()


def misfit(bench: Bench) -> Seen:
    """Fault 6: another encoding, size, row padding, channel order."""
    graph, relay, found = bench.graph('relayed'), bench.disturbed(), Findings()
    for change, texts in (
        (_encoded, ["'16UC1'", 'expected one of rgb8']),
        (_small, ['32 x 32 px', '64 x 64 px']),
        (_cut, ['expected a step of at least']),
    ):
        graph.graph.call(POLICY, 'start_episode')
        relay.cameras['front'] = change
        graph.wait(lambda t=texts: t[0] in graph.latest.policy.problem, 5, texts[0])
        problem = graph.latest.policy.problem
        found.expect(all(text in problem for text in texts), f'{problem}'[:150])
        count = len(graph.latest.decisions)
        graph.spin(0.3)
        found.expect(len(graph.latest.decisions) == count, 'no decision of it')
        relay.clear()
    _expect_same(found, graph, relay, _as_bgr)
    graph.graph.call(POLICY, 'stop_episode')
    return found.seen()


def _expect_silence(found: Findings, graph: RunningGraph, last: int) -> None:
    """Expects the guard to brake 0.2 s after the last image's stamp and to fault 1 s later."""
    stop = braking(graph, last, 'request_stale')
    found.expect(
        STALE - 0.005 <= stop.begins <= STALE + LATE,
        'braking {stale_s:.3f} s after the stamp of the last image',
        stale_s=stop.begins,
    )
    fault = reason_after(graph, last, 'request_timeout') - stop.begins
    found.expect(0.95 <= fault <= 1.1, 'fault {fault_s:.2f} s later', fault_s=fault)
    expect_stop(found, graph, stop)


def _moved(graph: RunningGraph, stamps: list[int]) -> dict[int, float]:
    """How far [rad] a joint had moved at each stamp since the first."""
    times, position, _ = graph.motion()
    at = np.array([[np.interp(s, times, column) for column in position.T] for s in stamps])
    return dict(zip(stamps, np.abs(at - at[0]).max(axis=1)))


def _changed(message: Any, **fields: Any) -> Iterable[Any]:
    made = stamped(message, to_ns(message.header.stamp))
    for name, value in fields.items():
        setattr(made, name, value)
    return (made,)


def _encoded(message: Any) -> Iterable[Any]:
    return _changed(message, encoding='16UC1')


def _small(message: Any) -> Iterable[Any]:
    data = array.array('B', bytes(32 * 32 * 3))
    return _changed(message, height=32, width=32, step=96, data=data)


def _cut(message: Any) -> Iterable[Any]:
    return _changed(message, data=message.data[:-100])


def _as_bgr(message: Any) -> Iterable[Any]:
    image = cv2.cvtColor(to_rgb(message), cv2.COLOR_RGB2BGR).reshape(message.height, -1)
    padded = np.pad(image, ((0, 0), (0, PAD)), constant_values=255)
    data = array.array('B', padded.tobytes())
    return _changed(message, encoding='bgr8', step=padded.shape[1], data=data)


def _expect_same(
    found: Findings, graph: RunningGraph, relay: Any, change: Callable[[Any], Iterable[Any]]
) -> None:
    """Expects the policy to see what the twin drew, through another encoding of it."""
    sent: dict[int, np.ndarray] = {}

    def keep(message: Any) -> Iterable[Any]:
        sent[to_ns(message.header.stamp)] = to_rgb(message).copy()
        return change(message)

    graph.graph.call(POLICY, 'start_episode')
    with hearing(graph, interface.observation('front')) as seen:
        relay.cameras['front'] = keep
        graph.wait(lambda: sum(to_ns(m.header.stamp) in sent for m in seen) > 3, 5, 'images')
        pairs = [(sent.get(to_ns(m.header.stamp)), to_rgb(m)) for m in seen]
    same = [np.array_equal(a, b) for a, b in pairs if a is not None]
    found.expect(
        all(same), f'bgr8 with {PAD} bytes of padding a row: {sum(same)} of {len(same)} as drawn'
    )
