"""Times the whole way over DDS: image stamp -> request -> command -> motion, and what grows.

    twin -> policy (onnxruntime) -> guard -> twin, the recorder beside them: five processes

In: rates, image sizes, seconds. Out: JSON with p50, p99 and the worst [ms] of each part, missed
periods, processor time of each process, and in a long run (`--seconds 1800`) the slope of memory,
open files and latency over time. The policy has the sizes of a preset and was not trained: it asks
the fingers for something else at each decision, by which a command is known to be its answer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import yaml
from sensor_msgs.msg import JointState

from moto_core.config import config_file, load_config
from moto_core.guard.limits import load_robot
from moto_core.ros_domain import own_domain
from moto_learning.agents.moto import MotoLearner
from moto_learning.config import Config
from moto_learning.export.export import export_bundle
from moto_ros.bringup import table
from moto_ros.bringup.children import Children
from moto_ros.bringup.graph import RosGraph
from moto_ros.loops.twin_scene import TwinSim
from moto_ros.messages import Decision
from moto_ros.services import GUARD, RECORDER
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns
from moto_ros.wire.environment import prepare_environment

VIEWS = ('front', 'near')
LONGEST = 0.1  # [s] between a command and a motion that is looked for
SAMPLE = 5.0  # [s] between looks at memory and files
DRAWN = 200  # times that the cameras are drawn without a graph
WARM = 3.0  # [s] at the beginning that do not count


class Heard:
    """What a run said."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.executed: list[tuple[int, np.ndarray]] = []  # [ns], (A,)
        self.joints: list[tuple[int, np.ndarray]] = []  # [ns], (A,) measured velocities


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--preset', default='demo', help='config/train/<name>: sizes of the policy'
    )
    parser.add_argument('--rates', type=float, nargs='+', default=[12.5, 50.0], help='[Hz]')
    parser.add_argument('--size', type=int, default=64, help='[px] of an image')
    parser.add_argument('--cameras', type=int, choices=(1, 2), default=1)
    parser.add_argument('--seconds', type=float, default=300.0, help='of each rate')
    parser.add_argument('--json', type=Path, help='file for the result, beside stdout')
    args = parser.parse_args()
    result: dict[str, Any] = {
        'benchmark': 'policy_latency',
        'preset': args.preset,
        'size': args.size,
        'cameras': args.cameras,
        'seconds': args.seconds,
        'machine': f'{platform.machine()}, {os.cpu_count()} cores',
        'rates': {f'{rate:g}': measured(args, rate) for rate in args.rates},
    }
    text = json.dumps(result, indent=1)
    if args.json:
        args.json.write_text(text + '\n')
    print(text)


def measured(args: argparse.Namespace, rate: float) -> dict[str, Any]:
    """Returns the numbers of one run at a rate [Hz]."""
    with tempfile.TemporaryDirectory() as folder:
        robot = write_robot(Path(folder), rate, args.size, args.cameras)
        spec = load_robot(str(robot)).spec
        learner = MotoLearner(load_config(Config, config_file('train', args.preset)), spec)
        bundle = export_bundle(learner, Path(folder) / 'bundle').path
        given = {
            'robot_type': str(robot),
            'policy': str(bundle),
            'dataset': str(Path(folder) / 'dataset'),
            'log_level': 'warn',
            'record.longest': '0',  # an episode is as long as the measurement
        }
        drawn = drawing(str(robot))
        with running(given) as (graph, children):
            heard, samples = run(graph, children, args.seconds)
    numbered = numbers(heard, rate, np.array(spec.scale))
    return {'drawing': marks(drawn), **numbered, **growth(samples)}


def drawing(robot: str) -> list[float]:
    """Returns what the twin takes [ms] to draw its cameras; images are stamped before it."""
    made = load_robot(robot)
    sim, taken = TwinSim('kitchen-microwave', made), []
    sim.start(0)
    for _ in range(DRAWN):
        sim.advance(1)
        begin = time.perf_counter()
        for name, camera in made.spec.cameras.items():
            sim.render(name, camera.height, camera.width)
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken


