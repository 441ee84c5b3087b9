import pytest
import torch

from moto_learning.agents.actor_critic import behaviour_prior
from moto_learning.agents.latent import frozen
from tests.learning import tiny_learner as tiny

NO_DECAY = [  # decay changes every weight, whatever its gradient
    f'{part}.optimizer.weight_decay=0'
    for part in ('model', 'actor_critic.actor', 'actor_critic.critic')
]


def parts(agent):
    return {
        'model': agent.world_model,
        'actor': agent.actor,
        'critics': agent.critics,
        'targets': agent.target_critics,
    }


def posterior(agent, data):
    """The posterior states of a batch, as update_behaviour receives them."""
    noise = agent.world_model.draw_noise(tiny.BATCH, tiny.LENGTH, torch.Generator().manual_seed(5))
    _, post, _ = agent.world_model.loss(data, noise)
    return type(post)(*(part.detach() for part in post))


def test_an_update_changes_model_actor_and_critics_and_counts():
    agent = tiny.agent(*NO_DECAY)
    before = {name: tiny.weights(part) for name, part in parts(agent).items()}
    metrics = agent.update(tiny.batch())
    changed = {
        name: not tiny.same(before[name], tiny.weights(part))
        for name, part in parts(agent).items()
    }
    assert changed == {'model': True, 'actor': True, 'critics': True, 'targets': False}
    assert agent.updates == 1 and agent.skipped == 0 and metrics['update/skipped'] == 0
    assert {'model/kl', 'imagined/disagreement', 'actor/behaviour', 'critics/data_loss'} <= set(
        metrics
    )


def test_actor_and_critic_gradients_do_not_reach_the_world_model():
    agent = tiny.agent()
    data = tiny.tensors()
    post = posterior(agent, data)
    before = tiny.weights(agent.world_model)
    agent.update_behaviour(post, data)
    assert tiny.same(before, tiny.weights(agent.world_model))
    assert all(p.grad is None and p.requires_grad for p in agent.world_model.parameters())


def test_the_model_is_trained_alone_until_the_actors_turn():
    agent = tiny.agent('actor_critic.after=2')
    before = tiny.weights(agent.actor)
    assert 'actor/loss' not in agent.update(tiny.batch())
    assert 'actor/loss' not in agent.update(tiny.batch())
    assert tiny.same(before, tiny.weights(agent.actor))
    assert 'actor/loss' in agent.update(tiny.batch())


def test_targets_are_copied_every_so_many_updates_and_never_trained():
    agent = tiny.agent()  # target_every = 3
    first = tiny.weights(agent.target_critics)
    assert tiny.same(first, tiny.weights(agent.critics))
    for count in range(1, 7):
        agent.update(tiny.batch(seed=count))
        equal = tiny.same(tiny.weights(agent.critics), tiny.weights(agent.target_critics))
        assert equal == (count % 3 == 0)
    assert not any(p.requires_grad for p in agent.target_critics.parameters())


@pytest.mark.parametrize('successes', [[0, 2], []])
def test_only_successful_trajectories_are_imitated(successes):
    agent = tiny.agent(
        'actor_critic.actor.value_scale=0',
        'actor_critic.actor.entropy=0',
        'actor_critic.actor.optimizer.weight_decay=0',
    )
    data = tiny.tensors()
    data['bc_mask'].zero_()
    data['bc_mask'][successes] = 1
    post = posterior(agent, data)
    log_prob = agent.actor(post.feat).log_prob(data['chosen'])
    before = tiny.weights(agent.actor)
    _, metrics = agent.update_behaviour(post, data)
    if successes:
        assert metrics['actor/behaviour'].item() == pytest.approx(
            -log_prob[successes].mean().item(), rel=1e-5
        )
    assert tiny.same(before, tiny.weights(agent.actor)) == (not successes)


def test_the_actions_of_failed_trajectories_are_of_no_consequence():
    found = []
    for change in (0.0, 0.5):
        agent = tiny.agent('actor_critic.actor.value_scale=0')
        data = tiny.tensors()
        data['bc_mask'][1] = 0
        post = posterior(agent, data)
        data['chosen'][1] += change
        agent.update_behaviour(post, data)
        found.append(tiny.weights(agent.actor))
    assert tiny.same(*found)


