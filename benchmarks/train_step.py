"""Times one whole update and its parts at a preset; prints JSON.

python benchmarks/train_step.py [--config demo --config small] [--updates 20] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from moto_core.config import config_file, load_config
from moto_core.spec import Spec
from moto_learning.agents.latent import frozen, to_tensors, update_model
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.starts import draw_starts
from moto_learning.config import Config
from moto_learning.run.processor import use_processor

ACTION = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', action='append', help='preset (default: demo and small)')
    parser.add_argument('--updates', type=int, default=20)
    parser.add_argument('--threads', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args()
    use_processor(args.threads)
    found = {
        name: measure(load_config(Config, config_file('train', name)), args.updates, args.device)
        for name in args.config or ['demo', 'small']
    }
    print(
        json.dumps(
            {
                'torch': torch.__version__,
                'processor': platform.processor(),
                'threads': args.threads,
                'device': args.device,
                'ms': found,
            },
            indent=2,
        )
    )


def measure(config: Config, updates: int, device: str) -> dict[str, float]:
    """Returns the median time [ms] of an update and of its parts.

    `update_cpu` is the processor time of all threads: what a busy machine does not change.
    """
    spec = load_config(
        Spec,
        {
            'joints': [f'joint{i}' for i in range(ACTION)],
            'action_scale': [2.0] * ACTION,
            'cameras': {'front': {}},
        },
    )
    agent = MotoLearner(config, spec, device)
    batch = random_batch(config)
    data = to_tensors(batch, agent.device)
    agent.update(batch)
    _, post, _ = update_model(agent, data)
    beta = config.actor_critic.actor.beta
    with frozen(agent.world_model), frozen(agent.critics):
        starts = draw_starts(post, data, config.actor_critic.starts, agent.generator)

        def rollouts() -> Any:
            imagined, reward, _ = agent.imagine(starts.state)
            return imagined, agent.expand(imagined, reward, 'target')

        parts: dict[str, float] = {'rollouts': median(rollouts, updates, device)}
        # the actor's graph is used up by its backward pass: rollouts are made again and taken off
        both = median(
            lambda: agent.update_actor(*unpacked(rollouts()), post, data, beta), updates, device
        )
        parts['actor'] = both - parts['rollouts']
        imagined, expansion = rollouts()
    parts['critics'] = median(
        lambda: agent.update_critics(imagined, expansion.value, expansion.mixed[0], starts),
        updates,
        device,
    )
    parts['model'] = median(lambda: update_model(agent, data), updates, device)
    parts['update'] = median(lambda: agent.update(batch), updates, device)
    begin = time.process_time()
    for _ in range(updates):
        agent.update(batch)
    parts['update_cpu'] = 1e3 * (time.process_time() - begin) / updates
    return {name: round(value, 2) for name, value in parts.items()}


def unpacked(made: Any) -> tuple[Any, Any]:
    imagined, expansion = made
    return imagined, expansion.mixed


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


def median(call: Callable[[], Any], times: int, device: str) -> float:
    """Returns the median time of a call [ms]; a GPU's work is waited for."""
    seconds = []
    for _ in range(times + 2):
        begin = time.perf_counter()
        call()
        if device == 'cuda':
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(seconds[2:]))


if __name__ == '__main__':
    main()
