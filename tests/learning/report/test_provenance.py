import time

import pytest

from moto_core.config import config_file, load_config
from moto_learning.config import Config
from moto_learning.report.places import find_runs
from moto_learning.report.provenance import describe, nearest_preset
from moto_learning.report.runs import read_run
from moto_learning.run.commit import git_hash
from moto_learning.run.machine import machine_name
from tests.learning.report.written_run import entry, evaluation, record, write_run


def test_the_nearest_preset_is_the_one_with_the_fewest_differences():
    given = [
        'actor_critic.horizon=7',
        'seed=5',
        'train.threads=1',
        'collect.task=metaworld-hammer',
    ]
    config = load_config(Config, config_file('train', 'laptop'), overrides=given)
    found = nearest_preset(config)
    assert found.name == 'laptop'
    assert found.differences == {'actor_critic.horizon': (7, 5)}


def test_a_run_says_where_it_comes_from(tmp_path):
    now = time.time()
    path = write_run(
        tmp_path / 'run',
        'train.offline_updates=7',
        evaluations=[evaluation(0, 4), evaluation(100, 4)],
        entries=[entry(0), entry(0)],
        metrics=[{'update': 1, 'time': now - 90}, {'update': 2, 'time': now - 60}],
    )
    found = describe(read_run(find_runs([path])[0][0]))
    assert (found['commit'], found['machine']) == (git_hash(), machine_name())
    assert (found['updates'], found['episodes'], found['finished']) == (7, 1, True)
    assert found['wall_seconds'] == pytest.approx(30)
    assert found['evaluation_seconds'] == 4
    assert found['last_line_seconds_ago'] == pytest.approx(60, abs=30)


def test_a_run_that_has_not_done_what_it_was_asked_for_is_not_finished(tmp_path):
    path = write_run(tmp_path / 'run', 'train.offline_updates=8')
    assert describe(read_run(find_runs([path])[0][0]))['finished'] is False
    stopped = write_run(tmp_path / 'stopped', 'train.offline_updates=7', 'evaluate.every=5')
    assert describe(read_run(find_runs([stopped])[0][0]))['finished'] is False


@pytest.mark.parametrize('source', ['robot', 'sim'])
def test_a_robots_recordings_alone_are_learned_from_to_the_end_without_an_evaluation(
    tmp_path, source
):
    data = record(tmp_path / 'data', source=source)
    settings = ["collect.task=''", 'evaluate.every=5']
    settings += ['train.offline_updates=7', 'train.online_episodes=0']
    path = write_run(tmp_path / 'run', *settings, data=[data])
    assert describe(read_run(find_runs([path])[0][0]))['finished'] is (source == 'robot')
