import numpy as np
import pytest
import torch

from moto_learning.agents.decide import decide
from moto_learning.agents.torch_policy import TorchPolicy
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny


def inputs(agent, count=5):
    """What `decide` is given: an observation, and a state carried to it."""
    random = torch.Generator().manual_seed(1)
    c, size = agent.config.model.rssm, agent.world_model.encoder.size
    logit = torch.randn(count, c.stoch, c.classes, generator=random)
    return {
        'embed': torch.randn(count, size, generator=random),
        'deter': torch.randn(count, c.deter, generator=random),
        'stoch': torch.nn.functional.one_hot(logit.argmax(-1), c.classes).float().flatten(-2),
        'previous_action': torch.rand(count, 2, generator=random),
        'is_first': torch.tensor([1.0, *[0.0] * (count - 1)]),
    }


def networks(agent):
    return agent.world_model.rssm, agent.actor, agent.config.actor_critic.penalty


@torch.no_grad()
def test_the_action_is_the_policys_mode_and_the_disagreement_is_about_what_it_leads_to():
    agent = tiny.agent()
    rssm, given = agent.world_model.rssm, inputs(agent)
    found = decide(*networks(agent), **given)
    before = State(given['deter'], given['stoch'], given['stoch'])
    post = rssm.obs_step(before, given['previous_action'], given['embed'], given['is_first'])
    torch.testing.assert_close(found.post, post)
    torch.testing.assert_close(found.action, agent.actor(post.feat).loc)
    logits = rssm.prior_logits(rssm.img_step(post, found.action).deter)  # (M, N, S, K)
    torch.testing.assert_close(found.disagreement, logits.std(0, correction=0).mean((-2, -1)))
    assert found.action.shape == (5, 2) and found.disagreement.shape == (5,)


@torch.no_grad()
def test_what_chooses_the_action_is_an_argument_and_is_asked_about_too():
    agent = tiny.agent('actor_critic.penalty.reduce=max')
    given = torch.full((5, 2), 0.5)
    found = decide(*networks(agent), **inputs(agent), choose=lambda policy: given)
    assert found.action is given
    rssm = agent.world_model.rssm
    logits = rssm.prior_logits(rssm.img_step(found.post, given).deter)
    torch.testing.assert_close(found.disagreement, logits.std(0, correction=0).amax((-2, -1)))


@torch.no_grad()
def test_the_surprise_is_the_kl_from_the_posterior_to_the_mean_prior_and_0_at_a_first_row():
    agent = tiny.agent()
    rssm = agent.world_model.rssm
    found = decide(*networks(agent), **inputs(agent))
    prior = rssm.prior_logits(found.post.deter)  # (M, N, S, K)
    mean = sum(prior[i] for i in range(len(prior))) / len(prior)
    q = found.post.logit.softmax(-1)
    expected = (q * (q.log() - mean.log_softmax(-1))).sum((-2, -1))
    assert expected[0] > 1e-4, 'there is something to be left out'
    assert found.surprise[0] == 0.0
    torch.testing.assert_close(found.surprise[1:], expected[1:])


@torch.no_grad()
def test_noise_draws_another_state_than_the_mode():
    agent = tiny.agent()
    c = agent.config.model.rssm
    noise = torch.full((5, c.stoch, c.classes), 0.0)
    noise[..., 0] = 100.0  # the first class of every category, whatever its logit
    drawn = decide(*networks(agent), **inputs(agent), noise=noise).post
    assert drawn.stoch.unflatten(-1, (c.stoch, c.classes)).argmax(-1).eq(0).all()
    assert not decide(*networks(agent), **inputs(agent)).post.stoch.equal(drawn.stoch)


@torch.no_grad()
def test_the_policy_in_torch_and_the_exported_graph_decide_alike():
    agent = tiny.agent()
    encoder, graph = agent.graphs()[:2]
    policy = TorchPolicy(agent)
    state = policy.initial()
    random = np.random.default_rng(0)
    for _ in range(5):
        image = random.integers(0, 255, (8, 12, 3), np.uint8)
        carried = (state[name] for name in ('deter', 'stoch', 'previous_action', 'is_first'))
        found = graph(encoder(torch.from_numpy(image)[None]), *map(torch.from_numpy, carried))
        step = policy.step({'front': image}, None, state)
        np.testing.assert_allclose(found[0][0], step.action, atol=1e-6)
        np.testing.assert_allclose(found[1], step.state['deter'], atol=1e-6)
        np.testing.assert_array_equal(found[2], step.state['stoch'])
        assert float(found[3]) == pytest.approx(step.disagreement, abs=1e-6)
        assert float(found[4]) == pytest.approx(step.surprise, abs=1e-6)
        state = step.state
