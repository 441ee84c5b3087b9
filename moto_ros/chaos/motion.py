"""How an arm came to rest: what the guard let out and what the joints did, since a moment.

In: a RunningGraph's joint states, commands and reasons. Out: times [s], speeds [rad/s].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moto_ros.chaos.fault import Findings
from moto_ros.chaos.running import RunningGraph, longest_gap
from moto_ros.wire.convert import to_ns

MOVING = 0.1  # [rad/s] the most that a stopped servo creeps
STILL = 0.03  # [rad/s] when it has settled
SHARE = 0.06  # [s] of a stop beside v/b: the jerk's share and the last ticks
SERVOS = 0.1  # [s] by which the Kitchen's servos follow late
TAIL = 0.4  # [s] from 0.4 rad/s: the delay, the brake, the jerk's share, the servos
HEARD = 0.15  # [s] the longest gap in what is heard that a measurement allows


class Braking(NamedTuple):
    """One stop, times since the fault."""

    begins: float  # [s] when the guard said why
    speed: float  # [rad/s] let out then
    ends: float  # [s] of the last command that is not 0
    rest: float  # [s] when the joints were last faster than MOVING


def rest_after(graph: RunningGraph, since: int, until: int = 2**62) -> float:
    """Returns when [s] since a moment [ns] a joint last moved, `until` another; 0 if none did."""
    stamps, _, velocity = graph.motion()
    if not len(stamps):
        return float('nan')
    fast = (np.abs(velocity).max(axis=1) > MOVING) & (stamps >= since) & (stamps < until)
    return float((stamps[fast].max() - since) * 1e-9) if fast.any() else 0.0


def reason_after(graph: RunningGraph, since: int, *reasons: str) -> float:
    """Returns when [s] since a moment [ns] the guard first gave one of the reasons; inf: never."""
    stamps = [
        change.stamp
        for change in graph.reasons
        if change.stamp >= since and any(reason in change.reasons for reason in reasons)
    ]
    return (min(stamps) - since) * 1e-9 if stamps else float('inf')


def reasons_said(graph: RunningGraph) -> set[str]:
    """Returns every reason that the guard gave since the list was cleared."""
    return {reason for change in graph.reasons for reason in change.reasons}


def let_out(graph: RunningGraph, since: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns times [s] since a moment [ns] and the arm's commands (T, 7) [rad/s]."""
    ticks = np.array([(to_ns(m.header.stamp) - since) * 1e-9 for m in graph.executed])
    return ticks, np.array([m.velocity[:7] for m in graph.executed]).reshape(-1, 7)


def braking(graph: RunningGraph, since: int, *reasons: str) -> Braking:
    """Returns the stop that began, with one of the reasons, after a moment [ns]."""
    begins = reason_after(graph, since, *reasons)
    ticks, commands = let_out(graph, since)
    speeds = np.abs(commands).max(axis=1) if len(commands) else np.zeros(0)
    before = speeds[(ticks <= begins) & (ticks > begins - 0.02)]
    moving = ticks[speeds > 0.0]
    return Braking(
        begins=begins,
        speed=float(before.max()) if len(before) else 0.0,
        ends=float(moving.max()) if len(moving) else 0.0,
        rest=rest_after(graph, since),
    )


def expect_stop(found: Findings, graph: RunningGraph, stop: Braking, late: float = 0.0) -> None:
    """Expects a stop of at most v/b + 0.06 s, `late` [s] more at the joints, which then stand."""
    brake = graph.robot.profiles['normal'].brake
    bound = stop.begins + stop.speed / brake + SHARE
    found.rest = stop.rest
    found.expect(
        stop.ends <= bound,
        'from {speed_rad_s:.2f} rad/s the last command that moves is sent at {stop_s:.3f} s '
        '(bound {bound_s:.3f} s)',
        speed_rad_s=stop.speed,
        stop_s=stop.ends,
        bound_s=bound,
    )
    found.expect(
        stop.rest <= bound + late + SERVOS and graph.speed() < STILL,
        'joints at rest after {rest_s:.3f} s',
        rest_s=stop.rest,
    )


def expect_heard(found: Findings, graph: RunningGraph, since: int, seconds: float = 1.0) -> None:
    """Expects that no silence hides what was measured."""
    gap = longest_gap(graph.motion()[0], since, seconds)
    if gap >= HEARD:
        found.expect(False, 'joint states were silent for {gap_s:.2f} s', gap_s=gap)
    else:
        found.numbers['gap_s'] = gap
