"""Times one whole update and its parts at a preset, in float32 and bfloat16 by turns; prints JSON.

python benchmarks/train_step.py [--config demo --config small] [--updates 20] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from moto_core.config import config_file, load_config
from moto_core.spec import Spec
from moto_learning.agents.latent import frozen, to_tensors, update_model
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.precision import products
from moto_learning.agents.starts import Starts, draw_starts
from moto_learning.config import Config
from moto_learning.run.processor import use_processor

ACTION = 9
PRECISIONS = {'float32': torch.float32, 'bfloat16': torch.bfloat16}
PEAK = 2048  # rows and columns of the product that a machine's speed is measured by


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', action='append', help='preset (default: demo and small)')
    parser.add_argument('--updates', type=int, default=20)
    parser.add_argument('--threads', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('overrides', nargs='*', metavar='key=value', help='of every preset')
    args = parser.parse_args()
    use_processor(args.threads)
    peak = {name: peak_speed(dtype, args.device) for name, dtype in PRECISIONS.items()}
    found = {}
    for name in args.config or ['demo', 'small']:
        config = load_config(Config, config_file('train', name), overrides=args.overrides)
        found[name] = measure(config, args.updates, args.device, peak)
    print(
        json.dumps(
            {
                'torch': torch.__version__,
                'machine': platform.machine(),
                'threads': args.threads,
                'device': args.device,
                'overrides': args.overrides,
                'peak_gflops': {name: round(value / 1e9) for name, value in peak.items()},
                'presets': found,
            },
            indent=2,
        )
    )


def measure(
    config: Config, updates: int, device: str, peak: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Returns, by precision, medians of an update's time [ms], of its parts', and what it does.

    `cpu` is the processor time of all threads [ms], which a busy machine changes less;
    `share_of_peak` what its products reach of the machine's own speed, everything else included.
    """
    steps = {name: Step(config, name, device) for name in PRECISIONS}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in steps}
    for _ in range(updates + 1):
        for name, step in steps.items():
            times[name].append(step.timed())
    found = {}
    for name, step in steps.items():
        rows = times[name][1:]
        result = {key: round(median(row[key] for row in rows), 2) for key in rows[0]}
        flops = step.flops()
        result['gflop'] = round(flops / 1e9, 2)
        result['share_of_peak'] = round(flops / (1e-3 * result['cpu']) / peak[name], 3)
        result |= step.operations()
        found[name] = result
    ratio = found['bfloat16']['cpu'] / found['float32']['cpu']
    found['bfloat16']['cpu_of_float32'] = round(ratio, 3)
    return found


class Step:
    """One learner, one batch, and the parts of its update."""

    def __init__(self, config: Config, precision: str, device: str) -> None:
        spec = load_config(
            Spec,
            {
                'joints': [f'joint{i}' for i in range(ACTION)],
                'action_scale': [2.0] * ACTION,
                'cameras': {'front': {}},
            },
        )
        self.config = replace(config, train=replace(config.train, precision=precision))
        self.agent, self.batch = MotoLearner(self.config, spec, device), random_batch(config)
        self.data = to_tensors(self.batch, self.agent.device)
        self.agent.update(self.batch)

    def timed(self) -> dict[str, float]:
        """Returns an update's time and its parts' [ms], and the pages [thousands] it took."""
        agent, beta = self.agent, self.config.actor_critic.actor.beta
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.process_time()
        update = self._wall(lambda: agent.update(self.batch))[0]
        cpu = 1e3 * (time.process_time() - begun)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        with products(self.config.train.precision, agent.device):
            model, (_, post, _) = self._wall(lambda: update_model(agent, self.data))
            with frozen(agent.world_model), frozen(agent.critics):
                starts = draw_starts(
                    post, self.data, self.config.actor_critic.starts, agent.generator
                )
                rollouts, (imagined, expansion) = self._wall(lambda: self._rollouts(starts))
                actor, _ = self._wall(
                    lambda: agent.update_actor(imagined, expansion.mixed, post, self.data, beta)
                )
            critics, _ = self._wall(
                lambda: agent.update_critics(imagined, expansion.value, expansion.mixed[0], starts)
            )
        parts = {'model': model, 'rollouts': rollouts, 'actor': actor, 'critics': critics}
        return {'update': update, 'cpu': cpu, **parts, 'thousand_page_faults': faults / 1e3}

    def flops(self) -> int:
        """Returns the floating-point operations of an update's products, convolutions too."""
        with FlopCounterMode(display=False) as counter:
            self.agent.update(self.batch)
        return counter.get_total_flops()

    def operations(self) -> dict[str, int]:
        """Returns how many operations an update calls, and how many wait for their result."""
        counts = Counts()
        with counts:
            self.agent.update(self.batch)
        return {'operations': counts.calls, 'host_syncs': counts.syncs}

    def _rollouts(self, starts: Starts) -> Any:
        imagined, reward, _ = self.agent.imagine(starts.state)
        return imagined, self.agent.expand(imagined, reward, 'target')

    def _wall(self, call: Callable[[], Any]) -> tuple[float, Any]:
        """Returns a call's time [ms] and result; a GPU's work is waited for."""
        begin = time.perf_counter()
        found = call()
        if self.agent.device.type == 'cuda':
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - begin), found


class Counts(TorchDispatchMode):
    """Counts operations, and among them those whose number the program itself reads."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.syncs = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.calls += 1
        self.syncs += function.overloadpacket is torch.ops.aten._local_scalar_dense
        return function(*args, **(kwargs or {}))


def peak_speed(dtype: torch.dtype, device: str) -> float:
    """Returns the floating-point operations of a large product for each second it takes.

    On a processor that is a second of processor time, of all threads together.
    """
    clock = time.process_time if device == 'cpu' else time.perf_counter
    a, b = (torch.randn(PEAK, PEAK, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(5):
        begin = clock()
        product: Tensor = a @ b
        float(product[0, 0])  # a GPU's work is waited for
        times.append(clock() - begin)
    return 2 * PEAK**3 / min(times)


def random_batch(config: Config) -> dict[str, Any]:
    """Returns a batch as replay gives it, of random contents."""
    random = np.random.default_rng(0)
    shape = (config.replay.batch, config.replay.length)
    return {
        'images': {'front': random.integers(0, 255, (*shape, 64, 64, 3), np.uint8)},
        'action': random.uniform(-1, 1, (*shape, ACTION)).astype(np.float32),
        'chosen': random.uniform(-1, 1, (*shape, ACTION)).astype(np.float32),
        'reward': random.random(shape).astype(np.float32),
        'is_first': np.zeros(shape, bool),
        'bc_mask': np.ones(shape, np.float32),
    }


if __name__ == '__main__':
    main()
