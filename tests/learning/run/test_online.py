"""The online phase's episodes: cached for replay, of the dataset's robot, seeds of their own."""

from contextlib import closing

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.agents.moto import MotoLearner
from moto_learning.run.online import OnlineCollector
from moto_learning.run.simulator import Simulator
from moto_sim.episode import LEARNED
from tests.learning import tiny_learner as tiny
from tests.learning.run.simulated import D4RL, TASK, dataset_of, small_kitchen


@pytest.fixture(scope='module')
def env():
    env = small_kitchen()
    yield env
    env.close()


def test_online_episodes_are_of_the_datasets_robot_and_ready_for_replay(tmp_path, env):
    data = dataset_of(tmp_path / 'data', env, D4RL)
    settings = tiny.config('collect.max_steps=2', 'seed=4')
    learner = MotoLearner(settings, env.spec)
    simulator, own = Simulator(settings, env.spec, [Dataset.open(data)]), tmp_path / 'own'
    with closing(simulator), OnlineCollector(settings, learner, simulator, own) as source:
        episodes = [source.collect(index) for index in range(2)]
        assert source.metrics['episode/decisions'] == 2
        assert source.metrics['episode/success'] == 0
    assert [len(episode) for episode in episodes] == [3, 3]
    assert not np.array_equal(episodes[0].requested, episodes[1].requested)
    recorded = Dataset.open(own)
    headers = [recorded.read(record.id).header for record in recorded.episodes()]
    for header in headers:
        assert (header.task, header.setup, header.controller) == (TASK, D4RL, 'policy')
        assert header.seed >= LEARNED and header.policy_hash and header.parts == ('microwave',)
    assert headers[0].seed != headers[1].seed


def test_episodes_explore_as_the_settings_say(tmp_path, env):
    data, found = Dataset.open(dataset_of(tmp_path / 'data', env, D4RL)), {}
    for kind, noise in (('mode', 0.1), ('noise', 0), ('noise', 0.1), ('noise', 0.2)):
        settings = tiny.config(
            'collect.max_steps=1', f'collect.explore={kind}', f'collect.noise={noise}'
        )
        learner, own = MotoLearner(settings, env.spec), tmp_path / f'{kind}{noise}'
        simulator = Simulator(settings, env.spec, [data])
        with closing(simulator), OnlineCollector(settings, learner, simulator, own) as source:
            found[kind, noise] = source.collect(0).requested[0]
    mode = found['mode', 0.1]
    np.testing.assert_array_equal(found['noise', 0], mode)
    added = found['noise', 0.1] - mode
    assert np.abs(added).min() > 0
    np.testing.assert_allclose(found['noise', 0.2] - mode, 2 * added, atol=1e-6)
