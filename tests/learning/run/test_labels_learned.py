"""With labels alone, no reward in any log, the reward head and the critics learn what they say."""

import numpy as np
import pytest
import torch

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_learning.agents.latent import to_tensors
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny

ROWS = 6
SETTINGS = [
    'train.offline_updates=400',
    'train.log_every=100',
    'replay.length=6',
    'replay.batch=8',
    'model.rssm.members=1',
    'model.optimizer.rate=0.01',
    'model.image_scale=0.1',
    'actor_critic.critic.optimizer.rate=0.01',
    'actor_critic.penalty.alpha=0',
    'actor_critic.discount=0.8',
]


def record(root, label, level):
    """Records a robot's episode that grows from dark to `level`; only its label tells of it."""
    spec = tiny.spec()
    with Dataset.create_or_open(root, floor=0) as dataset:
        header = EpisodeHeader(task='none', source='robot', spec=spec)
        with dataset.new_episode(header) as writer:
            for t in range(ROWS):
                image = np.full((8, 12, 3), round(level * t / (ROWS - 1)), np.uint8)
                action = np.full(2, 0.5 if label == 'success' else -0.5, np.float32)
                writer.append(
                    Row(stamp=t, images={'front': image}, requested=action, executed=action)
                )
            writer.close('unlabelled')
        dataset.label(header.id, label)


@pytest.mark.parametrize('seed', [0, 1])
def test_reward_and_value_are_higher_at_the_end_of_labelled_successes(tmp_path, seed):
    data = tmp_path / 'data'
    for _ in range(3):
        record(data, 'success', 250)
        record(data, 'failure', 60)
    config = tiny.config(*SETTINGS, f'seed={seed}')
    training = Training(config, tiny.spec(), [data], tmp_path / 'run')
    training.offline()
    training.close()
    learner, batch = training.learner, training.replay.sample()
    tensors = to_tensors(batch, torch.device('cpu'))
    with torch.no_grad():
        embed = learner.world_model.encoder(tensors['images'])
        post = learner.world_model.rssm.observe(embed, tensors['action'], tensors['is_first'])
        reward = learner.world_model.reward(post.feat).squeeze(-1)  # (B, T)
        value = learner.critics(post.feat, tensors['chosen']).amin(0)
    success = batch['bc_mask'][:, 0] == 1
    assert 0 < success.sum() < len(success)
    assert reward[success, -1].mean() > reward[~success, -1].mean() + 0.5
    # one row before the end the reward is to come: only the critics can know
    assert value[success, -2].mean() > value[~success, -2].mean() + 0.3
