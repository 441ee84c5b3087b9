"""Every learner with critics says how large its values are, and how large rewards allow."""

import numpy as np
import pytest
import torch

from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.learning.agents import by_hand, by_hand_rows
from tests.learning.agents.test_latent_replay_learner import Updated
from tests.learning.agents.test_sac import drawn

LATENT = ('dreamer_v2', 'lompo', 'combo', 'no_bc', 'moto')


@pytest.mark.parametrize('row', [*LATENT, *pixels.ROWS])
def test_a_row_that_has_critics_tells_both_sides_and_no_other_does(row):
    agent = by_hand_rows.learner(row) if row in LATENT else pixels.learner(row)
    metrics = agent.update(tiny.batch())
    told = {'critics/size', 'critics/allowed'} & set(metrics)
    assert len(told) == (0 if row == 'bc' else 2)
    assert all(metrics[name] > 0 for name in told)


def test_the_values_of_dreamer_v2_are_sums_of_imagined_rewards():
    agent, given, _ = by_hand_rows.in_double('dreamer_v2', 'actor_critic.discount=0.8')
    with torch.no_grad():
        agent.world_model.reward.out.bias += 4.0
    w = by_hand_rows.weights_of(agent)
    imagined = by_hand.imagine(w, given)
    _, metrics = agent.update_behaviour(given.post, given.data)
    reward = [by_hand.reward_of(w, given, feat) for feat in imagined.feat[1:]]
    assert metrics['critics/allowed'].item() == pytest.approx(np.abs(reward).max() / 0.2)
    value = [by_hand.mlp(w['online'], feat) for feat in imagined.feat[:-1]]
    assert metrics['critics/size'].item() == pytest.approx(np.abs(value).mean(), rel=1e-6)


@pytest.mark.parametrize('row, raised', [('lompo', 0.0), ('combo', 1.7 * 9 / 4)])  # 4 real of 9
def test_the_values_of_latent_replay_hold_entropies_and_what_combo_raises(row, raised):
    settings = () if row == 'lompo' else ('latent.conservatism=1.7',)
    found = Updated(row, *settings)
    w, c, steps = found.before, found.given.config, found.steps
    _, log_prob = by_hand_rows.act(w, c, steps.next_feat, steps.next_noise)
    soft = np.abs(steps.reward - 0.8 * 0.3 * log_prob).max()
    expected = (max(soft, 1) + raised) / 0.2
    assert found.metrics['critics/allowed'].item() == pytest.approx(expected, rel=1e-6)
    size = np.abs(by_hand_rows.all_q(w['online'], c, steps.feat, steps.action)).mean()
    assert found.metrics['critics/size'].item() == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize('row, raised', [('iql', 0.0), ('sac', 0.0), ('cql', 2.5 / 2)])
def test_the_values_of_the_model_free_rows_hold_rewards_entropies_and_what_cql_raises(row, raised):
    settings = ('model_free.cql.alpha=2.5', 'model_free.discount=0.8')
    agent = pixels.spread(pixels.learner(row, *settings))
    cut = pixels.cut(agent)
    cut = cut._replace(reward=3 * cut.reward)
    (uniform,) = pixels.noise_to_come(agent, (6, tiny.ACTION))
    temperature = agent.temperature().item() if row != 'iql' else 0.0
    with torch.no_grad():
        _, log_prob = drawn(agent.actor(agent.encoder(*cut.then)), uniform)
        q = pixels.array(agent.critics(agent.encoder(*cut.now), cut.action))
    _, metrics = agent.learn(cut)
    soft = np.abs(pixels.array(cut.reward) - 0.8 * temperature * log_prob).max()
    assert soft > 1
    assert metrics['critics/allowed'].item() == pytest.approx((soft + raised) / 0.2, rel=1e-4)
    assert metrics['critics/size'].item() == pytest.approx(np.abs(q).mean(), rel=1e-4)
