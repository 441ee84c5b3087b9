"""Times one decision: the exported bundle in onnxruntime against the same networks in torch.

In: a preset. Out: JSON on stdout with p50 and p99 [ms] of both, taken in turns in one run, and of
onnxruntime at the robot's own rate, where each step finds the processor's caches cold.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from moto_core.config import config_file, load_config
from moto_core.policy.policy import OnnxPolicy
from moto_core.spec import CameraSpec, Spec
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.torch_policy import TorchPolicy
from moto_learning.config import Config
from moto_learning.export.export import export_bundle
from moto_learning.export.rehearsal import drawn_observations

KITCHEN = Spec(
    joints=[f'panda_joint{i}' for i in range(1, 8)],
    gripper=['panda_finger_joint1', 'panda_finger_joint2'],
    action_scale=[2.0] * 9,
    rate=12.5,
    cameras={'front': CameraSpec()},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--preset', default='small', help='config/train/<name>')
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    agent = MotoLearner(load_config(Config, config_file('train', args.preset)), KITCHEN)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        path = export_bundle(agent, folder).path
        export_s = time.perf_counter() - begin
        size = sum(file.stat().st_size for file in Path(path).iterdir())
        begin = time.perf_counter()
        policies = {'onnx': OnnxPolicy(path, threads=args.threads), 'torch': TorchPolicy(agent)}
        load_s = time.perf_counter() - begin
    times = measure(policies, args.steps)
    times['onnx_paced'] = measure({'onnx': policies['onnx']}, 60, KITCHEN.period)['onnx']
    result: dict[str, Any] = {
        name: {
            'p50_ms': float(np.percentile(ms, 50)),
            'p99_ms': float(np.percentile(ms, 99)),
            'max_ms': float(ms.max()),
        }
        for name, ms in times.items()
    }
    result |= {
        'benchmark': 'policy_step',
        'preset': args.preset,
        'steps': args.steps,
        'threads': args.threads,
        'members': agent.config.model.rssm.members,
        'bundle_mb': size / 1e6,
        'export_s': export_s,
        'load_s': load_s,
        'torch_version': torch.__version__,
        'onnxruntime': onnxruntime.__version__,
        'machine': platform.machine(),
        'ratio_p50': result['torch']['p50_ms'] / result['onnx']['p50_ms'],
    }
    print(json.dumps(result, indent=1))


def measure(policies: dict[str, Any], steps: int, pause: float = 0.0) -> dict[str, np.ndarray]:
    """Returns [ms] of each policy's steps over the same frames, one of each in turn."""
    frames = drawn_observations(KITCHEN, 100)
    states = {name: policy.initial() for name, policy in policies.items()}
    times: dict[str, list[float]] = {name: [] for name in policies}
    for t in range(50 + steps):
        frame = frames[t % len(frames)]
        time.sleep(pause if t >= 50 else 0)
        for name, policy in policies.items():
            begin = time.perf_counter()
            step = policy.step(frame.images, frame.proprioception, states[name])
            times[name].append(1e3 * (time.perf_counter() - begin))
            states[name] = step.state
    return {name: np.array(ms[50:]) for name, ms in times.items()}


if __name__ == '__main__':
    main()
