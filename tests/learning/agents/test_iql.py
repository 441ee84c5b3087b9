"""IQL's losses by hand, and what each of them trains."""

import math

import numpy as np
import pytest
import torch

from moto_learning.agents.iql import advantage_weights, expectile_loss, weighted_regression
from tests.learning import tiny_pixels as pixels


@pytest.mark.parametrize('expectile, expected', [(0.5, 1.25), (0.7, 0.95), (0.9, 0.65)])
def test_the_expectile_loss_weighs_the_sides_by_hand(expectile, expected):
    difference = torch.tensor([1.0, -2.0])  # (e * 1 + (1 - e) * 4) / 2
    assert expectile_loss(difference, expectile).item() == pytest.approx(expected)


def test_a_high_expectile_draws_the_value_up():
    value = torch.zeros(2, requires_grad=True)
    expectile_loss(torch.tensor([1.0, -1.0]) - value, 0.9).backward()
    assert value.grad.tolist() == pytest.approx([-0.9, 0.1])


def test_advantages_weigh_exponentially_up_to_the_largest():
    advantage = torch.tensor([0.0, 1.0, -1.0, 10.0, 1000.0], requires_grad=True)
    weight = advantage_weights(advantage, 3.0, 100.0)
    assert weight.tolist() == pytest.approx([1, math.exp(3), math.exp(-3), 100, 100])
    assert not weight.requires_grad


def test_the_regression_is_the_weighed_mean_of_the_likelihood():
    log_prob, weight = torch.tensor([-1.0, -2.0]), torch.tensor([1.0, 3.0])
    assert weighted_regression(log_prob, weight).item() == pytest.approx(3.5)


@pytest.fixture
def known():
    """A learner, transitions, and what V, Q and the targets say of them."""
    agent = pixels.spread(
        pixels.learner(
            'iql',
            'model_free.iql.expectile=0.8',
            'model_free.iql.weight_max=1.3',
            'model_free.discount=0.9',
        )
    )
    cut = pixels.cut(agent)
    with torch.no_grad():
        feat, then = agent.encoder(*cut.now), agent.encoder(*cut.then)
        target = agent.target_critics(agent.target_encoder(*cut.now), cut.action)
        centre = (target.amin(0) - agent.value(feat)[:, 0]).mean()
        agent.value.out.bias += centre  # advantages of either sign
        found = {
            'value': agent.value(feat)[:, 0],
            'next_value': agent.value(then)[:, 0],
            'q': agent.critics(feat, cut.action),
            'target': target,
            'log_prob': agent.actor(feat).log_prob(cut.action),
        }
    return agent, cut, {name: pixels.array(value) for name, value in found.items()}


def test_v_and_q_of_iql_go_down_their_losses(known):
    agent, cut, said = known
    watched = pixels.watch(agent)
    agent.learn(cut)
    d = said['target'].min(0) - said['value']
    assert (d < 0).any() and (d > 0).any()
    value_loss = (np.where(d < 0, 0.2, 0.8) * d**2).mean()
    y = pixels.array(cut.reward) + 0.9 * said['next_value']
    q_loss = ((y - said['q']) ** 2).mean(1).sum()
    assert watched['critics'].loss == pytest.approx(value_loss + q_loss, rel=1e-4)
    assert watched['critics'].reaches == {'encoder', 'critics', 'value'}


def test_the_policy_of_iql_is_drawn_to_actions_by_their_advantage(known):
    agent, cut, said = known
    watched = pixels.watch(agent)
    agent.learn(cut)
    weight = np.exp(3 * (said['target'].min(0) - said['value']))
    assert (weight > 1.3).any() and (weight < 1.3).any()
    expected = -(np.minimum(weight, 1.3) * said['log_prob']).mean()
    assert watched['actor'].loss == pytest.approx(expected, rel=1e-4)
    assert watched['actor'].reaches == {'actor'}
