"""Faults of policies on disk: missing, damaged, for another robot, wrong, without their GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from sensor_msgs.msg import Image, JointState

from moto_core.errors import MotoError, one_line
from moto_core.guard.limits import load_robot
from moto_core.policy.policy import OnnxPolicy
from moto_ros.chaos.acting import hearing, publishing
from moto_ros.chaos.bench import Bench, point, tiny
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.rosout import ROSOUT, said
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import POLICY
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.joints import joint_state

GPU = ('CUDAExecutionProvider', 'TensorrtExecutionProvider', 'ROCMExecutionProvider')


def no_model(bench: Bench) -> Seen:
    """Fault 13: a bundle that is missing, truncated, no ONNX, of a newer opset."""
    from moto_ros.chaos.tiny_bundle import encoder_onnx

    graph, found, folder = _unconfigured(bench), Findings(), bench.folder()
    spec = graph.robot.spec
    truncated = tiny(folder / 'truncated', spec)
    network = truncated / 'policy.onnx'
    network.write_bytes(network.read_bytes()[:-10])
    for what, path, texts in (
        ('missing', folder / 'nowhere', ['does not exist']),
        ('truncated', truncated, ['policy.onnx', 'truncated']),
        ('no ONNX', tiny(folder, spec, encoder=b'no network'), ['encoder.onnx']),
        ('opset 99', tiny(folder, spec, encoder=encoder_onnx(spec, opset=99)), ['encoder.onnx']),
    ):
        _expect_refusal(found, bench, graph, path, what, texts)
    _expect_taken(found, bench, graph)
    return found.seen()


def misfit(bench: Bench) -> Seen:
    """Fault 14: a bundle for another robot."""
    from moto_ros.chaos.tiny_bundle import SPEC

    graph, found = _unconfigured(bench), Findings()
    other = tiny(bench.folder(), SPEC)
    _expect_refusal(
        found, bench, graph, other, 'for another robot', ['joints', 'gripper', 'front']
    )
    _expect_taken(found, bench, graph)
    return found.seen()


def wrong_selftest(bench: Bench) -> Seen:
    """Fault 15: a self-test whose action is 0.01 away from what the networks give."""
    from moto_ros.chaos.tiny_bundle import selftest

    graph, found = _unconfigured(bench), Findings()
    arrays = selftest(graph.robot.spec)
    arrays['action'] = arrays['action'] + np.float32(0.01)
    bundle = tiny(bench.folder(), graph.robot.spec, selftest=arrays)
    _expect_refusal(found, bench, graph, bundle, 'self-test off by 0.01', ['self-test', 'action'])
    near = selftest(graph.robot.spec)
    near['action'] = near['action'] + np.float32(0.001)
    loose = tiny(bench.folder(), graph.robot.spec, selftest=near, manifest_tolerance=0.005)
    point(bench.link, loose)
    found.expect(
        graph.change(POLICY, 'CONFIGURE'), 'off by 0.001, where the bundle allows 0.005: taken'
    )
    graph.change(POLICY, 'CLEANUP')
    _expect_taken(found, bench, graph)
    return found.seen()


def no_gpu(bench: Bench) -> Seen:
    """Fault 17: a GPU that this computer lacks."""
    found, bundle = Findings(), tiny(bench.folder(), load_robot('kitchen_sim').spec)
    missing = [name for name in GPU if name not in onnxruntime.get_available_providers()][0]
    found.refused(lambda: OnnxPolicy(bundle, providers=[missing]), missing)
    policy = OnnxPolicy(bundle, providers=[missing, 'CPUExecutionProvider'])
    found.expect(
        policy.provider == 'CPUExecutionProvider', f'where it is allowed: {policy.provider}'
    )
    found.refused(
        lambda: OnnxPolicy(
            bundle, providers=[missing, 'CPUExecutionProvider'], latency_limit=1e-9
        ),
        'expected at most',
    )
    return found.seen()


def bad_swap(bench: Bench) -> Seen:
    """Fault 30: a reload in an episode, then one of a damaged bundle between two."""
    graph, found = bench.graph('policy'), Findings()
    good = bench.link.resolve()
    damaged = tiny(bench.folder(), graph.robot.spec, manifest_training={'seed': 1})
    network = damaged / 'policy.onnx'
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(bytes(content))
    with _Seeing(graph) as seeing:
        graph.graph.call(POLICY, 'start_episode')
        found.expect(seeing.decisions() > 5, 'it decides')
        found.refused(lambda: graph.graph.call(POLICY, 'reload_policy'), 'stop the episode')
        graph.graph.call(POLICY, 'stop_episode')
        point(bench.link, damaged)
        found.refused(lambda: graph.graph.call(POLICY, 'reload_policy'), 'policy.onnx')
        graph.graph.call(POLICY, 'start_episode')
        count = seeing.decisions()
        point(bench.link, good)
        status = graph.latest.policy
        found.expect(
            count > 5 and status is not None and status.policy == good.name,
            '{decisions} decisions of the one before it',
            decisions=count,
        )
        graph.graph.call(POLICY, 'stop_episode')
    return found.seen()


class _Seeing:
    """Shows a policy an arm that stands still, with images that change."""

    def __init__(self, graph: RunningGraph) -> None:
        self._graph, self._rng = graph, np.random.default_rng(0)
        camera = graph.robot.spec.cameras['front']
        self._shape = (camera.height, camera.width, 3)
        self._images = publishing(graph, Image, camera.topic, interface.SENSOR)
        self._joints = publishing(graph, JointState, 'joint_states', interface.SENSOR)

    def __enter__(self) -> _Seeing:
        self._camera, self._arm = self._images.__enter__(), self._joints.__enter__()
        self._timer = self._graph.node.create_timer(self._graph.robot.spec.period, self._show)
        return self

    def __exit__(self, *error: Any) -> None:
        self._graph.node.destroy_timer(self._timer)
        self._images.__exit__(*error)
        self._joints.__exit__(*error)

    def decisions(self) -> int:
        """Counts the decisions of one second."""
        self._graph.latest.decisions.clear()
        self._graph.spin(1.0)
        return len(self._graph.latest.decisions)

    def _show(self) -> None:
        graph, now = self._graph, self._graph.now()
        home = np.array([*graph.robot.home, 0.0, 0.0])
        self._arm.publish(joint_state(graph.robot.spec.names, now, np.zeros(9), home))
        image = self._rng.integers(0, 256, self._shape, np.uint8)
        self._camera.publish(from_rgb(image, now, 'front'))


def _unconfigured(bench: Bench) -> RunningGraph:
    """Returns a graph of a policy that is to be configured anew."""
    graph = bench.graph('policy')
    for transition in ('DEACTIVATE', 'CLEANUP'):
        if not graph.change(POLICY, transition):
            raise MotoError(f'{POLICY}: {transition} failed')
    return graph


def _expect_refusal(
    found: Findings, bench: Bench, graph: RunningGraph, path: Path, what: str, texts: list[str]
) -> None:
    """Expects the policy's node not to be configured with a bundle, and to say why."""
    point(bench.link, path)
    with hearing(graph, ROSOUT) as told:
        graph.wait(lambda: graph.node.count_publishers('/rosout') > 0, 5, '/rosout')
        graph.spin(0.3)
        taken = graph.change(POLICY, 'CONFIGURE')
        line = said(graph, told, POLICY, texts[0])
    met = not taken and all(text in line for text in texts)
    short = line.replace(str(path.parent), '...')
    found.expect(met, f'{what}: {one_line(short, 200) or "nothing that names it"}')


def _expect_taken(found: Findings, bench: Bench, graph: RunningGraph) -> None:
    """Expects the same node to be configured with a good bundle."""
    point(bench.link, tiny(bench.folder(), graph.robot.spec))
    taken = graph.change(POLICY, 'CONFIGURE') and graph.change(POLICY, 'ACTIVATE')
    found.expect(taken, 'a good one in the same process: active')