def write_robot(folder: Path, rate: float, size: int, cameras: int) -> Path:
    """Writes the simulated robot with another rate [Hz] and other cameras; returns its YAML."""
    data = yaml.safe_load(config_file('robot', 'kitchen_sim').read_text())
    data['spec']['rate'] = rate
    data['spec']['cameras'] = {
        view: {'topic': f'/camera/{view}/color/image_raw', 'height': size, 'width': size}
        for view in VIEWS[:cameras]
    }
    path = folder / 'robot.yaml'
    path.write_text(yaml.safe_dump(data))
    return path


@contextmanager
def running(given: dict[str, str]) -> Iterator[tuple[RosGraph, Children]]:
    """Runs the simulated graph in a domain of its own; everything has ended afterwards."""
    os.environ['ROS_DOMAIN_ID'] = str(own_domain())
    prepare_environment(profile='fastdds_udp')
    rclpy.init()
    children = Children(table.environment(os.environ, sim=True))
    graph = RosGraph(rclpy.create_node('moto_latency'))
    try:
        for process in table.processes({'sim': 'true', **given}):
            children.start(process.node, table.command(process))
        latest = graph.latest
        graph.wait(lambda: latest.guard and latest.policy and latest.recorder, 60, 'the graph')
        yield graph, children
    finally:
        children.stop()
        graph.close()
        rclpy.try_shutdown()


def run(graph: RosGraph, children: Children, seconds: float) -> tuple[Heard, list[dict[str, Any]]]:
    """Runs one episode of so many seconds; returns what was heard, and the processes' sizes."""
    heard, samples = Heard(), []
    for topic, kept in (
        (interface.EXECUTED, heard.executed),
        (replace(interface.JOINT_STATES, subscription=interface.SENSOR_READER), heard.joints),
    ):
        graph.node.create_subscription(JointState, topic.name, _keeper(kept), topic.subscription)
    graph.wait(lambda: bool(heard.joints), 20, 'joint states')
    graph.spin(0.5)
    graph.call(GUARD, 'arm')
    graph.call(RECORDER, 'start_episode')
    begin = time.monotonic()
    while time.monotonic() - begin < WARM:
        graph.spin()
    for kept in (heard.executed, heard.joints, graph.latest.decisions):
        kept.clear()
    begin = sampled = time.monotonic()
    samples.append(sample(children, 0.0))
    while time.monotonic() - begin < seconds:
        graph.spin()
        if time.monotonic() - sampled >= SAMPLE:
            sampled = time.monotonic()
            samples.append(sample(children, sampled - begin))
    samples.append(sample(children, time.monotonic() - begin))
    heard.decisions = list(graph.latest.decisions)
    graph.call(GUARD, 'disarm')
    graph.call(RECORDER, 'end_episode', False)
    return heard, samples


def _keeper(kept: list[tuple[int, np.ndarray]]) -> Any:
    return lambda message: kept.append(
        (to_ns(message.header.stamp), np.array(message.velocity, np.float32))
    )


def sample(children: Children, at: float) -> dict[str, Any]:
    """Returns memory [MB], open files and processor time [s] of each process at a time [s]."""
    found: dict[str, Any] = {'at': at}
    for name, child in children.running.items():
        if child.poll() is None:
            process = Path('/proc') / str(child.pid)
            pages = int((process / 'statm').read_text().split()[1])
            ticks = (process / 'stat').read_text().rsplit(')', 1)[1].split()[11:13]
            found[name] = {
                'memory_mb': pages * os.sysconf('SC_PAGE_SIZE') / 1e6,
                'files': len(os.listdir(process / 'fd')),
                'cpu_s': sum(map(int, ticks)) / os.sysconf('SC_CLK_TCK'),
            }
    return found


