"""An episode that is played during the updates is the one that would be played before them."""

import os
import signal
from functools import partial

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_learning.run.ahead import Ahead
from moto_learning.run.online import OnlineCollector
from tests.learning import tiny_learner as tiny
from tests.sim.counting_task import SPEC, counting_env


class Counted:
    """A run's simulator of a task that counts."""

    def __init__(self):
        self.made = counting_env()

    def env(self):
        return self.made

    def maker(self):
        return counting_env


def collected(root, learner, config, before_second=lambda: None):
    with OnlineCollector(config, learner, Counted(), root) as source:
        source.collect(0)
        before_second()
        source.collect(1)
    dataset = Dataset.open(root)
    return [dataset.read(record.id) for record in dataset.episodes()]


def contents(episode):
    return episode.requested.tolist(), episode.reward.tolist(), episode.header.policy_hash


@pytest.fixture
def config():
    return partial(tiny.config, 'train.online_episodes=2')


def test_the_policy_that_plays_is_that_of_the_episode_before(tmp_path, config):
    ahead, learner = config('collect.ahead=true'), tiny.agent()
    before = collected(tmp_path / 'now', learner, config())  # both by the first weights
    assert before[0].header.seed != before[1].header.seed

    def learn():
        learner.update(tiny.batch())

    played = collected(tmp_path / 'ahead', learner, ahead, before_second=learn)
    assert [contents(episode) for episode in played] == [contents(one) for one in before]
    assert [one.header.seed for one in played] == [one.header.seed for one in before]
    later = collected(tmp_path / 'later', learner, config())
    assert contents(later[1]) != contents(played[1])


def test_nothing_is_played_after_the_last_episode(tmp_path, config):
    learner = tiny.agent()
    with OnlineCollector(config('collect.ahead=true'), learner, Counted(), tmp_path) as source:
        source.collect(0)
        assert source._ahead._begun[0] == 1
        source.collect(1)
        assert source._ahead._begun is None
    assert len(Dataset.open(tmp_path).episodes()) == 2


def test_a_killed_process_is_an_error_that_says_how_to_go_on(config):
    ahead, learner = Ahead(config('collect.ahead=true'), SPEC, counting_env), tiny.agent()
    ahead.take(0, learner)
    [process] = ahead._pool._processes.values()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(DatasetError, match='episode 1 was killed.*collect.ahead=false'):
        ahead.take(1, learner)
    ahead.close()
