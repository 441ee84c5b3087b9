"""A rollout by hand: a model of one number, every step with noise of its own."""

import math

import pytest
import torch

from moto_learning.config import PenaltyConfig, RSSMConfig
from moto_learning.model import rollout as module
from moto_learning.model.distributions import TruncatedNormal, one_hot_sample
from moto_learning.model.rollout import RolloutNoise, draw_rollout_noise, rollout
from moto_learning.model.rssm import State

CONFIG = RSSMConfig(deter=1, stoch=1, classes=2, members=2)


class Line:
    """Dynamics h' = h / 2 + a; member 0 expects class 0, member 1 class 1, at odds h' + 2."""

    def unrolled(self):
        return 'layers'

    def img_step(self, state, action, noise, member, layers):
        assert layers == 'layers'
        deter = 0.5 * state.deter + action  # (N, 1)
        logit = self.prior_logits(deter)[member]
        return State(deter, one_hot_sample(logit, noise).flatten(-2), logit)

    def prior_logits(self, deter):
        odds = (deter + 2).unsqueeze(-1)  # (N, S=1, 1)
        nothing = torch.zeros_like(odds)
        return torch.stack([torch.cat([odds, nothing], -1), torch.cat([nothing, odds], -1)])


def wide(feat):
    """A policy so wide that its samples are uniform: 2 * noise - 1."""
    loc = torch.zeros(len(feat), 1).double()
    return TruncatedNormal(loc, loc + 1e3)


def noise_of_every_step():
    nothing, second = [[[0.0, 0.0]]], [[[0.0, 9.0]]]
    return RolloutNoise(
        action=torch.tensor([0.6, 0.75, 0.5, 0.9]).double().reshape(4, 1, 1),
        state=torch.tensor([nothing, nothing, second]),
        member=torch.tensor([1, 0, 0]),
    )


def start():
    return State(torch.ones(1, 1).double(), torch.zeros(1, 2).double(), torch.zeros(1, 1, 2))


@pytest.mark.parametrize('rows', [1, 2, 512])
def test_every_step_has_its_own_action_member_and_sample(monkeypatch, rows):
    monkeypatch.setattr(module, 'ROWS', rows)  # of three states
    found = rollout(Line(), wide, start(), noise_of_every_step(), PenaltyConfig())
    actions = found.action.flatten().tolist()
    assert actions == pytest.approx([0.2, 0.5, 0.0, 0.8], abs=1e-5)
    # h: 1, then 0.5 + 0.2, 0.35 + 0.5, 0.425 + 0. z: of member 1, of member 0, by the noise
    assert found.feat[:, 0].tolist() == [
        [1.0, 0.0, 0.0],
        pytest.approx([0.7, 0.0, 1.0], abs=1e-5),
        pytest.approx([0.85, 1.0, 0.0], abs=1e-5),
        pytest.approx([0.425, 0.0, 1.0], abs=1e-5),
    ]
    # logits (h' + 2, 0) and (0, h' + 2): both entries deviate by (h' + 2) / 2
    spread = found.disagreement.flatten().tolist()
    assert spread == pytest.approx([1.35, 1.425, 1.2125], abs=1e-5)
    assert found.entropy.flatten().tolist() == pytest.approx([math.log(2)] * 4, abs=1e-5)


@pytest.mark.parametrize(
    'state_gradient, expected',
    [
        # h^3 = (1 / 2 + w)^3
        (True, 3 * 0.75**2),
        # a^t = w sg(h^t): h^3 = a^2 + a^1 / 2 + a^0 / 4 + h^0 / 8, with h = 1, 0.75, 0.5625
        (False, 0.5625 + 0.75 / 2 + 1 / 4),
    ],
)
def test_gradients_run_through_the_states_and_where_told_into_what_is_read(
    state_gradient, expected
):
    w = torch.tensor(0.25).double().requires_grad_()

    def policy(feat):
        """So narrow that its median is its location, w h."""
        return TruncatedNormal(w * feat[:, :1], torch.full((1, 1), 0.01).double())

    noise = noise_of_every_step()._replace(action=torch.full((4, 1, 1), 0.5).double())
    found = rollout(Line(), policy, start(), noise, PenaltyConfig(), state_gradient)
    assert found.feat[:, 0, 0].tolist() == pytest.approx([1, 0.75, 0.5625, 0.421875])
    found.feat[3, 0, 0].backward()
    assert w.grad.item() == pytest.approx(expected)


@pytest.mark.parametrize('imagined, shape', [('member', (50,)), ('row', (50, 3)), ('mean', None)])
def test_the_noise_of_every_step_is_another(imagined, shape):
    config = RSSMConfig(deter=1, stoch=1, classes=2, members=2, imagined=imagined)
    noise = draw_rollout_noise(50, 3, 2, config, torch.Generator().manual_seed(0))
    assert noise.action.shape == (51, 3, 2) and noise.state.shape == (50, 3, 1, 2)
    assert len(noise.action.unique()) == noise.action.numel()
    assert len(noise.state.unique()) == noise.state.numel()
    if shape is None:
        assert noise.member is None
    else:
        assert noise.member.shape == shape and set(noise.member.flatten().tolist()) == {0, 1}
