"""What every learner with a world model does: it learns, resumes, acts and is exported."""

import numpy as np
import pytest
import torch

from moto_core.config import config_file, load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError
from moto_core.policy.policy import OnnxPolicy
from moto_learning.agents.latent import LatentLearner, cloning_loss, update_model
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config
from moto_learning.export.export import export_run
from moto_learning.run.checkpoints import load_checkpoint, load_learner
from moto_learning.run.metrics import read_metrics
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.learning.agents import by_hand_rows
from tests.learning.agents.by_hand_rows import ROWS, learner
from tests.recorded import record, tiny_spec


def weights(agent):
    return {name: tiny.weights(net) for name, net in agent.networks().items()}


@pytest.mark.parametrize('row', ROWS)
def test_an_update_changes_every_network_that_learns(row):
    agent = learner(row, 'model.optimizer.weight_decay=0', 'actor_critic.critic.target_every=7')
    assert isinstance(agent, LatentLearner)
    before = weights(agent)
    metrics = agent.update(tiny.batch())
    same = {name: tiny.same(before[name], value) for name, value in weights(agent).items()}
    assert {name for name, unchanged in same.items() if unchanged} == {
        name for name in same if name.startswith('target')
    }
    assert agent.updates == 1 and agent.skipped == 0 and metrics['update/skipped'] == 0
    assert metrics['imagined/disagreement'] > 0


@pytest.mark.parametrize('row', ROWS)
def test_the_model_is_trained_alone_until_the_others_turn(row):
    agent = learner(row, 'actor_critic.after=1')
    assert 'actor/loss' not in agent.update(tiny.batch())
    assert 'actor/loss' in agent.update(tiny.batch())


@pytest.mark.parametrize('row', ROWS)
def test_a_batch_with_nan_is_skipped_and_leaves_finite_networks(row):
    agent = learner(row)
    agent.update(tiny.batch())
    before, bad = weights(agent), tiny.batch()
    bad['reward'][0, 1] = float('nan')
    assert agent.update(bad)['update/skipped'] == 1 and agent.skipped == 1
    assert all(tiny.same(before[name], value) for name, value in weights(agent).items())
    assert agent.update(tiny.batch())['update/skipped'] == 0


@pytest.mark.parametrize('row', ROWS)
def test_a_restored_learner_continues_bit_for_bit(row):
    one, other = learner(row), learner(row)
    for seed in range(2):
        one.update(tiny.batch(seed))
    other.load_state_dict(one.state_dict())
    for seed in range(2, 4):
        assert one.update(tiny.batch(seed)) == other.update(tiny.batch(seed))
    after = weights(other)
    assert all(tiny.same(value, after[name]) for name, value in weights(one).items())


AVERAGE = 'actor_critic.actor.average=0.4'


@pytest.mark.parametrize('after', [0, 3])
@pytest.mark.parametrize('row', ROWS)
def test_what_acts_is_the_moving_average_of_the_policy_whose_first_updates_count_alike(row, after):
    agent, expected = learner(row, AVERAGE, f'actor_critic.after={after}'), []
    assert agent.acting is not agent.actor
    for seed in range(after):  # of the model alone
        agent.update(tiny.batch(seed))
        assert tiny.same(tiny.weights(agent.acting), tiny.weights(agent.actor))
    for seed in range(4):
        agent.update(tiny.batch(seed))
        expected.append(tiny.weights(agent.actor))
    for name, value in tiny.weights(agent.acting).items():
        first, second, third, fourth = (weights[name] for weights in expected)
        mean = 0.6 * (0.6 * (first + second) / 2 + 0.4 * third) + 0.4 * fourth
        assert value == pytest.approx(mean, abs=1e-6)
    assert not tiny.same(tiny.weights(agent.acting), expected[-1])


def test_the_average_follows_the_policy_at_an_update_that_is_skipped_too():
    agent = tiny.agent(AVERAGE)
    for seed in range(3):
        agent.update(tiny.batch(seed))
    before, policy = tiny.weights(agent.acting), tiny.weights(agent.actor)
    broken = tiny.batch()
    broken['reward'][:] = np.nan
    assert agent.update(broken)['update/skipped'] == 1
    for name, value in tiny.weights(agent.acting).items():
        assert value == pytest.approx(0.6 * before[name] + 0.4 * policy[name], abs=1e-6)
    assert not tiny.same(before, policy)


