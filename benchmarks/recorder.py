"""Records two large cameras and a kilohertz of joints over DDS: what is lost, and what it costs.

    cameras (a process)  joints (a process)  policy and guard (a process) -> the recorder's node

In: seconds; raw images or compressed ones. Out: JSON with what each stream offered and what is on
file of it, rows, the recorder's share of a core, MB/s and the slope of its memory. A message is
known by its header's stamp: those that were published between 0.2 s after the episode's begin and
0.2 s before its end are looked for in the file. Images are drawn scenes with a sensor's noise.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
import yaml
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage

from moto_core.config import config_file
from moto_core.episodes.messages import encode_image, encode_joints
from moto_core.episodes.reader import Reading
from moto_core.guard.limits import RobotConfig, load_robot
from moto_core.ros_domain import own_domain
from moto_core.row import Row
from moto_core.spec import Spec
from moto_ros.bringup import table
from moto_ros.bringup.children import Children
from moto_ros.bringup.graph import RosGraph
from moto_ros.loops.twin_scene import TwinSim
from moto_ros.messages import Decision, EpisodeEvent, GuardReasons, GuardState, PolicyStatus
from moto_ros.services import RECORDER
from moto_ros.wire import interface
from moto_ros.wire.environment import DISCOVERY, prepare_environment
from moto_ros.wire.interface import Topic, to_string

VIEWS = ('front', 'near')
HEIGHT, WIDTH = 480, 640  # [px]
SEEN = 64  # [px] of what the policy sees
CAMERA_RATE, JOINT_RATE, GUARD_RATE, STATUS_RATE = 30.0, 1000.0, 250.0, 10.0  # [Hz]
DRAWINGS = 'drawings.npz'
DRAWN = 20  # different images of each camera
NOISE = 2.0  # [grey levels] of a sensor
EDGE = 200_000_000  # [ns] at both ends that do not count
SAMPLE = 1.0  # [s] between looks at the recorder's memory
STAMP = struct.Struct('<iI')  # a header's, after the four bytes of CDR
Images = Mapping[str, np.ndarray]  # of each camera (DRAWN, HEIGHT, WIDTH, 3) uint8
Speak = Callable[[Any, Spec, Images, dict[str, list[int]]], Callable[[], None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=60.0, help='of the episode')
    parser.add_argument(
        '--compressed', action='store_true', help='CompressedImage (JPEG), recorded as it comes'
    )
    parser.add_argument('--compression', default='lz4', help='record.compression')
    parser.add_argument('--folder', help='where the episode is written for a while')
    parser.add_argument('--json', type=Path, help='file for the result, beside stdout')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        result = {
            'benchmark': 'recorder',
            'images': 'compressed' if args.compressed else 'raw',
            'seconds': args.seconds,
            'machine': f'{platform.machine()}, {os.cpu_count()} cores',
            'load': os.getloadavg()[0],
            'compression': args.compression,
            **measured(Path(folder), args),
        }
    text = json.dumps(result, indent=1)
    if args.json:
        args.json.write_text(text + '\n')
    print(text)


def measured(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Returns the numbers of one episode."""
    os.environ['ROS_DOMAIN_ID'] = str(own_domain())
    os.environ[DISCOVERY] = 'LOCALHOST'
    base = dict(os.environ)  # a user's, from which each process's is made
    prepare_environment()
    robot = write_robot(folder)
    np.savez(folder / DRAWINGS, **{view: drawn(load_robot(str(robot)), view) for view in VIEWS})
    spawn = multiprocessing.get_context('spawn')
    quiet = spawn.Event()
    images = compressed_cameras if args.compressed else cameras
    speakers = [
        spawn.Process(target=speak, args=(speaker, robot, folder, quiet))
        for speaker in (images, joints, policy_and_guard)
    ]
    rclpy.init()
    children = Children(table.environment(base, sim=False))
    graph = RosGraph(rclpy.create_node('moto_bench'))
    try:
        for process in speakers:
            process.start()
        start(children, base, robot, folder, args)
        graph.wait(lambda: graph.latest.recorder and graph.latest.policy, 60, 'the recorder')
        graph.spin(0.5)
        begin, end, samples = episode(graph, children, args.seconds)
    finally:
        quiet.set()
        for process in speakers:
            if process.pid is not None:
                process.join(30)
        children.stop()
        graph.close()
        rclpy.try_shutdown()
    return {**counted(folder, begin, end), **cost(samples, folder)}


