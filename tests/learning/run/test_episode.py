import numpy as np
import pytest
from moto_learning.run.episode import run_episode

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError
from moto_core.policy.policy import PolicyStep
from moto_learning.run.online import OnlineCollector
from tests.learning import tiny_learner as tiny


class World:
    """Counts decisions: observation t is an image of t, the reward with it t, success at 3."""

    name = 'counting'

    def __init__(self, length=4):
        self.length, self.spec, self.task, self.t = length, tiny.spec(), self, 0
        self.seeds, self.closed = [], False

    def reward(self):
        return float(self.t)

    def reset(self, seed):
        self.t = 0
        self.seeds.append(seed)
        return self.observation(), {'success': False}

    def step(self, action):
        self.t += 1
        info = {'success': self.t == 3, 'executed': action / 2, 'reasons': (f'r{self.t}',)}
        return self.observation(), float(self.t), False, self.t == self.length, info

    def observation(self):
        return {'front': np.full((8, 12, 3), self.t, np.uint8)}

    def close(self):
        self.closed = True


class Counter:
    """Acts 0.1 times the number it sees in the image."""

    hash, spec = 'counter', tiny.spec()

    def initial(self):
        return {'count': np.zeros(1)}

    def step(self, images, proprioception, state):
        action = np.full(2, images['front'][0, 0, 0] / 10, np.float32)
        return PolicyStep(action, float(state['count'][0]), {'count': state['count'] + 1})


def recorded(tmp_path, world, max_steps=0):
    with Dataset.create_or_open(tmp_path / 'data', floor=0) as dataset:
        header = EpisodeHeader(task='t', source='sim', spec=world.spec)
        result = run_episode(world, Counter(), dataset.new_episode(header), max_steps, seed=5)
        return result, dataset.read(header.id)


def test_a_row_holds_an_observation_its_reward_and_the_action_chosen_at_it(tmp_path):
    result, episode = recorded(tmp_path, World())
    assert result.steps == 5 and result.success and result.return_ == 0 + 1 + 2 + 3 + 4
    assert result.disagreement == pytest.approx(2.0)
    assert episode.images['front'][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert episode.reward.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(episode.requested[:, 0], [0, 0.1, 0.2, 0.3, 0.4])
    assert np.allclose(episode.executed[:, 0], [0, 0.05, 0.1, 0.15, 0])  # the last moves nothing
    assert episode.success.tolist() == [False, False, False, True, False]
    assert episode.is_first.tolist() == [True, False, False, False, False]
    assert episode.is_last.tolist() == [False, False, False, False, True]
    assert episode.disagreement.tolist() == [0, 1, 2, 3, 4]
    assert episode.outcome == 'success'


def test_an_episode_ends_at_its_limit_and_without_success_it_is_a_failure(tmp_path):
    result, episode = recorded(tmp_path, World(length=99), max_steps=2)
    assert result.steps == 3 and not result.success and episode.outcome == 'failure'
    assert episode.is_last.tolist() == [False, False, True]


@pytest.fixture
def world(monkeypatch):
    from moto_sim import tasks

    made = World()

    def make(task, **options):
        made.options = {'task': task, **options}
        return made

    monkeypatch.setattr(tasks, 'make', make)
    return made


def test_online_episodes_are_seeded_logged_and_ready_for_replay(tmp_path, world):
    agent = tiny.agent()
    settings = tiny.config('collect.task=counting', 'collect.profile=normal')
    with OnlineCollector(settings, agent, tmp_path, tmp_path / 'own') as source:
        episodes = [source.collect(index) for index in range(2)]
        assert source.metrics['episode/success'] == 1 and source.metrics['episode/return'] == 10
    assert world.closed and world.seeds == [0, 1]
    assert world.options['task'] == 'counting' and world.options['guard'] == 'normal'
    assert [len(episode) for episode in episodes] == [5, 5] and episodes[0].successful
    assert not np.array_equal(episodes[0].requested, episodes[1].requested)
    record = Dataset.open(tmp_path / 'own').episodes()[0]
    assert record.controller == 'policy' and record.policy_hash and record.task == 'counting'


def test_a_simulator_that_does_not_fit_the_dataset_is_refused(tmp_path, world):
    agent = tiny.agent(proprioception=['position'])
    source = OnlineCollector(tiny.config('collect.task=counting'), agent, tmp_path, tmp_path / 'o')
    with pytest.raises(ConfigError, match='does not fit.*proprioception'):
        source.collect(0)
