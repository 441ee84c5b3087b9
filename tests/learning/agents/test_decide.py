import numpy as np
import pytest
import torch

from moto_learning.agents.decide import decide
from moto_learning.agents.torch_policy import TorchPolicy
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny


def posterior(agent, count=5):
    random = torch.Generator().manual_seed(1)
    c = agent.config.model.rssm
    logit = torch.randn(count, c.stoch, c.classes, generator=random)
    stoch = torch.nn.functional.one_hot(logit.argmax(-1), c.classes).float().flatten(-2)
    return State(torch.randn(count, c.deter, generator=random), stoch, logit)


@torch.no_grad()
def test_the_action_is_the_policys_mode_and_the_disagreement_is_about_what_it_leads_to():
    agent = tiny.agent()
    rssm, post = agent.world_model.rssm, posterior(agent)
    found = decide(rssm, agent.actor, agent.config.actor_critic.penalty, post)
    assert found.post is post
    torch.testing.assert_close(found.action, agent.actor(post.feat).loc)
    _, logits = rssm.img_step(post, found.action)  # (M, N, S, K)
    torch.testing.assert_close(found.disagreement, logits.std(0, correction=0).mean((-2, -1)))
    assert found.action.shape == (5, 2) and found.disagreement.shape == (5,)


@torch.no_grad()
def test_what_chooses_the_action_is_an_argument_and_is_asked_about_too():
    agent = tiny.agent('actor_critic.penalty.reduce=max')
    rssm, post = agent.world_model.rssm, posterior(agent)
    given = torch.full((5, 2), 0.5)
    found = decide(
        rssm, agent.actor, agent.config.actor_critic.penalty, post, lambda policy: given
    )
    assert found.action is given
    _, logits = rssm.img_step(post, given)
    torch.testing.assert_close(found.disagreement, logits.std(0, correction=0).amax((-2, -1)))


@torch.no_grad()
def test_the_policy_in_torch_and_the_exported_graph_decide_alike():
    agent = tiny.agent()
    encoder, graph = agent.graphs()[:2]
    policy = TorchPolicy(agent)
    state = policy.initial()
    random = np.random.default_rng(0)
    for _ in range(5):
        image = random.integers(0, 255, (8, 12, 3), np.uint8)
        inputs = (state[name] for name in ('deter', 'stoch', 'action', 'is_first'))
        found = graph(encoder(torch.from_numpy(image)[None]), *map(torch.from_numpy, inputs))
        step = policy.step({'front': image}, None, state)
        np.testing.assert_allclose(found[0][0], step.action, atol=1e-6)
        np.testing.assert_allclose(found[1], step.state['deter'], atol=1e-6)
        np.testing.assert_array_equal(found[2], step.state['stoch'])
        assert float(found[3]) == pytest.approx(step.disagreement, abs=1e-6)
        state = step.state
