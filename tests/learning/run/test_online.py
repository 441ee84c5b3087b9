"""The online phase's episodes: the dataset's robot, its task, its spec, seeds of their own."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_core.row import Row
from moto_core.spec import Setup
from moto_learning.agents.moto import MotoLearner
from moto_learning.run.online import OnlineCollector, online_environment
from moto_sim import tasks
from moto_sim.episode import LEARNED, simulated_header
from moto_sim.setups import choose_setup
from tests.learning import tiny_learner as tiny

TASK = 'kitchen-microwave'
D4RL = Setup(robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'})


@pytest.fixture(scope='module')
def env():
    env = tasks.make(TASK, D4RL, size=8, proprioception=['position'])
    yield env
    env.close()


def dataset_of(root, env, setup, task=TASK):
    """Adds an episode of one row, recorded under a setup."""
    header = replace(simulated_header(env, 3), setup=setup, task=task)
    nothing = np.zeros(9, np.float32)
    row = Row(
        stamp=0,
        images={'front': np.zeros((8, 8, 3), np.uint8)},
        proprioception=nothing,
        requested=nothing,
        executed=nothing,
    )
    with Dataset.create_or_open(root, floor=0) as dataset, dataset.new_episode(header) as writer:
        writer.append(row)
    return root


def test_online_episodes_are_of_the_datasets_robot_and_ready_for_replay(tmp_path, env):
    data = dataset_of(tmp_path / 'data', env, D4RL)
    settings = tiny.config('collect.max_steps=2', 'seed=4')
    learner = MotoLearner(settings, env.spec)
    with OnlineCollector(settings, learner, [Dataset.open(data)], tmp_path / 'own') as source:
        episodes = [source.collect(index) for index in range(2)]
        assert source.metrics['episode/decisions'] == 2
        assert source.metrics['episode/success'] == 0
    assert [len(episode) for episode in episodes] == [3, 3]
    assert not np.array_equal(episodes[0].requested, episodes[1].requested)
    own = Dataset.open(tmp_path / 'own')
    headers = [own.read(record.id).header for record in own.episodes()]
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
        with OnlineCollector(settings, learner, [data], own) as source:
            found[kind, noise] = source.collect(0).requested[0]
    mode = found['mode', 0.1]
    np.testing.assert_array_equal(found['noise', 0], mode)
    added = found['noise', 0.1] - mode
    assert np.abs(added).min() > 0
    np.testing.assert_allclose(found['noise', 0.2] - mode, 2 * added, atol=1e-6)


@pytest.mark.parametrize(
    'recorded, settings, expected',
    [
        (D4RL, (), D4RL),
        (D4RL, ('collect.actuation=d4rl', 'collect.view=paper', 'collect.profile=none'), D4RL),
        (Setup(robot='kitchen_sim', profile='normal'), (), choose_setup(TASK)),
        (Setup(), (), choose_setup(TASK)),  # not known: the task's own
        (Setup(), ('collect.profile=none',), Setup(robot='kitchen_sim')),
    ],
)
def test_the_environment_is_made_from_the_datasets_setup(
    tmp_path, env, recorded, settings, expected
):
    dataset = Dataset.open(dataset_of(tmp_path, env, recorded))
    assert online_environment(tiny.config(*settings), env.spec, [dataset]).setup == expected


@pytest.mark.parametrize(
    'setting, both',
    [
        ('collect.profile=commissioning', "profile 'commissioning' and 'normal'"),
        ('collect.robot=fr3', "robot 'fr3' and 'kitchen_sim'"),
        ('collect.actuation=d4rl', "actuation 'd4rl' and none"),
        ('collect.view=wide', 'wide'),
    ],
)
def test_a_setting_that_is_not_the_datasets_is_an_error_that_names_both(
    tmp_path, env, setting, both
):
    dataset = Dataset.open(dataset_of(tmp_path, env, choose_setup(TASK)))
    with pytest.raises(ConfigError, match='two robots') as error:
        online_environment(tiny.config(setting), env.spec, [dataset])
    assert both in str(error.value)


def test_a_simulator_that_does_not_fit_the_dataset_is_refused(tmp_path, env):
    data = dataset_of(tmp_path, env, Setup())
    settings = tiny.config('collect.task=metaworld-door-open')
    with pytest.raises(ConfigError, match='does not fit.*joints'):
        online_environment(settings, env.spec, [Dataset.open(data)])


def test_data_of_two_tasks_needs_the_one_to_practise(tmp_path, env):
    setup = choose_setup(TASK)
    data = [dataset_of(tmp_path / name, env, setup, name) for name in ('kitchen-kettle', TASK)]
    dataset_of(data[1], env, setup, 'kitchen-kettle')
    datasets = [Dataset.open(root) for root in data]
    for some in (datasets, datasets[1:]):
        with pytest.raises(ConfigError, match=f'2 tasks .kitchen-kettle, {TASK}.*collect.task'):
            online_environment(tiny.config(), env.spec, some)
    chosen = tiny.config(f'collect.task={TASK}')
    assert online_environment(chosen, env.spec, datasets).task.name == TASK
    assert online_environment(tiny.config(), env.spec, datasets[:1]).task.name == 'kitchen-kettle'
