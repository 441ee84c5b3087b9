"""The simulator of a run: made once, of the datasets' robot, task and spec."""

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_core.policy.policy import ZeroPolicy
from moto_core.spec import Setup
from moto_learning.run.evaluate import evaluation_setup
from moto_learning.run.simulator import online_environment
from moto_learning.run.train import Training
from moto_sim import tasks
from moto_sim.episode import run_episode, simulated_header
from moto_sim.setups import choose_setup
from tests.learning import tiny_learner as tiny
from tests.learning.run.simulated import D4RL, TASK, dataset_of, small_kitchen
from tests.sim.counting_task import counting_env

DRAWER, WIDE = 'metaworld-drawer-open', Setup(views={'front': 'wide'})


@pytest.fixture(scope='module')
def env():
    env = small_kitchen()
    yield env
    env.close()


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A training on an episode of CountingTask, and the simulators that are made for it."""
    made = []

    def make(config, spec, datasets):
        made.append(counting_env())
        return made[-1]

    monkeypatch.setattr('moto_learning.run.simulator.online_environment', make)
    with Dataset.create_or_open(tmp_path / 'data', floor=0) as dataset:
        env = counting_env(length=9)
        with dataset.new_episode(simulated_header(env, 0)) as writer:
            run_episode(env, ZeroPolicy(env.spec), 0, writer.append)
    settings = ['train.offline_updates=2', 'train.online_episodes=1', 'train.episode_updates=1']
    settings += ['evaluate.every=1', 'evaluate.episodes=2']
    training = Training(tiny.config(*settings), tiny.spec(), [tmp_path / 'data'], tmp_path / 'run')
    yield training, made
    training.close()


def test_evaluations_and_online_episodes_share_one_simulator(counted):
    training, made = counted
    assert not made
    training.offline()
    training.online()
    (env,) = made
    assert env.task.resets == 2 + 1 + 2  # evaluated, an episode, evaluated
    assert not env.task.closed
    training.close()
    assert env.task.closed


def test_a_phase_that_will_need_the_simulator_makes_it_before_its_first_update(counted):
    training, made = counted
    training.prepare('finetune')
    assert not made
    training.prepare('all')
    assert len(made) == 1


def test_a_listener_hears_of_all_that_is_to_come(counted):
    training, _ = counted
    heard = []

    def listen(name, done, goal, metrics):
        heard.append((name, done, goal, *training.to_come('all')))

    training.listener = listen
    training.offline()
    training.online()
    # to come after each: updates, episodes, starts
    assert heard == [
        ('offline', 1, 2, 2, 1, 4),
        ('offline', 2, 2, 1, 1, 4),
        ('evaluation', 1, 2, 1, 1, 4),
        ('evaluation', 2, 2, 1, 1, 4),
        ('episode', 1, 1, 1, 0, 2),
        ('online', 1, 1, 0, 0, 2),
        ('evaluation', 1, 2, 0, 0, 2),
        ('evaluation', 2, 2, 0, 0, 2),
    ]
    assert training.to_come('all') == (0, 0, 0)


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


@pytest.fixture(scope='module')
def drawer():
    """MetaWorld's simulator of one task with images of 8 x 8."""
    pytest.importorskip('metaworld')
    env = tasks.make(DRAWER, size=8, proprioception=['position'])
    yield env
    env.close()


@pytest.mark.parametrize(
    'recorded, setting, both',
    [
        (Setup(), 'collect.view=wide', 'views front=wide and none'),
        (WIDE, 'collect.view=paper', 'views none and front=wide'),
        (Setup(), 'collect.robot=kitchen_sim', "it takes no robot (got 'kitchen_sim')"),
        (Setup(), 'collect.profile=normal', "profile 'normal' and none"),
        (Setup(), 'collect.actuation=d4rl', "actuation 'd4rl' and none"),
    ],
)
def test_metaworlds_own_setup_is_a_known_one(tmp_path, drawer, recorded, setting, both):
    dataset = Dataset.open(dataset_of(tmp_path, drawer, recorded, DRAWER))
    with pytest.raises(ConfigError) as error:
        online_environment(tiny.config(setting), drawer.spec, [dataset])
    assert both in str(error.value) and len(str(error.value).splitlines()) == 1
    own = 'collect.view=wide' if recorded == WIDE else 'collect.view=paper'
    for settings in ((), (own,)):
        env = online_environment(tiny.config(*settings), drawer.spec, [dataset])
        assert env.setup == recorded
        env.close()


def test_the_setup_is_that_of_the_first_dataset_where_it_is_known(tmp_path, env):
    unknown = dataset_of(tmp_path / 'unknown', env, Setup())
    known = dataset_of(tmp_path / 'known', env, D4RL)
    datasets = [Dataset.open(root) for root in (unknown, known)]
    assert online_environment(tiny.config(), env.spec, datasets).setup == D4RL


def test_a_policy_of_metaworlds_own_view_differs_from_another_view():
    assert evaluation_setup(DRAWER, Setup(), view='paper') == (Setup(), [])
    assert evaluation_setup(DRAWER, Setup(), view='wide') == (WIDE, ['views none and front=wide'])


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
