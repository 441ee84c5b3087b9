"""eps_u: which rows are replayed, with which actions, and what is averaged."""

import numpy as np
import pytest
import torch

from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import compile_dataset
from moto_learning.model.rssm import State, disagreement
from moto_learning.report.expert_actions import (
    expert_disagreement,
    posterior_states,
    replay_starts,
)
from tests.learning import tiny_learner as tiny
from tests.recorded import record, tiny_spec


@pytest.mark.parametrize(
    'first, horizon, rows',
    [
        ([1, 0, 0, 0, 0], 2, [0, 1, 2]),
        ([1, 0, 0, 0, 0], 4, [0]),
        ([1, 0, 0, 0, 0], 5, []),
        ([1, 0, 0, 1, 0, 0], 2, [0, 3]),  # rows 1 and 2 would replay into what follows the gap
        ([1, 0, 0, 1, 0, 0], 1, [0, 1, 3, 4]),
    ],
)
def test_a_replay_stays_in_one_piece_of_its_episode(first, horizon, rows):
    assert replay_starts(np.array(first, bool), horizon).tolist() == rows


@pytest.fixture(scope='module')
def episodes(tmp_path_factory):
    data = tmp_path_factory.mktemp('expert') / 'data'
    record(data, [6, 4, 2], tiny_spec(proprioception=()), success=True)
    return compile_dataset(Dataset.open(data)).episodes


def agent(*overrides):
    return tiny.MotoLearner(
        tiny.config('model.rssm.imagined=mean', *overrides), tiny_spec(proprioception=())
    )


def test_the_mean_is_over_every_step_of_every_replay_of_the_chosen_actions(episodes, monkeypatch):
    """With no noise and the members' mean a replay is imagine(); 4 + 2 + 0 replays of 2 steps."""
    learner = agent()
    monkeypatch.setattr(
        'moto_learning.model.rollout.gumbel', lambda shape, generator=None: torch.zeros(*shape)
    )
    found = expert_disagreement(learner, episodes, horizon=2)
    rssm, by_step = learner.world_model.rssm, [[], []]
    with torch.no_grad():
        for episode in episodes:
            post = posterior_states(learner, episode)
            chosen = torch.from_numpy(episode.learned['chosen'].copy())
            for t in range(len(episode) - 2):
                state = State(*(part[t : t + 1] for part in post))
                for step in range(2):
                    state = rssm.img_step(state, chosen[t + step][None])
                    by_step[step].append(disagreement(rssm.prior_logits(state.deter)).item())
    assert found.replays == 6 == len(by_step[0])
    assert found.by_step == pytest.approx(np.mean(by_step, 1).tolist(), rel=1e-5)
    assert found.mean == pytest.approx(np.mean(by_step), rel=1e-5)
    assert found.by_step[0] != pytest.approx(found.by_step[1], rel=1e-3)


def test_the_disagreement_is_the_one_that_the_penalty_counts(episodes):
    found = {
        kind: expert_disagreement(agent(f'actor_critic.penalty.logits={kind}'), episodes, 2).mean
        for kind in ('raw', 'centred', 'probability')
    }
    assert len({round(value, 6) for value in found.values()}) == 3


def test_the_same_seed_draws_the_same_replays_and_episodes_that_are_too_short_are_none(episodes):
    learner = agent('model.rssm.imagined=member')
    one, again, other = (
        expert_disagreement(learner, episodes, 3, seed).mean for seed in (1, 1, 2)
    )
    assert one == again != other
    assert expert_disagreement(learner, episodes, horizon=9) is None


def test_posterior_states_are_those_of_the_policy_along_the_episode(episodes):
    learner, episode = agent(), episodes[0]
    post = posterior_states(learner, episode)
    assert post.deter.shape == (6, 8)
    state = learner.world_model.rssm.initial(1)
    with torch.no_grad():
        for t in range(6):
            seen = {
                n: torch.from_numpy(stack[t : t + 1].copy()) for n, stack in episode.images.items()
            }
            embed = learner.world_model.encoder(seen, None)
            led = torch.from_numpy(episode.learned['action'][t : t + 1].copy())
            first = torch.tensor([float(t == 0)])
            state = learner.world_model.rssm.obs_step(state, led, embed, first)
            assert torch.allclose(post.deter[t], state.deter[0], atol=1e-6)
