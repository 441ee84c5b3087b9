"""What a controller at 1 kHz makes of the guard's trajectories: JSON to standard output.

Run as `python benchmarks/trajectory.py [--seconds 60] [--robot fr3 panda] [--profile commissioning
normal ceiling] [--seed 0]`. A policy asks for other velocities, up to three times the cap, at half
of its decisions; the controller's positions give multiples of the profile's limits and of the
robot's published ones, and what Franka's reflexes say (moto_ros/chaos/twin_link.py). `--stall 0.06
0.5`: the guard stands still for so long, one second apart. `--lag 0.04 --joint-rate 30`: the arm
follows 40 ms late, and its joint states come at 30 Hz.
"""

from __future__ import annotations

import argparse
import json

from moto_core.guard.limits import load_robot
from moto_ros.chaos.twin_link import Link, drive, measure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--robot', nargs='+', default=['fr3', 'panda'])
    parser.add_argument('--profile', nargs='+', default=['commissioning', 'normal', 'ceiling'])
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--lag', type=float, default=0.0)
    parser.add_argument('--joint-rate', type=float, default=125.0)
    parser.add_argument('--stall', nargs='*', type=float, default=[])
    args = parser.parse_args()
    stalls, begin = [], 2.0
    for length in args.stall:
        stalls.append((begin, length))
        begin += length + 1.0
    found = []
    for robot in map(load_robot, args.robot):
        for profile in args.profile:
            link = Link(lag=args.lag, joint_rate=args.joint_rate, stalls=tuple(stalls))
            motion = drive(robot, profile, args.seconds, args.seed, link)
            found.append(measure(robot, profile, motion))
    print(json.dumps(found, indent=1))


if __name__ == '__main__':
    main()
