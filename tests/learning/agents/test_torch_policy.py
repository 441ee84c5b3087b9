import numpy as np
import pytest
import torch

from moto_core.errors import ObservationError
from moto_learning.agents.torch_policy import Exploration, TorchPolicy
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny


def images(t, cameras=('front',)):
    random = np.random.default_rng(t)
    return {name: random.integers(0, 255, (8, 12, 3), np.uint8) for name in cameras}


def walk(policy, steps=4, vector=None):
    state, out = policy.initial(), []
    for t in range(steps):
        step = policy.step(images(t), vector, state)
        state = step.state
        out.append(step)
    return out


def test_the_mode_is_deterministic_and_its_state_goes_in_and_out():
    policy = TorchPolicy(tiny.agent())
    first, second = walk(policy), walk(policy)
    for a, b in zip(first, second):
        assert np.array_equal(a.action, b.action) and a.disagreement == b.disagreement
    assert first[0].action.shape == (2,) and first[0].action.dtype == np.float32
    assert first[0].state['is_first'].tolist() == [0.0]
    assert np.array_equal(first[0].state['previous_action'][0], first[0].action)
    assert first[0].disagreement > 0
    assert not np.array_equal(first[1].action, first[2].action)


def test_the_disagreement_is_that_of_the_state_the_chosen_action_leads_to():
    agent = tiny.agent()
    step = walk(TorchPolicy(agent), 1)[0]
    deter, stoch, action = (
        torch.as_tensor(step.state[name]) for name in ('deter', 'stoch', 'previous_action')
    )
    rssm = agent.world_model.rssm
    with torch.no_grad():
        after = rssm.img_step(State(deter, stoch, deter.new_zeros(())), action)
        logits = rssm.prior_logits(after.deter)
        before = rssm.prior_logits(deter).std(0, correction=0).mean().item()
    assert step.disagreement == pytest.approx(logits.std(0, correction=0).mean().item(), rel=1e-5)
    assert step.disagreement != pytest.approx(before, rel=1e-3)


def test_the_previous_action_and_the_state_matter():
    policy = TorchPolicy(tiny.agent())
    state = walk(policy)[1].state
    plain = policy.step(images(9), None, state)
    other = {**state, 'previous_action': state['previous_action'] + 0.5}
    moved = policy.step(images(9), None, other)
    afresh = policy.step(images(9), None, {**state, 'is_first': np.ones(1, np.float32)})
    assert not np.array_equal(plain.action, moved.action)
    assert np.array_equal(afresh.action, policy.step(images(9), None, policy.initial()).action)


def test_samples_differ_by_seed_and_noise_stays_within_bounds():
    agent = tiny.agent()
    mode = walk(TorchPolicy(agent))
    for kind in ('sample', 'noise'):
        one, again, other = (
            walk(TorchPolicy(agent, Exploration(kind, 5.0, seed))) for seed in (1, 1, 2)
        )
        assert np.array_equal(one[0].action, again[0].action)
        assert not np.array_equal(one[0].action, other[0].action)
        assert not np.array_equal(one[0].action, mode[0].action)
        assert all(np.abs(step.action).max() <= 1 for step in one)
        assert np.array_equal(one[0].state['previous_action'][0], one[0].action)


@pytest.mark.parametrize('deviation', [0.05, 0.4])
def test_the_noise_added_has_the_deviation_that_is_asked_for(deviation):
    agent = tiny.agent()
    mode = walk(TorchPolicy(agent), 1)[0].action
    policy = TorchPolicy(agent, Exploration('noise', deviation))
    actions = [policy.step(images(0), None, policy.initial()).action for _ in range(400)]
    assert np.abs(mode).max() < 0.6  # so that the bounds leave the median as it is
    added = np.median(np.abs(actions - mode), 0)  # of a normal: 0.6745 deviations
    np.testing.assert_allclose(added, [0.6745 * deviation] * 2, rtol=0.15)


def test_the_state_acted_on_is_the_mode_or_a_sample_of_the_generator():
    mode = tiny.agent()
    sample = tiny.agent('actor_critic.actor.act_on=sample')
    assert mode.config.actor_critic.actor.act_on == 'mode'
    one, again, other = (
        walk(TorchPolicy(sample, Exploration(seed=seed)), 8) for seed in (1, 1, 2)
    )
    stochs = [[step.state['stoch'] for step in steps] for steps in (one, again, other)]
    assert np.array_equal(stochs[0], stochs[1])
    assert not np.array_equal(stochs[0], stochs[2])
    assert not np.array_equal(
        stochs[0], [step.state['stoch'] for step in walk(TorchPolicy(mode), 8)]
    )
    for stoch in stochs[0]:
        assert stoch.reshape(3, 4).sum(1).tolist() == [1, 1, 1]
    assert np.array_equal(one[0].state['previous_action'][0], one[0].action)


def test_samples_of_the_state_follow_the_posterior():
    agent = tiny.agent('actor_critic.actor.act_on=sample')
    with torch.no_grad():
        agent.world_model.rssm.obs_out.weight.zero_()
        agent.world_model.rssm.obs_out.bias.copy_(torch.tensor([0.7, 0.1, 0.1, 0.1] * 3).log())
    policy = TorchPolicy(agent)
    drawn = [policy.step(images(0), None, policy.initial()).state['stoch'] for _ in range(500)]
    share = np.mean(drawn, 0).reshape(3, 4)
    np.testing.assert_allclose(share, [[0.7, 0.1, 0.1, 0.1]] * 3, atol=0.07)


def test_a_wrong_image_is_refused_with_its_shape():
    policy = TorchPolicy(tiny.agent())
    with pytest.raises(ObservationError, match=r"'front': expected \(8, 12, 3\)"):
        policy.step({'front': np.zeros((8, 8, 3), np.uint8)}, None, policy.initial())
    with pytest.raises(ObservationError, match='got nothing'):
        policy.step({}, None, policy.initial())


def test_proprioception_is_read():
    policy = TorchPolicy(tiny.agent(proprioception=['position']))
    actions = [
        policy.step(images(0), np.full(2, x, np.float32), policy.initial()).action
        for x in (0.0, 1.0)
    ]
    assert not np.array_equal(*actions)


def test_the_hash_names_the_weights_and_a_given_name_wins():
    assert TorchPolicy(tiny.agent()).hash == TorchPolicy(tiny.agent()).hash
    assert TorchPolicy(tiny.agent()).hash != TorchPolicy(tiny.agent('seed=1')).hash
    assert TorchPolicy(tiny.agent(), name='mine').hash == 'mine'
