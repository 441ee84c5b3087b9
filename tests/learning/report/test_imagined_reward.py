"""Figure 4: what rollouts are promised, beside the most that the data gave."""

import pytest
import torch

from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import compile_dataset
from moto_learning.report.expert_actions import posterior_states
from moto_learning.report.imagined_reward import promised_reward
from tests.learning import tiny_learner as tiny
from tests.recorded import record, tiny_spec


@pytest.fixture(scope='module')
def episodes(tmp_path_factory):
    data = tmp_path_factory.mktemp('rewards') / 'data'
    record(data, [5, 3], tiny_spec(proprioception=()), reward=2.0)
    return compile_dataset(Dataset.open(data)).episodes


def learner(promise):
    """A learner whose reward head says `promise` of every state."""
    agent = tiny.MotoLearner(tiny.config(), tiny_spec(proprioception=()))
    with torch.no_grad():
        for parameter in agent.world_model.reward.parameters():
            parameter.zero_()
        agent.world_model.reward.out.bias.fill_(promise)
    return agent


@pytest.mark.parametrize('promise, above', [(1.5, 0.0), (2.0, 0.0), (2.5, 1.0)])
def test_a_promise_above_the_datas_maximum_is_counted(episodes, promise, above):
    found = promised_reward(learner(promise), episodes, data_max=2.0, horizon=3)
    assert found.steps == 3 * (5 + 3)
    assert (found.data_max, found.above, found.data_above) == (2.0, above, above)
    for value in (found.imagined_max, found.imagined_mean, found.imagined_high):
        assert value == pytest.approx(promise)


def test_rewards_are_predicted_along_rollouts_and_not_at_their_starts(episodes):
    agent = tiny.MotoLearner(tiny.config(), tiny_spec(proprioception=()))
    one, again, other = (promised_reward(agent, episodes, 2.0, 3, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert one.imagined_mean < one.imagined_high <= one.imagined_max


def test_the_heads_own_noise_is_its_share_of_the_datas_rows(episodes):
    agent = tiny.MotoLearner(tiny.config(), tiny_spec(proprioception=()))
    with torch.no_grad():
        agent.world_model.reward.out.weight.normal_(generator=torch.Generator().manual_seed(0))
        said = torch.cat(
            [
                agent.world_model.reward.mean(posterior_states(agent, episode).feat)
                for episode in episodes
            ]
        )
    most = float(said.sort().values[-3])
    assert promised_reward(agent, episodes, most, 3).data_above == 2 / (5 + 3)


def test_the_policy_that_is_trained_is_asked_and_not_its_average(episodes):
    config = tiny.config('actor_critic.actor.average=0.5')
    agent = tiny.MotoLearner(config, tiny_spec(proprioception=()))
    found = []
    for changed in (None, agent.acting, agent.actor):
        if changed is not None:
            with torch.no_grad():
                for parameter in changed.parameters():
                    parameter += 1
        found.append(promised_reward(agent, episodes, 2.0, 3))
    assert found[0] == found[1] != found[2]
