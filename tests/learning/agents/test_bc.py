import numpy as np
import pytest
import torch

from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.learning.agents.test_sac import log_density


def test_bc_goes_down_the_likelihood_of_successful_actions_alone():
    agent = pixels.spread(pixels.learner('bc'))
    data = tiny.tensors()
    data['bc_mask'][1] = 0
    cut = pixels.cut_transitions(data, 3, 64, agent.generator)
    with torch.no_grad():
        loc, scale = (pixels.array(part) for part in agent.actor(agent.encoder(*cut.now)))
    ours = pixels.array(cut.successful) == 1
    assert ours.sum() == 4 and len(ours) == 6
    by_action = log_density(loc, scale, pixels.array(cut.action))
    watched = pixels.watch(agent)
    agent.learn(cut)
    assert watched['actor'].loss == pytest.approx(-np.mean(by_action[ours]), rel=1e-4)
    assert watched['actor'].reaches == {'encoder', 'actor'}


def test_without_a_success_bc_learns_nothing():
    agent = pixels.learner('bc')
    batch = tiny.batch()
    batch['bc_mask'][:] = 0
    before = pixels.networks(agent)
    assert agent.update(batch)['actor/behaviour'] == 0
    assert pixels.changed(agent, before) == set()
