"""What the guard and the policy cost at the rate at which an arm says its joints: JSON to stdout.

Run as `python benchmarks/joint_rate.py [--rates 125 1000] [--seconds 30]`. Both nodes as a real
arm's bring-up starts them, in a dry run, beside a process that says where an FR3 stands, at home;
the guard is not armed. A core's share is processor time over the wall's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rclpy

from moto_core.guard.limits import load_robot
from moto_core.ros_domain import own_domain
from moto_ros.bringup import table
from moto_ros.bringup.children import Children
from moto_ros.bringup.graph import RosGraph
from moto_ros.services import GUARD, POLICY
from moto_ros.wire import interface
from moto_ros.wire.environment import DISCOVERY, prepare_environment
from moto_ros.wire.joints import joint_state

TOPIC = 'franka/joint_states'
GIVEN = {'sim': 'false', 'robot_type': 'fr3', 'policy': 'random', 'task': 'measure'}


def main() -> None:
    """Measures at each rate, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rates', type=float, nargs='+', default=[125.0, 1000.0], help='[Hz]')
    parser.add_argument('--seconds', type=float, default=30.0)
    args = parser.parse_args()
    os.environ['ROS_DOMAIN_ID'] = str(own_domain())
    os.environ[DISCOVERY] = 'LOCALHOST'
    base = dict(os.environ)  # a user's, from which each process's is made
    prepare_environment()
    print(json.dumps([measured(rate, args.seconds, base) for rate in args.rates], indent=1))


def measured(rate: float, seconds: float, base: dict[str, str]) -> dict[str, Any]:
    """Returns what both cost at a rate [Hz] of joint states."""
    spawn = multiprocessing.get_context('spawn')
    quiet = spawn.Event()
    arm = spawn.Process(target=stand, args=(rate, quiet))
    rclpy.init()
    children = Children(table.environment(base, sim=False))
    graph = RosGraph(rclpy.create_node('moto_bench'))
    try:
        arm.start()
        by_name = {one.node: one for one in table.processes({**GIVEN, 'log_level': 'error'})}
        manager = replace(by_name[table.MANAGER], arguments=(GUARD, POLICY))
        for process in (by_name[GUARD], by_name[POLICY], manager):
            own = table.own_environment(process, base, sim=False)
            children.start(process.node, table.command(process), own)
        graph.wait(lambda: graph.latest.guard and graph.latest.policy, 60, 'guard and policy')
        graph.hear(2.0)
        before, spent, begin = graph.latest.guard, _spent(children), time.monotonic()
        graph.hear(seconds)
        after, end = graph.latest.guard, time.monotonic()
        found = {
            f'{node}_core': round((now - spent[node]) / (end - begin), 3)
            for node, now in _spent(children).items()
        }
        ticks = after.ticks - before.ticks
        return {'joint_hz': rate, **found, 'ticks': ticks, 'late': after.late - before.late}
    finally:
        quiet.set()
        arm.join(10)
        children.stop()
        graph.close()
        rclpy.try_shutdown()


def stand(rate: float, quiet: Any) -> None:
    """Says where an FR3 stands until `quiet` is set, in a process of its own."""
    prepare_environment()
    rclpy.init()
    node, robot = rclpy.create_node('bench_arm'), load_robot('fr3')
    topic = interface.JOINT_STATES.at(TOPIC)
    publisher = node.create_publisher(topic.type, topic.name, topic.publisher)
    names, still = robot.spec.joints, np.zeros(len(robot.spec.joints))
    due = time.monotonic()
    while not quiet.is_set():
        now = node.get_clock().now().nanoseconds
        publisher.publish(joint_state(names, now, still, np.array(robot.home)))
        due = max(due + 1.0 / rate, time.monotonic() - 0.1)
        time.sleep(max(0.0, due - time.monotonic()))
    node.destroy_node()
    rclpy.try_shutdown()


def _spent(children: Children) -> dict[str, float]:
    """Returns the processor time [s] that each node has had."""
    tick, found = os.sysconf('SC_CLK_TCK'), {}
    for node in (GUARD, POLICY):
        words = Path(f'/proc/{children.running[node].pid}/stat').read_text().rpartition(')')[2]
        found[node] = sum(map(int, words.split()[11:13])) / tick
    return found


if __name__ == '__main__':
    main()
