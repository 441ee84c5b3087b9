"""An update of DreamerV2's actor and critic is that of equations 13 to 15, number by number."""

import numpy as np
import pytest

from moto_core.errors import ConfigError
from tests.learning import tiny_learner as tiny
from tests.learning.agents import by_hand, by_hand_rows
from tests.learning.agents.test_update import PLAIN, check_gradients, gradients

SETTINGS = (
    *PLAIN,
    'actor_critic.horizon=3',
    'actor_critic.starts=0',
    'actor_critic.discount=0.8',
    'actor_critic.lambda_=0.7',
    'actor_critic.actor.entropy=0.2',
)


def updated(*overrides):
    """Updates a learner; returns it, the weights before, the rollout, what was given, metrics."""
    agent, given, _ = by_hand_rows.in_double('dreamer_v2', *SETTINGS, *overrides)
    w = by_hand_rows.weights_of(agent)
    held = by_hand.imagine(w, given)
    _, metrics = agent.update_behaviour(given.post, given.data)
    return agent, w, held, given, metrics


@pytest.mark.parametrize(
    'overrides',
    [
        (),
        ('actor_critic.horizon=1',),
        ('actor_critic.lambda_=1',),
        ('actor_critic.actor.entropy=0',),
        ('model.reward_likelihood=two_hot',),
        ('actor_critic.actor.mean_cap=0.5',),
        ('actor_critic.actor.state_gradient=true',),
    ],
    ids=lambda overrides: ' '.join(overrides) or 'plain',
)
def test_the_actor_goes_down_equation_14_through_the_dynamics(overrides):
    agent, w, held, given, metrics = updated(*overrides)
    found = gradients(agent.actor, w['actor'])
    expected = by_hand_rows.dreamer_actor(w, given, held)
    assert metrics['actor/loss'].item() == pytest.approx(expected, rel=1e-9)
    check_gradients(found, lambda at: by_hand_rows.dreamer_actor(at, given, held), w, 'actor')
    assert all(np.abs(gradient).max() > 1e-4 for gradient in found.values())


@pytest.mark.parametrize('horizon', [1, 3])
def test_the_critic_goes_down_equation_15_towards_the_targets_values(horizon):
    agent, w, held, given, metrics = updated(f'actor_critic.horizon={horizon}')
    target = by_hand_rows.lambda_values(w, given, held)

    def loss(at):
        return by_hand_rows.dreamer_critic(at, given, held, target)

    assert metrics['critics/loss'].item() == pytest.approx(loss(w), rel=1e-9)
    check_gradients(gradients(agent.critic, w['online']), loss, w, 'online')


def test_neither_penalty_nor_prior_nor_the_datas_own_steps_matter():
    """What MOTO has beyond DreamerV2 changes nothing but the exported disagreement."""
    found = []
    for changes, override in (({}, 'alpha=0'), ({'chosen': 0.3, 'reward': 2.0}, 'alpha=50')):
        agent, given, _ = by_hand_rows.in_double(
            'dreamer_v2',
            *SETTINGS,
            f'actor_critic.penalty.{override}',
            'actor_critic.actor.beta=9',
        )
        for name, value in changes.items():
            given.data[name][:] = value
        agent.update_behaviour(given.post, given.data)
        found.append({name: tiny.weights(net) for name, net in agent.networks().items()})
    assert all(tiny.same(found[0][name], found[1][name]) for name in found[0])


def test_the_target_is_copied_every_so_many_updates():
    agent = by_hand_rows.learner('dreamer_v2')  # target_every = 3
    for count in range(1, 5):
        agent.update(tiny.batch(seed=count))
        equal = tiny.same(tiny.weights(agent.critic), tiny.weights(agent.target_critic))
        assert equal == (count == 3)


def test_an_update_leaves_the_world_model_to_its_own_loss():
    agent, given, _ = by_hand_rows.in_double('dreamer_v2', *SETTINGS)
    before = tiny.weights(agent.world_model)
    agent.update_behaviour(given.post, given.data)
    assert tiny.same(before, tiny.weights(agent.world_model))
    assert all(p.grad is None and p.requires_grad for p in agent.world_model.parameters())


def test_without_imagined_steps_there_is_nothing_to_learn_from():
    with pytest.raises(ConfigError, match='actor_critic.horizon is 0.*at least 1'):
        by_hand_rows.learner('dreamer_v2', 'actor_critic.horizon=0')
