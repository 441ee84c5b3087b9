"""With labels alone, no reward in any log, the reward head and the critics learn what they say."""

import pytest
import torch

from moto_learning.agents.latent import to_tensors
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.learning.labelled import record

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
