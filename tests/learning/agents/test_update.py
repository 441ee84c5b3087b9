"""An update of actor and critics is that of equations 2 to 12, number by number.

Agents are in double precision, their target critics are not their critics, no scale is 1. With
Adam's epsilon at 1 and neither clipping nor decay, a first step tells its gradient.
"""

import copy

import numpy as np
import pytest
import torch

from moto_learning.model.rollout import draw_rollout_noise
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny
from tests.learning.agents import by_hand

RATE, SMALL = 0.01, 1e-5
PLAIN = [
    f'actor_critic.{part}.optimizer.{setting}'
    for part in ('actor', 'critic')
    for setting in (f'rate={RATE}', 'eps=1', 'clip=0', 'weight_decay=0')
]
SETTINGS = [
    'actor_critic.horizon=3',
    'actor_critic.starts=0',
    'actor_critic.discount=0.9',
    'actor_critic.lambda_=0.7',
    'actor_critic.penalty.alpha=2',
    'actor_critic.actor.value_scale=1.5',
    'actor_critic.actor.beta=0.3',
    'actor_critic.actor.entropy=0.2',
    'actor_critic.critic.model_scale=0.5',
    'actor_critic.critic.data_scale=3',
]


def make(*overrides):
    """An agent and what its update is given: a random posterior, a batch, its next noise."""
    agent = tiny.agent(*PLAIN, *SETTINGS, *overrides)
    random = torch.Generator().manual_seed(7)
    for net in (agent.world_model, agent.actor, agent.critics, agent.target_critics):
        net.double()
    with torch.no_grad():
        for parameter in (*agent.actor.parameters(), *agent.critics.parameters()):
            parameter += 0.2 * torch.randn(parameter.shape, generator=random)
    data = {
        name: value.double() if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in tiny.tensors().items()
    }
    data['bc_mask'][1] = 0
    c, shape = agent.config.model.rssm, data['reward'].shape
    deter = torch.randn(*shape, c.deter, generator=random).double()
    logit = torch.randn(*shape, c.stoch, c.classes, generator=random).double()
    stoch = torch.nn.functional.one_hot(logit.argmax(-1), c.classes).double().flatten(-2)
    ahead = torch.Generator()
    ahead.set_state(agent.generator.get_state())
    noise = draw_rollout_noise(
        agent.config.actor_critic.horizon, shape.numel(), tiny.ACTION, c, ahead
    )
    given = by_hand.Given(
        config=agent.config, post=State(deter, stoch, logit), data=data, noise=noise
    )
    return agent, given


def silence(*nets):
    with torch.no_grad():
        for net in nets:
            for parameter in net.parameters():
                parameter.zero_()


def gradients(net, before):
    """The gradients that a first step of Adam was taken on, by parameter."""
    found = {}
    for name, value in net.state_dict().items():
        moved = (value.numpy() - before[name]) / RATE  # -g / (|g| + 1)
        found[name] = -moved / (1 - np.abs(moved))
    return found


def check_gradients(found, loss, w, part):
    """Compares gradients with slopes of `loss`, each parameter's along a random direction."""
    random = np.random.default_rng(3)
    for name, gradient in found.items():
        direction, ends = random.normal(size=gradient.shape), []
        for step in (SMALL, -SMALL):
            moved = copy.deepcopy(w)
            moved[part][name] += step * direction
            ends.append(loss(moved))
        slope = (ends[0] - ends[1]) / (2 * SMALL)
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8), name


def check_actor(agent, given, unit=lambda w, held: 1.0):
    """Updates the agent; returns the gradients of its actor, which are equation 10's."""
    w = by_hand.weights_of(agent)
    held = by_hand.imagine(w, given)
    of = unit(w, held)
    _, metrics = agent.update_behaviour(given.post, given.data)
    found = gradients(agent.actor, w['actor'])
    expected = by_hand.actor_loss(w, given, held, of)
    assert metrics['actor/loss'].item() == pytest.approx(expected, rel=1e-9)
    check_gradients(found, lambda at: by_hand.actor_loss(at, given, held, of), w, 'actor')
    return found