def numbers(heard: Heard, rate: float, scale: np.ndarray) -> dict[str, Any]:
    """Returns the latencies [ms] and the missed periods of a run."""
    decisions = heard.decisions
    stamps = np.array([stamp for stamp, _ in heard.executed])
    executed = np.array([velocity for _, velocity in heard.executed])
    return {
        'decisions': len(decisions),
        'missed': decisions[-1].missed - decisions[0].missed,
        'rate_hz': (len(decisions) - 1) * 1e9 / (decisions[-1].stamp - decisions[0].stamp),
        'stamp_to_request': marks([one.request_latency for one in decisions]),
        'stamp_to_arrival': marks([one.image_latency for one in decisions]),
        'arrival_to_request': marks(
            [one.request_latency - one.image_latency for one in decisions]
        ),
        'inference': marks([one.inference_latency for one in decisions]),
        'request_to_command': marks(answers(decisions, stamps, executed, scale)),
        'command_to_motion_ms': lag(stamps, executed, heard.joints),
        'quarters_p99_ms': [
            float(np.percentile([one.request_latency for one in part], 99))
            for part in np.array_split(np.array(decisions, dtype=object), 4)
        ],
    }


def marks(values: list[float]) -> dict[str, float]:
    """Returns p50, p99 and the worst of values [ms]."""
    return {
        'count': len(values),
        'p50_ms': float(np.percentile(values, 50)),
        'p99_ms': float(np.percentile(values, 99)),
        'max_ms': float(np.max(values)),
    }


def answers(
    decisions: list[Decision], stamps: np.ndarray, executed: np.ndarray, scale: np.ndarray
) -> list[float]:
    """Returns the time [ms] from each request to the first tick that lets its fingers' value out.

    Fingers follow a request at once; decisions whose value is the one before's are left out.
    """
    found, before = [], None
    for one in decisions:
        asked = float(np.clip(one.action[-1], -1.0, 1.0) * scale[-1])
        made = one.stamp + round(1e6 * one.request_latency)
        place = int(np.searchsorted(stamps, made - 1_000_000))
        near = executed[place : place + 60, -1]
        if before is not None and abs(asked - before) > 1e-4:
            there = np.flatnonzero(np.abs(near - asked) < 2e-5)
            if there.size:
                found.append(float(stamps[place + there[0]] - made) * 1e-6)
        before = asked
    return found


def lag(stamps: np.ndarray, executed: np.ndarray, joints: list[tuple[int, np.ndarray]]) -> float:
    """Returns how much later [ms] the arm moves than it is told, by the best fit of all joints."""
    at = np.array([stamp for stamp, _ in joints])
    moved = np.array([velocity for _, velocity in joints])[:, :7]
    inside = (at > stamps[0] + LONGEST * 1e9) & (at < stamps[-1])
    shifts = np.arange(0.0, LONGEST, 0.001)
    errors = []
    for shift in shifts:
        told = [
            np.interp(at[inside] - shift * 1e9, stamps, executed[:, joint]) for joint in range(7)
        ]
        errors.append(float(np.mean((moved[inside] - np.array(told).T) ** 2)))
    return float(shifts[int(np.argmin(errors))] * 1e3)


def growth(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns each process's share of a core, and how memory and open files change an hour."""
    found: dict[str, Any] = {}
    for name in samples[0]:
        if name == 'at' or name not in samples[-1]:
            continue
        later = [one for one in samples if name in one]
        half = later[len(later) // 4 :]  # after caches are filled
        at = [one['at'] for one in half]
        first, last = later[0], later[-1]
        found[name] = {
            'cores': (last[name]['cpu_s'] - first[name]['cpu_s']) / (last['at'] - first['at']),
            'memory_mb': last[name]['memory_mb'],
            'files': last[name]['files'],
        }
        if len(half) > 2:
            for key in ('memory_mb', 'files'):
                slope = np.polyfit(at, [one[name][key] for one in half], 1)[0]
                found[name][f'{key}_an_hour'] = float(slope * 3600)
    return {'processes': found}


if __name__ == '__main__':
    main()
