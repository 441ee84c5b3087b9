"""A learner so small that an update takes milliseconds, and random batches for it."""

import numpy as np
import torch

from moto_core.config import load_config
from moto_core.spec import CameraSpec, Spec
from moto_learning.agents.latent import to_tensors
from moto_learning.agents.moto import MotoLearner
from moto_learning.config import Config

torch.set_num_threads(1)  # tests share the machine

BATCH, LENGTH, ACTION = 3, 5, 2
TINY = {
    'model': {
        'encoder': {'channels': [2, 3], 'padding': 1, 'proprioception': [6, 5]},
        'rssm': {'deter': 8, 'stoch': 3, 'classes': 4, 'hidden': 7, 'members': 3},
        'reward': {'layers': 1, 'units': 6},
    },
    'actor_critic': {
        'horizon': 3,
        'starts': 0,
        'actor': {'head': {'layers': 1, 'units': 6}},
        'critic': {'head': {'layers': 1, 'units': 6}, 'target_every': 3},
    },
    'replay': {'batch': BATCH, 'length': LENGTH},
    'train': {'tensorboard': False, 'threads': 1, 'device': 'cpu', 'log_every': 1},
}


def config(*overrides):
    return load_config(Config, TINY, overrides=overrides)


def spec(cameras=('front',), proprioception=()):
    return Spec(
        joints=['a'],
        gripper=['g'],
        action_scale=[2.0, 1.0],
        cameras={name: CameraSpec(height=8, width=12) for name in cameras},
        proprioception=list(proprioception),
    )


def agent(*overrides, **kinds):
    return MotoLearner(config(*overrides), spec(**kinds))


def batch(seed=0, cameras=('front',), proprioception=0):
    random = np.random.default_rng(seed)
    shape = (BATCH, LENGTH)
    data = {
        'images': {
            name: random.integers(0, 255, (*shape, 8, 12, 3), np.uint8) for name in cameras
        },
        'action': random.uniform(-1, 1, (*shape, ACTION)).astype(np.float32),
        'chosen': random.uniform(-1, 1, (*shape, ACTION)).astype(np.float32),
        'reward': random.random(shape).astype(np.float32),
        'is_first': np.zeros(shape, bool),
        'bc_mask': np.ones(shape, np.float32),
    }
    data['is_first'][0, 2] = True
    if proprioception:
        data['proprioception'] = random.random((*shape, proprioception)).astype(np.float32)
    return data


def tensors(**kinds):
    return to_tensors(batch(**kinds), torch.device('cpu'))


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)
