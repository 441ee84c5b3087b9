"""Times one tick of the guard for 7 joints: JSON to standard output.

Run as `python benchmarks/guard_step.py [--ticks 20000] [--robot fr3] [--profile normal]`. A policy
draws a new request each 20 ticks, now and then against a limit; CPU time, not the wall's.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from moto_core.guard.brake import Knot, stop_from
from moto_core.guard.simulated import Guarded


def measure(robot: str, profile: str, ticks: int) -> dict[str, object]:
    """Returns p50, p95, p99 and mean [us] of a tick, and of a stop."""
    guarded, rng = Guarded(robot, profile), np.random.default_rng(0)
    position, dt = np.array(guarded.robot.home), guarded.config.tick
    velocity = np.zeros_like(position)
    cost, brake = [], []
    for k in range(ticks):
        if k % 20 == 0:
            request = rng.choice([-1.0, 1.0], guarded.spec.action_size) * guarded.spec.scale
        begin = time.process_time_ns()
        output = guarded.tick(request, position, velocity, k * dt)
        cost.append((time.process_time_ns() - begin) * 1e-3)
        velocity = output.velocity
        if k % 50 == 0:
            knot = Knot(
                time=0.0, position=position, velocity=velocity, acceleration=0.0 * velocity
            )
            begin = time.process_time_ns()
            stop_from(guarded.limits, knot)
            brake.append((time.process_time_ns() - begin) * 1e-3)
        position = position + velocity * dt
    return {
        'robot': robot,
        'profile': profile,
        'ticks': ticks,
        'budget_us': 150.0,
        'guard_step_us': _summary(cost),
        'stop_from_us': _summary(brake),
    }


def _summary(values: list[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {
        'mean': round(float(np.mean(values)), 1),
        'p50': round(float(p50), 1),
        'p95': round(float(p95), 1),
        'p99': round(float(p99), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--ticks', type=int, default=20000)
    parser.add_argument('--robot', default='fr3')
    parser.add_argument('--profile', default='normal')
    args = parser.parse_args()
    print(json.dumps(measure(args.robot, args.profile, args.ticks), indent=2))


if __name__ == '__main__':
    main()