def write_robot(folder: Path) -> Path:
    """Writes an arm with two cameras; returns its YAML."""
    data = yaml.safe_load(config_file('robot', 'kitchen_sim').read_text())
    data['spec']['cameras'] = {
        view: {'topic': f'/camera/{view}/image_raw', 'height': SEEN, 'width': SEEN}
        for view in VIEWS
    }
    path = folder / 'robot.yaml'
    path.write_text(yaml.safe_dump(data))
    return path


def start(
    children: Children, base: dict[str, str], robot: Path, folder: Path, args: argparse.Namespace
) -> None:
    """Starts the recorder's process, and the one that takes it to active."""
    found = table.processes(
        {
            'sim': 'false',
            'robot_type': str(robot),
            'dataset': str(folder / 'dataset'),
            'task': 'measure',
            'joint_states': interface.JOINT_STATES.name,
            'log_level': 'warn',
            'record.joint_rate': str(JOINT_RATE),
            'record.image_rate': str(CAMERA_RATE),
            'record.image_bandwidth': '100.0',
            'record.compression': args.compression,
            'record.longest': '0',  # an episode is as long as the measurement
            'command.limits_are_of_no_real_arm': 'true',  # no arm is there
            **({'compressed': json.dumps(list(VIEWS))} if args.compressed else {}),
        }
    )
    by_name = {process.node: process for process in found}
    manager = replace(by_name[table.MANAGER], arguments=(RECORDER,))
    for process in (by_name[RECORDER], manager):
        own = table.own_environment(process, base, sim=False)
        children.start(process.node, table.command(process), own)


def episode(
    graph: RosGraph, children: Children, seconds: float
) -> tuple[int, int, list[tuple[float, float, float]]]:
    """Records for so long; returns its first and last time [ns], and (s, MB, s of processor)."""
    graph.call(RECORDER, 'start_episode')
    begin, started, samples = graph.now(), time.monotonic(), []
    process = Path('/proc') / str(children.running[RECORDER].pid)
    while (at := time.monotonic() - started) < seconds:
        if not samples or at - samples[-1][0] >= SAMPLE:
            samples.append((at, *size(process)))
        graph.spin()
    end = graph.now()
    graph.call(RECORDER, 'end_episode', True)
    graph.wait(lambda: graph.latest.recorder.state == 'idle', 60, 'the end of the episode')
    return begin, end, samples


def size(process: Path) -> tuple[float, float]:
    """Returns a process's memory [MB] and processor time [s]."""
    pages = int((process / 'statm').read_text().split()[1])
    ticks = (process / 'stat').read_text().rsplit(')', 1)[1].split()[11:13]
    return (
        pages * os.sysconf('SC_PAGE_SIZE') / 1e6,
        sum(map(int, ticks)) / os.sysconf('SC_CLK_TCK'),
    )


def counted(folder: Path, begin: int, end: int) -> dict[str, Any]:
    """Returns what was offered, recorded and dropped of each stream, and the rows."""
    offered: dict[str, Any] = {}
    for path in folder.glob('*.stamps.npz'):
        offered.update(np.load(path))
    (path,) = (folder / 'dataset').glob('episodes/*/episode.mcap')
    found: dict[str, list[int]] = {'rows': []}
    reading = Reading(path, raw=True)
    for item in reading:
        if isinstance(item, Row):
            found['rows'].append(item.stamp)
        elif item.message_type != interface.type_name(interface.GUARD_STATE.type):
            seconds, nanoseconds = STAMP.unpack_from(item.cdr, 4)
            found.setdefault(item.topic, []).append(seconds * 1_000_000_000 + nanoseconds)
    streams = {}
    for name, stamps in offered.items():
        inside = stamps[(stamps >= begin + EDGE) & (stamps <= end - EDGE)]
        kept = np.isin(inside, found.get(name, []))
        streams[name] = {
            'offered': len(inside),
            'recorded': int(kept.sum()),
            'dropped': int((~kept).sum()),
            'offered_hz': float((len(inside) - 1) * 1e9 / (inside[-1] - inside[0])),
        }
    return {'damage': reading.damage, 'streams': streams}