@pytest.mark.parametrize(
    'overrides',
    [
        (),
        ('actor_critic.actor.value=online',),
        ('actor_critic.critic.data_value=online',),
        ('actor_critic.actor.state_gradient=true',),
        ('actor_critic.penalty.logits=centred',),
        ('actor_critic.penalty.logits=probability', 'actor_critic.penalty.reduce=max'),
        ('actor_critic.penalty.logits=log_probability',),
        ('actor_critic.penalty.relative=true',),
        ('actor_critic.actor.mean_cap=0.5',),
        ('actor_critic.critic.normalize=true',),
        ('model.reward_likelihood=two_hot',),
        ('model.rssm.imagined=row',),
        ('model.rssm.imagined=mean',),
        ('actor_critic.horizon=1',),
        ('actor_critic.horizon=0',),
    ],
    ids=lambda overrides: ' '.join(overrides) or 'plain',
)
def test_the_actor_goes_down_equation_10_in_every_reading(overrides):
    check_actor(*make(*overrides))


def test_the_actor_is_cloned_some_steps_more_on_the_same_states_before_equation_10():
    cloned = ('actor_critic.actor.prior_steps=2', 'actor_critic.actor.optimizer.eps=1')
    agent, given = make(*cloned)
    other, _ = make('actor_critic.actor.value_scale=0', 'actor_critic.actor.entropy=0')
    other.actor.load_state_dict(agent.actor.state_dict())
    assert agent.clone(given.post, given.data, agent.prior_weight(given.data))
    for _ in range(2):
        other.update_behaviour(given.post, given.data)
    for name, value in other.actor.state_dict().items():
        assert torch.allclose(value, agent.actor.state_dict()[name], atol=1e-12), name


@pytest.mark.parametrize('case', ['the weight has fallen', 'no success', 'No BC'])
def test_the_actor_is_not_cloned_more_if(case):
    beta = 'actor_critic.actor.beta=0' if case == 'No BC' else 'actor_critic.actor.beta_half=5'
    agent, given = make('actor_critic.actor.prior_steps=2', beta)
    agent.updates = int(case == 'the weight has fallen')
    if case == 'no success':
        agent.clone(given.post, given.data, agent.prior_weight(given.data))  # Adam's moments
        given.data['bc_mask'].zero_()
    before = tiny.weights(agent.actor)
    assert agent.clone(given.post, given.data, agent.prior_weight(given.data))
    assert tiny.same(before, agent.actor.state_dict())


def test_the_weight_of_the_prior_may_fall_with_successes_that_came_after_its_first_step():
    by = [f'actor_critic.actor.{name}' for name in ('beta=8', 'beta_from=1', 'beta_half=2')]
    agent, _ = make(*by, 'actor_critic.actor.beta_counts=successes')
    for asked in (3, 50):  # before the first update, and asking changes nothing
        assert agent.prior_weight({'successes': torch.tensor(asked)}) == 8
    for shown in (10, 15):  # of the first update and of a later one
        agent.count_shown({'successes': torch.tensor(shown)})
    agent.updates = 1000
    found = [agent.prior_weight({'successes': torch.tensor(n)}) for n in (10, 11, 13, 15, 9)]
    assert found == [8, 8, 4, 2, 8]
    other, _ = make(*by, 'actor_critic.actor.beta_counts=successes')
    other.load_state_dict(agent.state_dict())
    assert other.prior_weight({'successes': torch.tensor(13)}) == 4
    agent, _ = make(*by)
    agent.updates = 3
    assert agent.prior_weight({}) == 4


@pytest.mark.parametrize('successes, weight', [(5, 8.0), (6, 4.0)])
def test_equation_10_has_the_weight_that_successes_give_and_cloning_ends_with_it(
    successes, weight
):
    by = ('beta=8', 'beta_half=1', 'beta_counts=successes', 'prior_steps=2')
    rest = ('value_scale=0', 'entropy=0')
    agent, given = make(*(f'actor_critic.actor.{setting}' for setting in by + rest))
    agent.shown, cloned = 5, []
    given.data['successes'] = torch.tensor(successes)
    step = agent.optimizers['actor'].step

    def counted(loss, extra=False, wanted=None):
        cloned.append(extra)
        return step(loss, extra, wanted)

    agent.optimizers['actor'].step = counted
    _, metrics = agent.update_behaviour(given.post, given.data)
    assert metrics['actor/loss'].item() == pytest.approx(
        weight * metrics['actor/behaviour'].item()
    )
    assert sum(cloned) == (2 if weight == 8 else 0)


