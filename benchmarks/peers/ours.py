"""Our learner as one of those compared: --members and --starts are its own."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import torch
from worker import Learner, Sizes, serve

from moto_core.config import load_config
from moto_core.spec import Spec
from moto_learning.agents.moto import MotoLearner
from moto_learning.config import Config
from moto_learning.run.processor import use_processor


def build(members: int, starts: int, sizes: Sizes, precision: str) -> Learner:
    use_processor(torch.get_num_threads())
    head = [f'layers={sizes.layers}', f'units={sizes.units}']
    overrides = [
        f'train.precision={precision}',
        f'replay.batch={sizes.batch}',
        f'replay.length={sizes.length}',
        f'model.encoder.channels={sizes.channels}',
        f'model.rssm.deter={sizes.deter}',
        f'model.rssm.stoch={sizes.stoch}',
        f'model.rssm.classes={sizes.classes}',
        f'model.rssm.hidden={sizes.hidden}',
        f'model.rssm.members={members}',
        *(f'model.reward.{one}' for one in head),
        *(f'actor_critic.{part}.head.{one}' for part in ('actor', 'critic') for one in head),
        f'actor_critic.horizon={sizes.horizon}',
        f'actor_critic.starts={starts or sizes.batch * sizes.length}',
    ]
    config = load_config(Config, overrides=overrides)
    joints = [f'joint{i}' for i in range(sizes.action)]
    camera = {'height': sizes.image, 'width': sizes.image}
    known = {'joints': joints, 'action_scale': [2.0] * sizes.action, 'cameras': {'front': camera}}
    learner = MotoLearner(config, load_config(Spec, known), 'cpu')
    random, shape = np.random.default_rng(0), (sizes.batch, sizes.length)
    actions = random.uniform(-1, 1, (*shape, sizes.action)).astype(np.float32)
    batch = {
        'images': {'front': random.integers(0, 255, (*shape, *camera.values(), 3), np.uint8)},
        'action': actions,
        'chosen': actions,
        'reward': random.random(shape).astype(np.float32),
        'is_first': np.zeros(shape, bool),
        'bc_mask': np.ones(shape, np.float32),
    }
    modules = (learner.world_model, learner.critics, learner.actor)
    return Learner(
        lambda: learner.update(batch) and None,
        [one for module in modules for one in module.parameters() if one.requires_grad],
        config.actor_critic.starts,
    )


if __name__ == '__main__':
    own = {'members': 7, 'starts': 0}
    for word in [one for one in sys.argv[1:] if one.split('=')[0] in own]:
        name, value = word.split('=')
        own[name] = int(value)
        sys.argv.remove(word)
    serve(partial(build, own['members'], own['starts']))