def cost(samples: list[tuple[float, float, float]], folder: Path) -> dict[str, Any]:
    """Returns the recorder's share of a core, its memory and what it wrote."""
    at, memory, processor = np.array(samples).T
    later = at >= at[-1] / 4  # after queues and caches are filled
    (path,) = (folder / 'dataset').glob('episodes/*/episode.mcap')
    written = path.stat().st_size / 1e6
    return {
        'cores': float((processor[-1] - processor[0]) / (at[-1] - at[0])),
        'mb_per_s': written / float(at[-1]),
        'memory_mb': float(memory[-1]),
        'memory_mb_an_hour': float(np.polyfit(at[later], memory[later], 1)[0] * 3600),
    }


def speak(make: Speak, robot: Path, folder: Path, quiet: Any) -> None:
    """Publishes until `quiet` is set, in a process of its own; leaves the stamps [ns] on file."""
    prepare_environment()
    rclpy.init()
    node = rclpy.create_node(f'bench_{make.__name__}')
    told: dict[str, list[int]] = {}
    rate = {'joints': JOINT_RATE, 'policy_and_guard': GUARD_RATE}.get(make.__name__, CAMERA_RATE)
    once = make(node, load_robot(str(robot)).spec, dict(np.load(folder / DRAWINGS)), told)
    due = time.monotonic()
    while not quiet.is_set():
        once()
        due = max(due + 1.0 / rate, time.monotonic() - 0.1)
        time.sleep(max(0.0, due - time.monotonic()))
    np.savez(
        folder / f'{make.__name__}.stamps',
        **{name: np.array(stamps) for name, stamps in told.items()},
    )
    node.destroy_node()
    rclpy.try_shutdown()


def stamped(node: Any, topic: Topic, told: dict[str, list[int]]) -> Callable[[bytes], None]:
    """Returns a function that publishes a serialised message with the time of now in it."""
    publisher = node.create_publisher(topic.type, topic.name, topic.publisher)
    stamps = told.setdefault(topic.name, [])

    def publish(cdr: bytes) -> None:
        data, now = bytearray(cdr), time.time_ns()
        STAMP.pack_into(data, 4, *divmod(now, 1_000_000_000))
        stamps.append(now)
        publisher.publish(bytes(data))

    return publish


def drawn(robot: RobotConfig, view: str) -> np.ndarray:
    """Returns (DRAWN, HEIGHT, WIDTH, 3): the moving simulated robot as a sensor sees it."""
    sim, noise = TwinSim('kitchen-microwave', robot), np.random.default_rng(0)
    sim.start(0)
    found = []
    for _ in range(DRAWN):
        sim.advance(1)
        image = sim.render(view, HEIGHT, WIDTH) + noise.normal(0, NOISE, (HEIGHT, WIDTH, 3))
        found.append(np.clip(image, 0, 255).astype(np.uint8))
    return np.array(found)


def cameras(
    node: Any, spec: Spec, images: Images, told: dict[str, list[int]]
) -> Callable[[], None]:
    """Publishes the next raw image of each camera at each call."""
    found = {view: [encode_image(image, 0, view) for image in images[view]] for view in VIEWS}
    return _cameras(node, interface.CAMERA, '', found, spec, told)


def compressed_cameras(
    node: Any, spec: Spec, images: Images, told: dict[str, list[int]]
) -> Callable[[], None]:
    """Publishes the next image of each camera as JPEG at each call."""
    found: dict[str, list[bytes]] = {}
    for view in VIEWS:
        for image in images[view]:
            data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
            message = CompressedImage(format='rgb8; jpeg compressed bgr8', data=data.tobytes())
            message.header.frame_id = view
            found.setdefault(view, []).append(serialize_message(message))
    return _cameras(node, interface.COMPRESSED_CAMERA, '/compressed', found, spec, told)


def _cameras(
    node: Any,
    topic: Topic,
    suffix: str,
    images: Mapping[str, list[bytes]],
    spec: Spec,
    told: dict[str, list[int]],
) -> Callable[[], None]:
    publish = {
        view: stamped(node, topic.at(spec.cameras[view].topic + suffix), told) for view in VIEWS
    }
    count = 0

    def once() -> None:
        nonlocal count
        count += 1
        for view in VIEWS:
            publish[view](images[view][count % DRAWN])

    return once


