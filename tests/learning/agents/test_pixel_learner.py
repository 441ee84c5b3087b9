"""What every model-free row does: learn a tiny problem, go on where it was, refuse what is not
finite.
"""

import numpy as np
import pytest
import torch

from moto_core.errors import ConfigError
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.recorded import record, tiny_spec

TRAINED = {
    'bc': {'encoder', 'actor'},
    'iql': {'encoder', 'actor', 'critics', 'value', 'target_encoder', 'target_critics'},
    'cql': {'encoder', 'actor', 'critics', 'temperature', 'target_encoder', 'target_critics'},
    'sac': {'encoder', 'actor', 'critics', 'temperature', 'target_encoder', 'target_critics'},
}
LEARNS = {  # row: updates, settings
    'bc': (60, []),
    'iql': (300, ['model_free.iql.beta=10']),
    'cql': (150, ['model_free.cql.alpha=0.05']),
    'sac': (150, ['model_free.sac.temperature=0.01']),
}


def test_images_too_small_for_the_row_name_its_own_setting():
    with pytest.raises(ConfigError, match='fewer model_free.encoder.channels, or model_free.enc'):
        pixels.learner('bc', 'model_free.encoder.channels=[3, 4, 5, 6]')


@pytest.mark.parametrize('row', pixels.ROWS)
def test_an_update_changes_every_network_of_the_row_and_counts(row):
    agent = pixels.learner(row)
    before = pixels.networks(agent)
    metrics = agent.update(tiny.batch())
    assert pixels.changed(agent, before) == TRAINED[row] == set(before)
    assert (agent.updates, agent.skipped, metrics['update/skipped']) == (1, 0, 0)
    assert metrics['update/transitions'] == 6
    assert all(np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize('row', pixels.ROWS)
def test_each_row_learns_the_bright_side(row):
    updates, settings = LEARNS[row]
    agent = pixels.learner(
        row,
        'model_free.optimizer.rate=0.003',
        'model_free.head.units=32',
        'model_free.encoder.latent=12',
        'model_free.discount=0.8',
        'model_free.target_rate=0.05',
        *settings,
    )

    def demonstrated(random, side):
        right = np.where(np.arange(len(side)) < 8, 1, -1)  # half of them do the opposite
        return 0.9 * side * right + 0.05 * random.normal(size=len(side))

    def anything(random, side):
        return random.uniform(-1, 1, len(side))

    for seed in range(updates):
        batch = pixels.bright_batch(seed, demonstrated if row == 'bc' else anything)
        batch['bc_mask'][8:] = 0
        agent.update(batch)
    policy = agent.policy()
    chosen = [
        policy.step({'front': pixels.bright(side)}, None, policy.initial()).action[0]
        for side in (-1, 1)
    ]
    reward = pixels.goodness(np.array(chosen), np.array([-1, 1]))
    assert min(reward) > 0.95, chosen  # of 1; an action of 0 gives 0.75, the opposite 0


@pytest.mark.parametrize('row', pixels.ROWS)
def test_a_restored_row_continues_bit_for_bit(row):
    one, other = pixels.learner(row), pixels.learner(row)
    for seed in range(2):
        one.update(tiny.batch(seed))
    other.load_state_dict(one.state_dict())
    assert (other.updates, other.skipped) == (2, 0)
    for seed in range(2, 4):
        assert one.update(tiny.batch(seed)) == other.update(tiny.batch(seed))
    assert all(
        tiny.same(tiny.weights(one.networks[name]), tiny.weights(other.networks[name]))
        for name in one.networks
    )


@pytest.mark.parametrize('row, key', [('bc', 'chosen'), ('iql', 'reward'), ('sac', 'reward')])
def test_a_batch_with_nan_is_skipped_and_changes_nothing(row, key):
    agent = pixels.learner(row)
    agent.update(tiny.batch())
    before = pixels.networks(agent)
    bad = tiny.batch()
    bad[key][0, 3] = float('nan')
    assert agent.update(bad)['update/skipped'] == 1
    assert (agent.updates, agent.skipped) == (2, 1)
    assert pixels.changed(agent, before) == set()
    assert agent.update(tiny.batch())['update/skipped'] == 0


def test_a_batch_without_a_transition_changes_nothing():
    agent = pixels.learner('sac')
    batch = tiny.batch()
    batch['is_first'][:] = True
    before = pixels.networks(agent)
    assert agent.update(batch) == {'update/transitions': 0, 'update/skipped': 0}
    assert pixels.changed(agent, before) == set() and agent.updates == 1


@pytest.mark.parametrize('row', ['iql', 'sac'])
def test_targets_move_by_tau_of_the_way(row):
    agent = pixels.spread(pixels.learner(row, 'model_free.target_rate=0.25'))
    before = pixels.networks(agent)
    agent.update(tiny.batch())
    for name in ('encoder', 'critics'):
        after = tiny.weights(agent.networks[name])
        for key, moved in tiny.weights(agent.networks[f'target_{name}']).items():
            expected = 0.75 * before[f'target_{name}'][key] + 0.25 * after[key]
            assert torch.allclose(moved, expected, atol=1e-6), (name, key)


def test_the_same_seed_gives_the_same_learner_and_another_seed_another():
    def trained(seed):
        agent = pixels.learner('sac', f'seed={seed}')
        torch.rand(7)  # other users of torch's own generator do not matter
        agent.update(tiny.batch())
        return tiny.weights(agent.actor)

    assert tiny.same(trained(1), trained(1))
    assert not tiny.same(trained(1), trained(2))


def test_as_many_transitions_are_drawn_as_the_settings_say():
    agent = pixels.learner('sac', 'model_free.batch=5')
    assert agent.update(tiny.batch())['update/transitions'] == 5


@pytest.mark.parametrize('row', ['bc', 'cql'])
def test_several_cameras_and_proprioception_are_learned_from(row):
    kinds = {'cameras': ('front', 'wrist')}
    agent = pixels.learner(row, **kinds, proprioception=['position'])
    batch = tiny.batch(**kinds, proprioception=2)
    agent.update(batch)
    for part in ('front', 'wrist', 'proprioception'):
        seen = pixels.cut(agent, **kinds, proprioception=2).now
        before = agent.encoder(*seen)
        if part == 'proprioception':
            seen = seen._replace(proprioception=seen.proprioception + 1)
        else:
            other = {part: 255 - seen.stacks[part]}
            seen = seen._replace(stacks={**seen.stacks, **other})
        assert not torch.equal(before, agent.encoder(*seen)), part


def test_what_cannot_be_learned_from_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match='replay.length is 3; expected above 3, model_free'):
        pixels.learner('iql', 'replay.length=3')
    with pytest.raises(ConfigError, match='no camera; the model-free rows learn from images'):
        pixels.learner('bc', cameras=(), proprioception=['position'])


def test_a_row_trains_from_recorded_episodes_and_resumes_with_the_same_numbers(tmp_path):
    data = tmp_path / 'data'
    record(data, [9, 8], tiny_spec(proprioception=()), success=True)

    def train(out, updates, resumed=None):
        config = pixels.learner('cql', f'train.offline_updates={updates}').config
        spec = tiny_spec(proprioception=())
        training = Training(config, spec, [data], out, resumed=resumed)
        training.offline()
        training.close()
        return pixels.networks(training.learner)

    whole = train(tmp_path / 'whole', 4)
    train(tmp_path / 'run', 2)
    again = train(tmp_path / 'run', 4, load_checkpoint(tmp_path / 'run'))
    assert all(tiny.same(whole[name], again[name]) for name in whole)