@pytest.mark.parametrize(
    'overrides',
    [
        ('actor_critic.penalty.alpha=0',),
        ('actor_critic.actor.beta=0',),
        ('actor_critic.horizon=0',),
        ('actor_critic.horizon=0', 'actor_critic.actor.beta=0'),
        ('actor_critic.horizon=1', 'actor_critic.starts=4'),
        ('model.rssm.members=1',),
        ('model.rssm.imagined=row',),
        ('model.rssm.imagined=mean',),
        ('actor_critic.actor.value=online',),
        ('actor_critic.critic.data_value=online',),
        ('actor_critic.actor.state_gradient=true',),
        ('actor_critic.penalty.logits=centred',),
        ('actor_critic.penalty.logits=probability', 'actor_critic.penalty.reduce=max'),
        ('actor_critic.actor.value_scale=0', 'actor_critic.actor.entropy=0'),
        ('model.kl.free_average=false', 'model.decoded=0.3'),
        ('actor_critic.critic.members=3',),
    ],
)
def test_every_reading_and_row_trains_with_finite_numbers(overrides):
    agent = tiny.agent(*NO_DECAY, *overrides)
    before = tiny.weights(agent.actor)
    for seed in range(2):
        metrics = agent.update(tiny.batch(seed))
        assert all(value == value and abs(value) < 1e6 for value in metrics.values()), metrics
    assert agent.skipped == 0
    assert not tiny.same(before, tiny.weights(agent.actor))


def test_several_cameras_and_proprioception_are_learned_from():
    agent = tiny.agent(cameras=('front', 'wrist'), proprioception=['position'])
    metrics = agent.update(tiny.batch(cameras=('front', 'wrist'), proprioception=2))
    assert metrics['model/proprioception_loss'] > 0


@pytest.mark.parametrize('key', ['reward', 'chosen'])
def test_a_batch_with_nan_is_skipped_counted_and_leaves_finite_networks(key):
    agent = tiny.agent()
    agent.update(tiny.batch())
    before = {name: tiny.weights(part) for name, part in parts(agent).items()}
    bad = tiny.batch()
    bad[key][0, 1] = float('nan')
    metrics = agent.update(bad)
    assert metrics['update/skipped'] == 1 and agent.skipped == 1
    after = {name: tiny.weights(part) for name, part in parts(agent).items()}
    touched = 'model' if key == 'reward' else 'actor'
    assert tiny.same(before[touched], after[touched])
    assert all(value.isfinite().all() for part in after.values() for value in part.values())
    assert agent.update(tiny.batch())['update/skipped'] == 0


def test_the_same_seed_gives_the_same_agent_and_another_seed_another():
    def trained(seed):
        agent = tiny.agent(f'seed={seed}')
        torch.rand(7)  # other users of torch's own generator do not matter
        agent.update(tiny.batch())
        return tiny.weights(agent.actor)

    assert tiny.same(trained(1), trained(1))
    assert not tiny.same(trained(1), trained(2))


def test_a_restored_agent_continues_bit_for_bit():
    one, other = tiny.agent(), tiny.agent()
    for seed in range(2):
        one.update(tiny.batch(seed))
    other.load_state_dict(one.state_dict())
    for seed in range(2, 4):
        first, second = one.update(tiny.batch(seed)), other.update(tiny.batch(seed))
        assert first == second
    assert all(
        tiny.same(tiny.weights(a), tiny.weights(b))
        for a, b in zip(parts(one).values(), parts(other).values())
    )


def test_behaviour_is_learned_from_what_the_state_carries():
    agent = tiny.agent(
        'actor_critic.actor.optimizer.rate=0.02',
        'actor_critic.horizon=0',
        'actor_critic.actor.value_scale=0',
        'actor_critic.actor.initial_std=0.3',
    )
    data = tiny.tensors()
    data['chosen'] = torch.full_like(data['chosen'], 0.5)
    post = posterior(agent, data)
    first = behaviour_prior(agent.actor(post.feat).log_prob(data['chosen']), data['bc_mask'])
    for _ in range(200):
        agent.update_behaviour(post, data)
    assert agent.actor(post.feat).mode().mean().item() == pytest.approx(0.5, abs=0.05)
    last = behaviour_prior(agent.actor(post.feat).log_prob(data['chosen']), data['bc_mask'])
    assert last < first - 1


def test_a_frozen_module_passes_gradients_and_takes_none():
    layer = torch.nn.Linear(1, 1)
    x = torch.ones(1, requires_grad=True)
    with frozen(layer):
        layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None and layer.weight.requires_grad


def test_without_a_penalty_only_the_followed_members_are_computed(monkeypatch):
    agent = tiny.agent('actor_critic.penalty.alpha=0')
    rssm = agent.world_model.rssm
    monkeypatch.setattr(rssm, 'prior_logits', lambda deter: pytest.fail('all members'))
    metrics = agent.update(tiny.batch())
    assert 'imagined/disagreement' not in metrics and metrics['imagined/reward'] != 0