@pytest.mark.parametrize('row', ROWS)
def test_the_average_acts_is_exported_and_is_kept(row):
    agent = learner(row, AVERAGE)
    for seed in range(3):
        agent.update(tiny.batch(seed))
    graphs, policy = agent.graphs(), agent.policy()
    for name, value in tiny.weights(agent.acting).items():
        assert np.array_equal(tiny.weights(graphs.policy.actor)[name], value)
    observed = {'front': np.full((8, 12, 3), 90, np.uint8)}
    acted = policy.step(observed, None, policy.initial()).action
    other = learner(row, AVERAGE)
    other.load_state_dict(agent.state_dict())
    assert tiny.same(tiny.weights(other.acting), tiny.weights(agent.acting))
    plain = learner(row)
    plain.load_state_dict(agent.state_dict())
    assert plain.acting is plain.actor
    assert tiny.same(tiny.weights(plain.actor), tiny.weights(agent.actor))
    assert not np.array_equal(
        plain.policy().step(observed, None, plain.policy().initial()).action, acted
    )
    assert plain.policy().hash != policy.hash == other.policy().hash
    begun = learner(row, AVERAGE)
    begun.load_state_dict(plain.state_dict())
    assert tiny.same(tiny.weights(begun.acting), tiny.weights(plain.actor))


@pytest.mark.parametrize(('scale', 'beta'), [(0.0, 1.0), (2.0, 1.0), (2.0, 0.0)])
def test_the_prior_shapes_latent_states_by_its_whole_weight_and_not_the_policy(scale, beta):
    faded = ('beta_half=1', 'beta_final=0', f'beta={beta}')
    wanted = [f'actor_critic.actor.{setting}' for setting in faded]
    shaped, plain = (tiny.agent(f'model.behaviour_scale={scale}', *wanted) for scale in (scale, 0))
    losses, gradients, said, batch = [], [], [], tiny.tensors()
    for agent in (shaped, plain):
        agent.updates = 200

        def step(loss, agent=agent):
            losses.append(loss.item())
            loss.backward()
            gradients.append(agent.world_model.rssm.obs_embed.weight.grad.clone())
            return True, loss.detach()

        agent.optimizers['model'].step = step
        _, post, metrics = update_model(agent, batch)
        said.append(metrics)
        assert all(parameter.grad is None for parameter in agent.actor.parameters())
    prior = cloning_loss(plain.actor, post, batch).item() if beta else 0.0
    assert abs(prior) > 0.1 or not beta
    assert losses[0] - losses[1] == pytest.approx(scale * prior, abs=1e-4)
    assert torch.equal(*gradients) == (scale * beta == 0)
    assert said[0]['model/loss'] == said[1]['model/loss']  # the watch's: without the prior
    if scale * beta:
        assert said[0]['model/behaviour'].item() == pytest.approx(prior, abs=1e-5)
    assert ('model/behaviour' in said[0]) == (scale * beta != 0)
    assert 'model/behaviour' not in said[1]


@pytest.mark.parametrize('row', ['dreamer_v2', 'lompo', 'combo'])
def test_rows_without_a_prior_are_given_nothing_of_cloning_by_a_preset(row):
    sources = (config_file('train', 'laptop'), config_file('train/rows', row))
    config = load_config(Config, *sources)
    assert config.model.behaviour_scale == 0 and config.replay.successful == 0


@pytest.mark.parametrize('row', ['bc', 'iql', 'cql', 'sac'])
def test_rows_without_a_model_draw_uniformly_whatever_a_preset_says(row):
    sources = (config_file('train', 'laptop'), config_file('train/rows', row))
    assert load_config(Config, *sources).replay.successful == 0


def rewarded(random):
    """A batch in which a step pays the first entry of the action that led to it."""
    batch = tiny.batch(int(random.integers(2**31)))
    batch['is_first'][:] = False
    batch['reward'] = batch['action'][..., 0].copy()
    batch['images']['front'][:] = (127 + 120 * batch['action'][..., :1, None, None]).astype(
        np.uint8
    )
    return batch


LEARNING = (
    'model.optimizer.rate=0.01',
    'actor_critic.actor.optimizer.rate=0.01',
    'actor_critic.critic.optimizer.rate=0.01',
    'actor_critic.horizon=3',
    'actor_critic.discount=0.8',
    'actor_critic.actor.initial_std=0.5',
    'latent.batch=64',
    'latent.temperature=0.01',
    'latent.temperature_rate=0',
    'replay.batch=3',
)
SOME = {'dreamer_v2': (), 'lompo': ('latent.alpha=0.05',), 'combo': ('latent.conservatism=0.1',)}


