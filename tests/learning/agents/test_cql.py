"""CQL's conservative term by hand."""

import math

import numpy as np
import pytest
import torch

from moto_learning.agents.cql import conservative_term
from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.learning.agents.test_sac import drawn, expected_target, tensor


def test_the_conservative_term_is_the_log_of_the_corrected_mean_less_q():
    q_drawn = np.array(
        [[[1.0, 0.0], [2.0, -1.0], [0.5, 3.0]], [[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]]]
    )
    density = np.array([[0.25, 0.5], [0.25, 1.5], [0.8, 2.0]])  # (K, N)
    q = np.array([[1.5, 2.0], [0.0, 0.5]])  # (members, N)
    expected = 0.0
    for i in range(2):
        for n in range(2):
            corrected = [math.exp(q_drawn[i, k, n]) / density[k, n] for k in range(3)]
            expected += (math.log(sum(corrected) / 3) - q[i, n]) / 2
    found = conservative_term(
        torch.tensor(q_drawn), torch.tensor(np.log(density)), torch.tensor(q)
    )
    assert found.item() == pytest.approx(expected)


def test_of_a_flat_q_the_term_is_the_logarithm_of_the_actions_volume():
    flat = torch.full((2, 10, 4), 7.0)
    even = torch.full((10, 4), -3 * math.log(2))  # uniform on [-1, 1]^3, of volume 8
    term = conservative_term(flat, even, torch.full((2, 4), 7.0))
    assert term.item() == pytest.approx(2 * 3 * math.log(2))


def test_half_of_the_actions_are_uniform_and_half_the_policys_with_their_densities():
    agent = pixels.spread(pixels.learner('cql'))
    feat = agent.encoder(*pixels.cut(agent).now)
    shape = (3, 6, tiny.ACTION)
    first, second = pixels.noise_to_come(agent, shape, shape)
    action, log_density = agent.draw_actions(feat)
    assert action.shape == (6, 6, tiny.ACTION) and not action.requires_grad
    np.testing.assert_allclose(action[:3], 2 * first - 1, atol=1e-6)
    np.testing.assert_allclose(log_density[:3], np.full((3, 6), -2 * math.log(2)), rtol=1e-6)
    chosen, expected = drawn(agent.actor(feat), second)
    np.testing.assert_allclose(action[3:], chosen, atol=1e-4)
    np.testing.assert_allclose(log_density[3:], expected, atol=1e-3)


def test_the_term_trains_the_encoder_by_drawn_actions_and_by_the_datas(monkeypatch):
    """Both critics are Q = s a. At s = 2 the data's action .5 has Q = y = 1, so SAC's loss pulls
    at nothing. Of the actions 0 and 1, each of density 1, the logarithm of the mean of e^(s a) has
    the slope 1 / (1 + e^-2) = .8808, from which the slope .5 of the data's goes: twice .3808.
    """
    agent = pixels.learner('cql', 'model_free.cql.alpha=2.5')
    product = lambda feat, action: (feat * action)[..., 0].expand(2, *action.shape[:-1])  # noqa: E731
    actions = torch.tensor([0.0, 1.0])[:, None, None]  # (K, N, A)
    monkeypatch.setattr(agent, 'critics', product)
    monkeypatch.setattr(agent, 'draw_actions', lambda feat: (actions, torch.zeros(2, 1)))
    feat = torch.tensor([[2.0]], requires_grad=True)
    cut = pixels.cut(agent)._replace(action=torch.tensor([[0.5]]))
    loss, _ = agent.critic_loss(feat, cut, torch.tensor([1.0]))
    (slope,) = torch.autograd.grad(loss, feat)
    assert slope.item() == pytest.approx(2.5 * 2 * (0.8808 - 0.5), rel=1e-3)


def test_the_critics_of_cql_go_down_sacs_loss_and_alpha_times_the_term():
    agent = pixels.spread(pixels.learner('cql', 'model_free.cql.alpha=2.5'))
    cut = pixels.cut(agent)
    shape = (3, 6, tiny.ACTION)
    target_noise, first, second = pixels.noise_to_come(agent, shape[1:], shape, shape)
    y = expected_target(agent, cut, target_noise)
    feat = agent.encoder(*cut.now)
    chosen, log_prob = drawn(agent.actor(feat), second)
    action = np.concatenate([2 * first - 1, chosen])  # (K, N, A)
    density = np.exp(np.concatenate([np.full((3, 6), -2 * math.log(2)), log_prob]))
    q = pixels.array(agent.critics(feat, cut.action))  # (2, N)
    by_action = np.stack([pixels.array(agent.critics(feat, tensor(a))) for a in action], 1)
    term = (np.log((np.exp(by_action) / density).mean(1)) - q).mean(1).sum()
    watched = pixels.watch(agent)
    _, metrics = agent.learn(cut)
    assert metrics['critics/conservative'].item() == pytest.approx(term, rel=1e-3)
    expected = ((y - q) ** 2).mean(1).sum() + 2.5 * term
    assert watched['critics'].loss == pytest.approx(expected, rel=1e-3)
    assert watched['critics'].reaches == {'encoder', 'critics'}
    assert watched['actor'].reaches == {'actor'}