def test_cloning_that_is_not_finite_is_told():
    agent, given = make('actor_critic.actor.prior_steps=2')
    before = tiny.weights(agent.actor)
    given.data['chosen'][0, 0, 0] = float('nan')
    assert not agent.clone(given.post, given.data, agent.prior_weight(given.data))
    assert tiny.same(before, agent.actor.state_dict())
    assert not agent.update_behaviour(given.post, given.data)[0]


NO_PRIOR = ('actor_critic.actor.beta=0', 'actor_critic.actor.entropy=0')
NO_PENALTY = (*NO_PRIOR, 'actor_critic.penalty.alpha=0')


@pytest.mark.parametrize(
    'term, overrides, silent',
    [
        ('penalty', NO_PRIOR, ('reward', 'target')),
        ('reward', NO_PENALTY, ('target',)),
        ('value', NO_PENALTY, ('reward',)),
        ('value at s^H', (*NO_PENALTY, 'actor_critic.lambda_=1'), ('reward',)),
        ('value at s^0', (*NO_PENALTY, 'actor_critic.horizon=0'), ('reward',)),
        ('behaviour', ('actor_critic.actor.value_scale=0', 'actor_critic.actor.entropy=0'), ()),
        ('entropy', ('actor_critic.actor.value_scale=0', 'actor_critic.actor.beta=0'), ()),
    ],
)
def test_each_term_alone_reaches_the_actor_with_its_own_gradient(term, overrides, silent):
    agent, given = make(*overrides)
    nets = {'reward': agent.world_model.reward, 'target': agent.target_critics}
    silence(*(nets[name] for name in silent))
    found = check_actor(agent, given)
    assert all(np.abs(gradient).max() > 1e-4 for gradient in found.values())


@pytest.mark.parametrize(
    'data_value, actor_value', [('target', 'target'), ('target', 'online'), ('online', 'target')]
)
@pytest.mark.parametrize('model_scale, data_scale', [(0.5, 3), (2, 0), (0, 2)])
@pytest.mark.parametrize('normalize', ['false', 'true'])
def test_the_critics_go_down_equation_9(
    data_value, actor_value, model_scale, data_scale, normalize
):
    agent, given = make(
        f'actor_critic.critic.normalize={normalize}',
        f'actor_critic.critic.data_value={data_value}',
        f'actor_critic.actor.value={actor_value}',
        f'actor_critic.critic.model_scale={model_scale}',
        f'actor_critic.critic.data_scale={data_scale}',
    )
    w = by_hand.weights_of(agent)
    imagined = by_hand.imagine(w, given)
    expanded = by_hand.values(w, given, imagined, 'target')[0]
    mixed = by_hand.values(w, given, imagined, data_value)[1]

    def losses(at):
        return by_hand.critic_losses(at, given, imagined, expanded, mixed)

    _, metrics = agent.update_behaviour(given.post, given.data)
    model, true = losses(w)
    assert metrics['critics/model_loss'].item() == pytest.approx(model, rel=1e-9)
    assert metrics['critics/data_loss'].item() == pytest.approx(true, rel=1e-9)
    check_gradients(
        gradients(agent.critics, w['online']),
        lambda at: np.dot(losses(at), (model_scale, data_scale)),
        w,
        'online',
    )


def test_the_usual_disagreement_is_a_moving_mean_that_a_checkpoint_keeps():
    agent, given = make('actor_critic.penalty.relative=true')
    first = by_hand.usual(by_hand.weights_of(agent), given)
    agent.update_behaviour(given.post, given.data)
    assert agent.usual.value.item() == pytest.approx(first, rel=1e-6)
    with torch.no_grad():
        agent.world_model.rssm.priors.layers[-1].weight.mul_(3)
    second = by_hand.usual(by_hand.weights_of(agent), given)
    agent.update_behaviour(given.post, given.data)
    assert agent.usual.value.item() == pytest.approx(0.99 * first + 0.01 * second, rel=1e-6)
    assert second > 1.5 * first
    other, _ = make('actor_critic.penalty.relative=true')
    other.load_state_dict(agent.state_dict())
    assert other.usual.value.item() == pytest.approx(agent.usual.value.item(), rel=1e-6)