def joints(
    node: Any, spec: Spec, images: Images, told: dict[str, list[int]]
) -> Callable[[], None]:
    """Publishes the joints' state at each call."""
    topic, names = interface.JOINT_STATES, spec.names
    publish = stamped(node, topic.at('/' + topic.name), told)
    noise = np.random.default_rng(0)

    def once() -> None:
        values = noise.normal(0, 1, (2, len(names)))
        publish(encode_joints(names, 0, position=values[0], velocity=values[1]))

    return once


def policy_and_guard(
    node: Any, spec: Spec, images: Images, told: dict[str, list[int]]
) -> Callable[[], None]:
    """Publishes one tick of the guard at each call, and what policy and guard say now and then."""
    return Graph(node, spec, images, told).once


class Graph:
    """What a policy and a guard say around an episode."""

    def __init__(self, node: Any, spec: Spec, images: Images, told: dict[str, list[int]]) -> None:
        self.node, self.spec, self.rows = node, spec, told.setdefault('rows', [])
        self.ticks, self.number, self.episode = 0, 0, ''
        self.executed = self._publisher(interface.EXECUTED)
        self.reasons = self._publisher(interface.GUARD_REASONS)
        self.guard = self._publisher(interface.GUARD_STATE)
        self.status = self._publisher(interface.POLICY_STATUS)
        self.decided = self._publisher(interface.DECISION)
        self.seen = {view: self._publisher(interface.observation(view)) for view in VIEWS}
        self.images = {
            view: [cv2.resize(image, (SEEN, SEEN)) for image in images[view]] for view in VIEWS
        }
        topic = interface.EPISODE
        reader = interface.payload_reader(topic, self._event, node.get_logger().error)
        node.create_subscription(topic.type, topic.name, reader, topic.subscription)

    def once(self) -> None:
        """Publishes one tick, and every 20th a decision, every 25th the states."""
        now = time.time_ns()
        rclpy.spin_once(self.node, timeout_sec=0.0)
        velocity = np.full(self.spec.action_size, 0.1)
        self.executed.publish(encode_joints(self.spec.names, now, velocity=velocity))
        if self.ticks % round(GUARD_RATE / STATUS_RATE) == 0:
            self._states(now)
        if self.ticks % round(GUARD_RATE * self.spec.period) == 0 and self.episode:
            self._decide(now)
        self.ticks += 1

    def _states(self, now: int) -> None:
        self.reasons.publish(
            to_string(GuardReasons(stamp=now, state='RUNNING', source='policy', reasons=()))
        )
        self.guard.publish(
            to_string(
                GuardState(
                    state='RUNNING',
                    dry_run=False,
                    source='policy',
                    cause=(),
                    refusal='',
                    reasons=('velocity',),
                    at_rest=False,
                    scale=1.0,
                    from_home=0.1,
                    profile='normal',
                    limits='0' * 64,
                    ticks=self.ticks,
                    late=0,
                    interventions={},
                )
            )
        )
        self.status.publish(
            to_string(
                PolicyStatus(
                    policy='measure',
                    decisions=self.number,
                    missed=0,
                    refused=0,
                    waiting=False,
                    reasons=(),
                    differences=(),
                    surprise=0.0,
                    slow=None,
                    hold=None,
                    speed_scale=1.0,
                    successor='',
                    problem='',
                )
            )
        )

    def _decide(self, now: int) -> None:
        for view in VIEWS:
            self.seen[view].publish(
                encode_image(self.images[view][self.number % DRAWN], now, view)
            )
        self.decided.publish(
            to_string(
                Decision(
                    stamp=now,
                    episode=self.episode,
                    number=self.number,
                    action=(0.1,) * self.spec.action_size,
                    disagreement=0.0,
                    surprise=0.0,
                    speed_scale=1.0,
                    proprioception=None,
                    image_latency=1.0,
                    inference_latency=1.0,
                    request_latency=1.0,
                    missed=0,
                )
            )
        )
        self.rows.append(now)
        self.number += 1

    def _event(self, event: EpisodeEvent) -> None:
        self.episode = event.episode if event.state == 'started' else ''
        self.number = 0

    def _publisher(self, topic: Topic) -> Any:
        return self.node.create_publisher(topic.type, topic.name, topic.publisher)


if __name__ == '__main__':
    main()
