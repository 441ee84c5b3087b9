import math

import pytest
import torch

from moto_learning.model.distributions import gumbel
from moto_learning.model.rssm import State, disagreement
from tests.learning import tiny_learner as tiny

B, T = 3, 5


@pytest.fixture
def rssm():
    return tiny.agent().world_model.rssm


@pytest.fixture
def sequence(rssm):
    generator = torch.Generator().manual_seed(0)
    embed = torch.randn(B, T, rssm.obs_embed.in_features, generator=generator)
    action = torch.randn(B, T, 2, generator=generator)
    is_first = torch.zeros(B, T, dtype=torch.bool)
    is_first[0, 2] = True
    return embed, action, is_first, gumbel((B, T, 3, 4), generator)


def test_the_disagreement_is_the_deviation_over_members_averaged_over_entries():
    logits = torch.tensor([[[1.0, 2.0]], [[3.0, 2.0]], [[5.0, 2.0]]])  # (M=3, S=1, K=2)
    # population deviations: sqrt(8 / 3) and 0
    assert disagreement(logits).item() == pytest.approx(math.sqrt(8 / 3) / 2, abs=1e-5)
    assert disagreement(logits, reduce='max').item() == pytest.approx(math.sqrt(8 / 3))


def test_centred_logits_do_not_see_an_offset_that_changes_no_probability():
    logits = torch.tensor([[[1.0, 2.0]], [[4.0, 5.0]]])
    assert disagreement(logits).item() == pytest.approx(1.5)
    assert disagreement(logits, 'centred').item() == pytest.approx(0, abs=1e-5)
    assert disagreement(logits, 'probability').item() == pytest.approx(0, abs=1e-5)


def test_one_member_agrees_with_itself_and_gradients_stay_finite():
    logits = torch.randn(1, 5, 3, 4, requires_grad=True)
    assert disagreement(logits).tolist() == [0.0] * 5
    same = torch.zeros(2, 3, 4, requires_grad=True)
    disagreement(same).backward()
    assert same.grad.isfinite().all()


def test_each_time_step_trains_the_prior_of_its_own_member(rssm):
    deter = torch.randn(B, T, 8)
    order, members = torch.tensor([1, 3, 5, 4, 2, 0]), [2, 0, 2, 0, 1]  # place 5 is of no row
    found = rssm.member_logits(deter, order)
    every = rssm.prior_logits(deter.flatten(0, 1)).unflatten(1, (B, T))  # (M, B, T, S, K)
    for t, member in enumerate(members):
        assert torch.allclose(found[:, t], every[member][:, t], atol=1e-5)


def test_a_prior_that_is_not_chosen_gets_no_gradient(rssm):
    deter = torch.randn(B, 2, 8, requires_grad=True)
    rssm.member_logits(deter, torch.tensor([2, 0, 1])).square().sum().backward()
    gradients = rssm.priors.layers[0].weight.grad.abs().sum((1, 2))
    assert gradients[0] == 0 and gradients[1] > 0 and gradients[2] > 0
    assert deter.grad.abs().sum() > 0


def test_observing_a_sequence_equals_its_single_steps(rssm, sequence):
    embed, action, is_first, noise = sequence
    whole = rssm.observe(embed, action, is_first, noise=noise)
    state = rssm.initial(B)
    for t in range(T):
        state = rssm.obs_step(
            state, action[:, t], embed[:, t], is_first[:, t].float(), noise[:, t]
        )
        for part, expected in zip(state, whole):
            assert torch.allclose(part, expected[:, t], atol=1e-5)
    assert whole.feat.shape == (B, T, 8 + 12)