@pytest.mark.parametrize('row', ROWS)
def test_it_learns_the_action_that_pays(row):
    agent, random = learner(row, *LEARNING, *SOME[row]), np.random.default_rng(0)
    agent.update(rewarded(random))
    assert mean_action(agent, random)[0] < 0
    for _ in range(80):
        agent.update(rewarded(random))
    assert mean_action(agent, random)[0] > 0.8


def mean_action(agent, random):
    batch = rewarded(random)
    images = torch.as_tensor(batch['images']['front'])
    with torch.no_grad():
        embed = agent.world_model.encoder({'front': images}, None)
        first = torch.as_tensor(batch['is_first'])
        post = agent.world_model.rssm.observe(embed, torch.as_tensor(batch['action']), first)
        return agent.actor(post.feat).mode().mean((0, 1)).tolist()


def train(row, data, out, updates, resumed=None):
    config = by_hand_rows.config(row, f'train.offline_updates={updates}', 'latent.capacity=40')
    training = Training(config, Dataset.open(data).spec, [data], out, resumed=resumed)
    training.offline()
    training.close()
    return training.learner


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp('latent') / 'data'
    record(place, [9, 8], tiny_spec(proprioception=()), success=True)
    return place


@pytest.mark.parametrize('row', ROWS)
def test_a_run_resumes_with_the_same_numbers(row, data, tmp_path):
    whole, run = tmp_path / 'whole', tmp_path / 'run'
    after = weights(train(row, data, whole, 4))
    train(row, data, run, 2)
    again = train(row, data, run, 4, load_checkpoint(run))
    assert all(tiny.same(value, after[name]) for name, value in weights(again).items())
    losses = [[line['model/loss'] for line in read_metrics(folder)] for folder in (run, whole)]
    assert losses[0] == losses[1] and len(losses[0]) == 4
    assert tiny.same(weights(load_learner(run))['actor'], after['actor'])


def test_a_row_is_exported_as_it_acts(data, tmp_path):
    """The slow test of the commands exports the other rows, too."""
    agent = train('dreamer_v2', data, tmp_path / 'run', 2)
    bundle = export_run(tmp_path / 'run', tmp_path / 'bundles')
    assert bundle.disagreement_threshold > 0 and 'no surprise limits' in bundle.note
    policies = OnnxPolicy(bundle.path), agent.policy()
    states = [policy.initial() for policy in policies]
    for seen in observations(data, 3):
        steps = [policy.step(seen, None, state) for policy, state in zip(policies, states)]
        assert steps[0].action == pytest.approx(steps[1].action, abs=1e-4)
        assert steps[0].disagreement == pytest.approx(steps[1].disagreement, abs=1e-4)
        assert steps[0].surprise == pytest.approx(steps[1].surprise, abs=1e-4)
        states = [step.state for step in steps]


@pytest.mark.parametrize('row', ROWS)
def test_the_networks_of_a_bundle_act_as_the_learner_does(row, data, tmp_path):
    agent = train(row, data, tmp_path / 'run', 1)
    graphs, policy = agent.graphs(), agent.policy()
    state, carried = policy.initial(), None
    for seen in observations(data, 3):
        step = policy.step(seen, None, state)
        if carried is None:
            carried = [torch.from_numpy(state[name]) for name in state]
        embed = graphs.encoder(*(torch.from_numpy(image)[None] for image in seen.values()))
        out = graphs.policy.step(embed, *carried)
        assert out.action[0].tolist() == pytest.approx(step.action.tolist(), abs=1e-6)
        assert out.disagreement.item() == pytest.approx(step.disagreement, abs=1e-6)
        carried = [out.post.deter, out.post.stoch, out.action, torch.zeros(1)]
        state = step.state
    first = policy.initial()
    explored = agent.policy(Exploration('sample', 0.0, 3)).step(seen, None, first)
    assert not np.allclose(explored.action, policy.step(seen, None, first).action)


def observations(data, count):
    """The first images of the first episode."""
    with Dataset.open(data) as dataset:
        images = dataset.read(dataset.episodes()[0].id).images
    return [{name: stack[t] for name, stack in images.items()} for t in range(count)]


@pytest.mark.parametrize('row', ROWS)
def test_a_policy_that_acts_on_samples_has_no_bundle(row):
    with pytest.raises(BundleError, match="act_on is 'sample'"):
        learner(row, 'actor_critic.actor.act_on=sample').graphs()
