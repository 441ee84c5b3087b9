"""SAC's losses by hand, and what each of them trains."""

import math

import numpy as np
import pytest
import torch

from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.learning.agents.by_hand import cdf, quantile


def log_density(loc, scale, action):
    """ln of the truncated normal's density (N,), summed over the entries."""
    z = (action - loc) / scale
    mass = cdf((1 - loc) / scale) - cdf((-1 - loc) / scale)
    return (-(z**2) / 2 - math.log(2 * math.pi) / 2 - np.log(scale * mass)).sum(-1)


def drawn(policy, uniform):
    """A policy's action (N, A) for uniform noise, and its ln density."""
    loc, scale = (pixels.array(part) for part in policy)
    low, high = cdf((-1 - loc) / scale), cdf((1 - loc) / scale)
    action = loc + scale * quantile(low + uniform * (high - low))
    return action, log_density(loc, scale, action)


def tensor(value):
    return torch.from_numpy(value).float()


def expected_target(agent, cut, uniform):
    with torch.no_grad():
        action, log_prob = drawn(agent.actor(agent.encoder(*cut.then)), uniform)
        q = pixels.array(agent.target_critics(agent.target_encoder(*cut.then), tensor(action)))
    temperature = math.exp(agent.temperature.log.item())
    soft = q.min(0) - temperature * log_prob
    return pixels.array(cut.reward) + agent.settings.discount * soft


def test_the_critics_of_sac_go_down_the_error_to_the_soft_target():
    agent = pixels.spread(pixels.learner('sac', proprioception=['position']))
    cut = pixels.cut(agent, proprioception=2)
    assert len(cut.reward) == 6
    (uniform,) = pixels.noise_to_come(agent, (6, tiny.ACTION))
    y = expected_target(agent, cut, uniform)
    q = pixels.array(agent.critics(agent.encoder(*cut.now), cut.action))  # (2, N)
    watched = pixels.watch(agent)
    agent.learn(cut)
    assert watched['critics'].loss == pytest.approx(((y - q) ** 2).mean(1).sum(), rel=1e-4)
    assert watched['critics'].reaches == {'encoder', 'critics'}


def test_the_policy_and_the_temperature_of_sac_train_themselves_alone():
    agent = pixels.spread(pixels.learner('sac', 'model_free.sac.entropy=0.7'))
    cut = pixels.cut(agent)
    _, uniform = pixels.noise_to_come(agent, (6, tiny.ACTION), (6, tiny.ACTION))
    with torch.no_grad():
        feat = agent.encoder(*cut.now)
        action, log_prob = drawn(agent.actor(feat), uniform)
        q = pixels.array(agent.critics(feat, tensor(action))).min(0)
    watched = pixels.watch(agent)
    agent.learn(cut)
    temperature = math.exp(agent.temperature.log.item())
    loss = (temperature * log_prob - q).mean()
    assert watched['actor'].loss == pytest.approx(loss, rel=1e-4)
    assert watched['actor'].reaches == {'actor'}
    goal = -0.7 * tiny.ACTION
    assert watched['temperature'].loss == pytest.approx(
        -math.log(temperature) * (log_prob + goal).mean(), rel=1e-4
    )
    assert watched['temperature'].reaches == {'temperature'}