def test_a_first_row_forgets_what_was_before_it(rssm, sequence):
    embed, action, is_first, noise = sequence
    whole = rssm.observe(embed, action, is_first, noise=noise)
    other = rssm.observe(
        embed.clone().index_fill_(1, torch.tensor([0, 1]), 9.0), action, is_first, noise=noise
    )
    assert torch.equal(whole.deter[0, 2:], other.deter[0, 2:])  # is_first at row 2
    assert not torch.equal(whole.deter[1, 2:], other.deter[1, 2:])
    fresh = rssm.obs_step(
        rssm.initial(B), torch.zeros(B, 2), embed[:, 2], torch.ones(B), noise[:, 2]
    )
    assert torch.allclose(fresh.deter[0], whole.deter[0, 2], atol=1e-6)


def test_the_action_of_a_row_is_the_one_that_led_to_it(rssm, sequence):
    embed, action, is_first, noise = sequence
    changed = action.clone()
    changed[:, 3] += 1
    before = rssm.observe(embed, action, is_first, noise=noise)
    after = rssm.observe(embed, changed, is_first, noise=noise)
    assert torch.equal(before.deter[:, :3], after.deter[:, :3])
    assert not torch.equal(before.deter[:, 3], after.deter[:, 3])


def test_without_noise_a_step_is_deterministic_and_one_hot(rssm, sequence):
    embed, action, is_first, _ = sequence
    with torch.no_grad():
        steps = [
            rssm.obs_step(rssm.initial(B), action[:, 0], embed[:, 0], torch.ones(B))
            for _ in range(2)
        ]
    assert torch.equal(steps[0].stoch, steps[1].stoch)
    stoch = steps[0].stoch.unflatten(-1, (3, 4))
    assert torch.equal(stoch.argmax(-1), steps[0].logit.argmax(-1))
    assert stoch.sum(-1).eq(1).all() and stoch.max(-1).values.eq(1).all()


@pytest.mark.parametrize('member', [None, torch.tensor(1), torch.tensor([0, 2, 1])])
def test_an_imagined_step_follows_the_member_it_is_told(rssm, member):
    state = State(torch.randn(B, 8), torch.randn(B, 12), torch.zeros(B, 3, 4))
    action, noise = torch.randn(B, 2), gumbel((B, 3, 4), torch.Generator().manual_seed(2))
    after, logits = rssm.img_step(state, action, noise, member), rssm.ahead(state, action)
    if member is None:
        expected = logits.mean(0)
    elif member.ndim == 0:
        expected = logits[1]
    else:
        expected = torch.stack([logits[0, 0], logits[2, 1], logits[1, 2]])
    assert torch.allclose(after.logit, expected, atol=1e-6)
    assert torch.equal(after.stoch.unflatten(-1, (3, 4)).argmax(-1), (expected + noise).argmax(-1))
    assert torch.allclose(rssm.prior_logits(after.deter), logits)


def test_imagining_given_actions_equals_its_single_steps(rssm):
    state, action = rssm.initial(B), torch.randn(B, 4, 2)
    states = rssm.imagine(action, state)
    for t in range(4):
        state = rssm.img_step(state, action[:, t])
        assert all(torch.equal(many[:, t], one) for many, one in zip(states, state))


def test_the_cell_is_dreamers_gru_by_hand(rssm):
    deter, stoch, action = torch.randn(1, 8), torch.randn(1, 12), torch.randn(1, 2)
    after = rssm.img_step(State(deter, stoch, torch.zeros(1, 3, 4)), action)
    weight = torch.cat([rssm.img_stoch.weight, rssm.img_action.weight], 1)
    x = torch.nn.functional.elu(torch.cat([stoch, action], 1) @ weight.T + rssm.img_stoch.bias)
    parts = torch.cat([x, deter], 1) @ rssm.cell.weight.T
    parts = (parts - parts.mean()) / (parts.var(correction=0) + 1e-3).sqrt()
    reset, candidate, update = parts.chunk(3, 1)
    update = torch.sigmoid(update - 1)
    expected = update * torch.tanh(torch.sigmoid(reset) * candidate) + (1 - update) * deter
    assert torch.allclose(after.deter, expected, atol=1e-5)
