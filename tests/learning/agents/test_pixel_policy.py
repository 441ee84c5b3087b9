"""The model-free rows' policy: frames carried in its state, in torch and in a bundle."""

import numpy as np
import pytest
import torch

from moto_core.errors import ObservationError
from moto_core.policy.policy import OnnxPolicy
from moto_learning.agents.torch_policy import Exploration
from moto_learning.export.export import export_bundle
from moto_learning.export.rehearsal import drawn_observations
from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels

BOTH = {'cameras': ('front', 'wrist'), 'proprioception': ['position']}


def walk(policy, frames):
    state, steps = policy.initial(), []
    for frame in frames:
        steps.append(policy.step(frame.images, frame.proprioception, state))
        state = steps[-1].state
    return steps


def by_hand(agent, frames, t, count=3):
    """Action and disagreement at frame t, its stack put together from the episode so far."""
    last = [frames[max(i, 0)] for i in range(t - count + 1, t + 1)]
    stacks = {
        name: torch.from_numpy(np.concatenate([frame.images[name] for frame in last], -1))[None]
        for name in agent.spec.cameras
    }
    vector = frames[t].proprioception
    with torch.no_grad():
        feat = agent.encoder(stacks, None if vector is None else torch.from_numpy(vector)[None])
        action = agent.actor(feat).mode()
        q = None if agent.critics is None else agent.critics(feat, action)[:, 0].tolist()
    return action[0].numpy(), 0.0 if q is None else abs(q[0] - q[1]) / 2


@pytest.mark.parametrize('row', pixels.ROWS)
def test_the_policy_acts_on_the_frames_of_its_episode(row):
    agent = pixels.spread(pixels.learner(row, **BOTH))
    frames = drawn_observations(agent.spec, 5)
    for t, step in enumerate(walk(agent.policy(), frames)):
        action, disagreement = by_hand(agent, frames, t)
        np.testing.assert_allclose(step.action, action, atol=1e-6)
        assert step.disagreement == pytest.approx(disagreement, abs=1e-6)
        assert (disagreement > 0) == (row != 'bc')
        assert step.surprise == 0.0
        assert np.array_equal(step.state['previous_action'][0], step.action)
        assert not step.state['stoch'].any()


def test_an_episodes_first_frame_forgets_what_was_carried():
    agent = pixels.spread(pixels.learner('sac'))
    frames = drawn_observations(agent.spec, 4)
    policy = agent.policy()
    carried = walk(policy, frames[:3])[-1].state
    afresh = {**carried, 'is_first': np.ones(1, np.float32)}
    afresh['deter'] = np.full_like(carried['deter'], np.nan)
    found = policy.step(frames[3].images, None, afresh).action
    assert np.array_equal(found, policy.step(frames[3].images, None, policy.initial()).action)
    assert not np.array_equal(found, policy.step(frames[3].images, None, carried).action)


def test_samples_and_noise_differ_by_seed():
    agent = pixels.spread(pixels.learner('iql'))
    frames = drawn_observations(agent.spec, 1)
    mode = walk(agent.policy(), frames)[0].action
    for kind in ('sample', 'noise'):
        one, again, other = (
            walk(agent.policy(Exploration(kind, 0.5, seed)), frames)[0].action
            for seed in (1, 1, 2)
        )
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other) and not np.array_equal(one, mode)


def test_the_policy_sees_later_updates_and_its_hash_names_the_weights():
    agent = pixels.learner('bc')
    frames = drawn_observations(agent.spec, 1)
    policy = agent.policy()
    before = walk(policy, frames)[0].action
    assert policy.hash == agent.policy().hash
    agent.update(tiny.batch())
    assert not np.array_equal(walk(policy, frames)[0].action, before)
    assert policy.hash != agent.policy().hash


def test_a_wrong_image_is_refused_with_its_shape():
    policy = pixels.learner('bc').policy()
    with pytest.raises(ObservationError, match=r"'front': expected \(8, 12, 3\)"):
        policy.step({'front': np.zeros((8, 8, 3), np.uint8)}, None, policy.initial())


@pytest.mark.parametrize('row, frames, kinds', [('sac', 3, BOTH), ('bc', 1, {})])
def test_the_bundle_repeats_the_policy(tmp_path, row, frames, kinds):
    agent = pixels.spread(pixels.learner(row, f'model_free.encoder.frames={frames}', **kinds))
    done = export_bundle(agent, tmp_path)
    policy = OnnxPolicy(done.path)
    seen = drawn_observations(agent.spec, 60)
    left = {name: np.full_like(array, 0.7) for name, array in policy.initial().items()}
    state = {**left, 'is_first': np.ones(1, np.float32)}  # of an episode before
    for t, (frame, ours) in enumerate(zip(seen, walk(agent.policy(), seen))):
        step = policy.step(frame.images, frame.proprioception, state)
        action, disagreement = by_hand(agent, seen, t, frames)
        np.testing.assert_allclose(step.action, action, atol=1e-4)
        np.testing.assert_allclose(ours.action, action, atol=1e-4)
        assert step.disagreement == pytest.approx(disagreement, abs=1e-4)
        assert np.array_equal(step.state['deter'], ours.state['deter'])
        assert not step.state['stoch'].any()
        state = step.state
    assert done.disagreement_threshold is None and done.latency < 0.1
    assert done.surprise_limits is None and 'has no model' in done.note