def test_what_is_not_finite_moves_neither_the_usual_disagreement_nor_the_range_of_values():
    relative = [f'actor_critic.{part}.relative=true' for part in ('penalty', 'actor')]
    agent, given = make(*relative)
    broken = given.post._replace(deter=given.post.deter * float('nan'))
    assert not agent.update_behaviour(broken, given.data)[0]
    assert agent.usual.value == agent.range.value == 0
    assert agent.update_behaviour(given.post, given.data)[0]
    usual, span = agent.usual.value.item(), agent.range.value.item()
    assert usual > 0 and span > 0
    assert not agent.update_behaviour(broken, given.data)[0]
    assert (agent.usual.value.item(), agent.range.value.item()) == (usual, span)
    spoilt = {**agent.state_dict(), 'usual': float('nan'), 'range': float('inf')}
    other, _ = make(*relative)
    other.load_state_dict(spoilt)
    assert other.usual.value == other.range.value == 0
    assert other.update_behaviour(given.post, given.data)[0]


@pytest.mark.parametrize('wide', [True, False])
def test_relative_values_count_in_multiples_of_their_range_or_of_1(wide):
    agent, given = make('actor_critic.actor.relative=true', 'actor_critic.penalty.alpha=0')
    if not wide:
        silence(agent.world_model.reward)
    with torch.no_grad():
        for net in (agent.critics, agent.target_critics):
            for parameter in net.net.layers[-1].parameters():
                parameter *= 30.0 if wide else 0.01
    w = by_hand.weights_of(agent)
    found = by_hand.value_range(w, given, by_hand.imagine(w, given))
    assert (found > 2) == wide
    check_actor(agent, given, lambda w, held: max(1.0, found))
    assert agent.range.value.item() == pytest.approx(found, rel=1e-6)
    agent.range.value = torch.tensor(100.0)
    w = by_hand.weights_of(agent)
    ahead = torch.Generator()
    ahead.set_state(agent.generator.get_state())
    noise = draw_rollout_noise(
        3, given.data['reward'].numel(), tiny.ACTION, agent.config.model.rssm, ahead
    )
    given = given._replace(noise=noise)
    held = by_hand.imagine(w, given)
    second = by_hand.value_range(w, given, held)
    _, metrics = agent.update_behaviour(given.post, given.data)
    expected = by_hand.actor_loss(w, given, held, 99 + 0.01 * second)
    assert metrics['actor/loss'].item() == pytest.approx(expected, rel=1e-6)
    assert agent.range.value.item() == pytest.approx(99 + 0.01 * second, rel=1e-5)
    other, _ = make('actor_critic.actor.relative=true')
    other.load_state_dict(agent.state_dict())
    assert other.range.value.item() == pytest.approx(agent.range.value.item(), rel=1e-6)


def test_a_disagreement_of_0_has_no_unit_and_costs_nothing():
    one = ('model.rssm.members=1', 'actor_critic.penalty.relative=true')
    agent, given = make(*one)
    finite, metrics = agent.update_behaviour(given.post, given.data)
    assert finite and agent.usual.value == 0 and metrics['imagined/value'].isfinite()


def test_cloning_more_leaves_the_actors_schedule_to_its_updates():
    agent, given = make('actor_critic.actor.prior_steps=3')
    agent.update_behaviour(given.post, given.data)
    assert agent.optimizers['actor'].steps == 1


def test_without_a_horizon_the_critics_learn_from_the_data_alone():
    agent, given = make('actor_critic.horizon=0')
    w = by_hand.weights_of(agent)
    imagined = by_hand.imagine(w, given)
    mixed = by_hand.values(w, given, imagined, 'target')[1]
    _, metrics = agent.update_behaviour(given.post, given.data)
    _, true = by_hand.critic_losses(w, given, imagined, [], mixed)
    assert metrics['critics/model_loss'].item() == 0
    assert metrics['critics/data_loss'].item() == pytest.approx(true, rel=1e-9)


def test_the_readings_of_one_update_differ():
    """Else the tests above would not see which one was taken."""
    agent, given = make()
    w = by_hand.weights_of(agent)
    held = by_hand.imagine(w, given)
    by_target, by_online = (by_hand.values(w, given, held, name) for name in ('target', 'online'))
    expanded, mixed = by_target
    losses = [
        by_hand.critic_losses(w, given, held, *pair)
        for pair in (by_target, (mixed[:3], mixed), (expanded, mixed[::-1]), by_online)
    ]
    assert len({round(sum(pair), 3) for pair in losses}) == 4
    assert abs(np.mean(mixed[:3]) - np.mean(mixed)) > 1e-3
    assert abs(np.mean(by_target[1]) - np.mean(by_online[1])) > 1e-2
