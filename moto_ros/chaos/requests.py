"""Faults of what is asked for: no numbers, too much, too late, by two at once."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.guard.limits import load_robot
from moto_ros.chaos.acting import begin, person, state
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import STILL, braking, expect_stop, let_out, reasons_said, rest_after
from moto_ros.chaos.running import RunningGraph
from moto_ros.chaos.twin_link import Ask, Link, drive, measure, wander
from moto_ros.services import GUARD, POLICY, RECORDER

EXACT = 1.002  # of a limit, in positions rounded over 1 ms
HANGS = 0.75  # [s] without a word of the policy
OLD = 250_000_000  # [ns] of a request beyond its age
SECONDS = 3.0  # [s] of a robot under a profile
OFFICIAL = ('speed_of_official', 'acceleration_of_official', 'jerk_of_official')
STALE = 200_000_000  # [ns] 2.5 periods
OWN = ('speed_of_cap', 'acceleration_of_profile', 'jerk_of_profile')


def not_finite(bench: Bench) -> Seen:
    """Fault 11: NaN and infinity in one element, over and over."""
    graph, found = bench.graph('whole'), Findings()
    asked = person(graph, [0.2] * 7)
    since = graph.now()
    for bad in (np.nan, np.inf, -np.inf) * 8:
        wrong = asked.copy()
        wrong[3] = bad
        graph.request(wrong)
        graph.spin(0.03)
    guard = state(graph, lambda guard: guard.at_rest, 'rest')
    found.expect(
        guard.state == 'FAULT' and 'request_nonfinite' in guard.cause,
        f'{guard.state}: {", ".join(guard.cause)}',
    )
    expect_stop(found, graph, braking(graph, since, 'request_nonfinite'))
    sent = [getattr(m, 'data', None) or m.velocity for m in (*graph.commands, *graph.executed)]
    found.expect(
        len(sent) > 40 and all(np.isfinite(values).all() for values in sent),
        '{published} messages published, all finite',
        published=len(sent),
    )
    return found.seen()


def absurd(bench: Bench) -> Seen:
    """Fault 12: 1e30, and full speed the other way at each decision, at 1 kHz."""
    found = Findings()
    for name, key, ask in (('1e30', 'huge', _huge), ('+1/-1', 'flips', _flips)):
        worst, room = _worst(found, name, ask)
        found.expect(
            max(worst.values()) <= EXACT and room > 0.0,
            f'{name}: at most {{{key}_speed:.3f}} of the cap, {{{key}_acceleration:.3f}} and '
            f'{{{key}_jerk:.3f}} of acceleration and jerk of the profile, {{{key}_room_rad:.3f}} '
            'rad inside the limits',
            **{f'{key}_{name.split("_")[0]}': worst[name] for name in OWN},
            **{f'{key}_room_rad': room},
        )
    return found.seen()


def too_late(bench: Bench) -> Seen:
    """Fault 16: the policy hangs in an episode and goes on; then requests that are 0.25 s old."""
    graph, found = bench.graph('whole'), Findings()
    begin(graph)
    hung = graph.children.running[POLICY].pid
    os.kill(hung, signal.SIGSTOP)
    since = graph.latest.decisions[-1].stamp
    graph.spin(HANGS)
    resumed = graph.now()
    os.kill(hung, signal.SIGCONT)
    graph.spin(0.6)
    _expect_new_motion(found, graph, since, resumed)
    asked = person(graph)
    graph.spin(0.5)
    graph.arm()
    graph.executed.clear()
    graph.reasons.clear()
    for _ in range(8):
        graph.request(asked, stamp=graph.now() - OLD)
        graph.spin(0.08)
    _, commands = let_out(graph, 0)
    found.expect(
        np.abs(commands).max() == 0.0 and 'request_stale' in reasons_said(graph),
        'requests that are 0.25 s old move nothing',
    )
    return found.seen()


def jitter(bench: Bench) -> Seen:
    """Fault 35: late ticks, slow transport, lost messages, through a 1 kHz controller."""
    found = Findings()
    worst, _ = _worst(found, 'jitter', wander)
    found.expect(
        max(worst.values()) <= EXACT,
        'at most {speed_of_cap:.3f} of the cap, {acceleration_of_profile:.3f} and '
        '{jerk_of_profile:.3f} of acceleration and jerk of the profile, {jerk_of_official:.2f} of '
        "the robot's jerk",
        **worst,
    )
    return found.seen()


def two_sources(bench: Bench) -> Seen:
    """Fault 41: policy and person ask at the same time, in an episode."""
    graph, found = bench.graph('whole'), Findings()
    identity = begin(graph)
    graph.drive([0.0] * 9, 0.5)
    guard = state(graph, lambda guard: True, 'the guard')
    found.expect(
        guard.source == 'policy' and graph.speed() > STILL, 'the policy drives, a person is heard'
    )
    taken = graph.now()
    graph.graph.call(GUARD, 'set_intervention', True)
    graph.drive([0.0] * 9, 1.0)
    found.expect(graph.latest.guard.source == 'teleop', 'with the switch the person drives')
    found.expect(
        graph.speed() < STILL,
        'the arm stands as asked: {speed_rad_s:.3f} rad/s',
        speed_rad_s=graph.speed(),
    )
    ticks, commands = let_out(graph, taken)
    change = np.abs(np.diff(commands, axis=0)).max()
    most = 5.0 * 0.006 * 1.01  # acceleration times one and a half ticks
    found.expect(change <= most, 'a ramp: at most {change:.4f} rad/s a tick', change=change)
    found.rest = float(ticks[np.abs(commands).max(axis=1) > 0.0].max())
    graph.graph.call(GUARD, 'set_intervention', False)
    graph.wait(lambda: graph.speed() > 0.15, 5, "the policy's motion")
    graph.graph.call(GUARD, 'disarm')
    graph.graph.call(RECORDER, 'end_episode', False)
    graph.wait(lambda: graph.latest.recorder.state == 'idle', 5, 'the end')
    with Dataset.open(graph.dataset) as dataset:
        marked = np.flatnonzero(read_episode(dataset.find(identity).path).intervention)
    whole = len(marked) and np.ptp(marked) == len(marked) - 1
    found.expect(
        bool(whole) and 10 <= len(marked) <= 17,
        '{rows} rows of it are marked as intervention',
        rows=len(marked),
    )
    return found.seen()


def _worst(found: Findings, what: str, ask: Ask) -> tuple[dict[str, float], float]:
    """Returns the largest share of each limit and the least room [rad] of robots and profiles."""
    worst, room, names = dict.fromkeys((*OWN, *OFFICIAL), 0.0), np.inf, ('fr3', 'panda')
    for robot in map(load_robot, names):
        for profile in ('commissioning', 'normal', 'ceiling'):
            seen: Any = measure(robot, profile, drive(robot, profile, SECONDS, 1, Link(), ask))
            worst = {key: max(worst[key], float(seen[key])) for key in worst}
            room = min(room, seen['room_to_limits_rad'])
            if seen['refused']:
                found.expect(False, f'{what}, {robot.name} {profile}: a trajectory is refused')
    return worst, room


def _expect_new_motion(found: Findings, graph: RunningGraph, since: int, resumed: int) -> None:
    """Expects a stop, and after it a motion that begins with an image of its own."""
    stop = braking(graph, since, 'request_stale')
    found.expect(
        0.19 < stop.begins < 0.23,
        'braking {stale_s:.3f} s after the stamp of its last image',
        stale_s=stop.begins,
    )
    ticks, commands = let_out(graph, since)
    moving, hangs = np.abs(commands).max(axis=1) > 0.0, (resumed - since) * 1e-9
    ends = float(ticks[moving & (ticks < hangs)].max())
    stop = stop._replace(ends=ends, rest=rest_after(graph, since, resumed))
    again = float(ticks[moving & (ticks >= hangs)].min(initial=np.inf))
    fresh = [d.stamp for d in graph.latest.decisions if d.stamp > resumed - STALE]
    found.expect(
        bool(fresh) and again >= (min(fresh) - since) * 1e-9 and np.isfinite(again),
        'motion begins anew, from rest, {again_s:.2f} s after it goes on',
        again_s=again - hangs,
    )
    graph.graph.call(GUARD, 'disarm')
    state(graph, lambda guard: guard.at_rest, 'rest')
    graph.spin(0.3)
    expect_stop(found, graph, stop)


def _huge(rng: np.random.Generator, wanted: np.ndarray, most: np.ndarray) -> np.ndarray:
    return np.where(rng.random(len(wanted)) < 0.5, -1e30, 1e30)


def _flips(rng: np.random.Generator, wanted: np.ndarray, most: np.ndarray) -> np.ndarray:
    return -wanted if wanted.any() else most
