"""Updates of a tiny learner in double precision, by one process or by several: what they came to.

Run by torchrun as `-m tests.learning.shared_updates FOLDER CASES`, each process writes its own.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from moto_core.config import config_file, load_config
from moto_learning import processes
from moto_learning.agents.learner import make_learner
from moto_learning.config import Config
from moto_learning.model import networks, world_model
from moto_learning.run.watch import Watch
from tests.learning import tiny_learner as tiny

BATCH, UPDATES = 2 * tiny.BATCH, 3
CLIPPED = [f'{part}.optimizer.clip=0.05' for part in ('model', 'actor_critic.actor')]
CLIPPED += ['actor_critic.critic.optimizer.clip=0.05', f'replay.batch={BATCH}']


def joined_batch(seed, broken=False):
    """Sequences of which the halves differ in what counts; `broken`: one number of the second."""
    halves = [tiny.batch(2 * seed), tiny.batch(2 * seed + 1)]
    halves[0]['bc_mask'][min(seed, 1) :] = 0  # at first nothing of it is cloned
    halves[1]['is_first'][:, ::2] = True
    halves[1]['reward'] *= 9
    if broken:
        halves[1]['reward'][0, 0] = np.nan

    def both(one, two):
        if isinstance(one, dict):
            return {name: both(one[name], two[name]) for name in one}
        found = np.concatenate([one, two])
        return found.astype(np.float64) if found.dtype == np.float32 else found

    return {**both(*halves), 'successes': np.array(4)}


def own_part(batch):
    """This process's rows of a joined batch, as replay draws them."""
    mine = processes.rows(BATCH)
    return {
        name: own_part(value)
        if isinstance(value, dict)
        else (value[mine.start : mine.stop] if value.ndim else value)
        for name, value in batch.items()
    }


def learner(row, settings):
    rows = config_file('train/rows', row)
    config = load_config(Config, tiny.TINY, rows, overrides=[*CLIPPED, *settings])
    agent = make_learner(config, tiny.spec())
    for network in (*agent.networks().values(), agent.acting):
        network.double()
    return agent


@contextmanager
def double_precision(seen):
    """Images become doubles; `seen` gets the gradients as they are clipped."""
    clip, normalize = torch.nn.utils.clip_grad_norm_, networks.normalize

    def watched(parameters, most):
        seen.append([one.grad.clone() for one in parameters if one.grad is not None])
        return clip(parameters, most)

    def exact(image):
        return normalize(image).double()

    with (
        mock.patch.object(torch.nn.utils, 'clip_grad_norm_', watched),
        mock.patch.object(networks, 'normalize', exact),
        mock.patch.object(world_model, 'normalize', exact),
    ):
        yield


def updated(row, settings, broken):
    """Gradients before they are clipped, metrics and state after each of UPDATES updates."""
    agent, gradients, told = learner(row, settings), [], []
    with double_precision(gradients):
        for seed in range(UPDATES):
            batch = own_part(joined_batch(seed, broken=seed == broken))
            told.append((agent.update(batch), {**weights(agent)}))
    return {'gradients': gradients, 'told': told, 'state': agent.state_dict()}


def weights(agent):
    return {
        f'{name}.{key}': value.clone()
        for name, network in agent.networks().items()
        for key, value in network.state_dict().items()
    }


def main(folder, cases):
    processes.join()
    rank = processes.rows(2).start  # 0 or 1, of two
    found = [updated(*case) for case in json.loads(Path(cases).read_text())]
    torch.save(found, Path(folder) / f'{rank}.pt')
    Watch(Path(folder), 0).see(7, {'update/skipped': 1.0}, own_part(joined_batch(0)))
    processes.leave()


if __name__ == '__main__':
    main(*sys.argv[1:])
