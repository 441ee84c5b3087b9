import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from moto_core.config import config_file
from moto_core.errors import ConfigError
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.env import TaskEnv
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.kitchen_task import SETS
from moto_sim.setups import choose_setup

NAMES = [f'kitchen-{name}' for name in OBJECTS] + [
    'kitchen-mixed',
    'kitchen-partial',
    'metaworld-door-open',
    'metaworld-assembly',
    'metaworld-coffee-push',
]


class Plain(TaskEnv):
    """Without the registry entry that gymnasium's checker takes `spec` for."""

    spec = None


@pytest.fixture(scope='module', params=NAMES)
def env(request):
    setup = choose_setup(request.param, profile='none')
    env = tasks.make(request.param, setup, size=32, proprioception=['position', 'velocity'])
    yield env
    env.close()


def rollout(env, seed, steps=6):
    rows = [env.reset(seed=seed)[0]]
    rng, names = np.random.default_rng(seed), list(env.task.parts())
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(
            rng.uniform(-1, 1, env.spec.action_size)
        )
        rows.append(observation)
        assert env.observation_space.contains(observation)
        assert np.isfinite(reward) and isinstance(reward, float)
        assert terminated is False and truncated is False
        assert info['executed'].shape == (env.spec.action_size,)
        parts = env.task.parts()
        assert list(parts) == names
        assert info['done_parts'] == tuple(name for name in names if parts[name])
        assert info['success'] == (len(info['done_parts']) == len(names))
    return rows


def test_the_spec_and_the_spaces_agree(env):
    size = env.spec.action_size
    assert env.action_space.shape == (size,) and env.action_space.dtype == np.float32
    assert set(env.observation_space.spaces) == {*env.spec.cameras, 'proprioception'}
    assert env.observation_space['front'].shape == (32, 32, 3)
    assert env.observation_space['proprioception'].shape == (2 * size,)
    assert env.metadata['render_fps'] == env.spec.rate


def test_the_same_seed_gives_the_same_episode_and_another_seed_another(env):
    one, two, other = rollout(env, 7), rollout(env, 7), rollout(env, 8)
    for a, b in zip(one, two):
        assert all(np.array_equal(a[key], b[key]) for key in a)
    assert not np.array_equal(
        one[0]['proprioception'], other[0]['proprioception']
    ) or not np.array_equal(one[0]['front'], other[0]['front'])


def test_everything_is_finite_and_no_two_observations_share_memory(env):
    rows = rollout(env, 1)
    arrays = [row[key] for row in rows for key in row]
    assert all(np.isfinite(array).all() for array in arrays)
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
    for a, b in zip(rows, rows[1:]):
        assert not np.array_equal(a['proprioception'], b['proprioception'])


def test_gymnasiums_checker_accepts_it(env):
    check_env(Plain(env.task), skip_render_check=True)


def test_render_gives_people_a_larger_picture(env):
    env.reset(seed=0)
    assert env.render().shape == (240, 320, 3)


def test_gymnasiums_wrappers_work():
    env = gymnasium.wrappers.TimeLimit(tasks.make('kitchen-kettle', size=16), 2)
    env.reset(seed=0)
    assert [env.step(np.zeros(9))[3] for _ in range(2)] == [False, True]


def test_two_environments_with_one_seed_start_alike():
    first, second = (tasks.make('kitchen-kettle', size=32, seed=5) for _ in range(2))
    assert np.array_equal(first.reset()[0]['front'], second.reset()[0]['front'])
    again = first.reset()[0]['front']  # the seed is for the first reset alone
    assert not np.array_equal(again, second.reset(seed=5)[0]['front'])


def test_an_episode_is_truncated_at_its_length_and_then_asks_for_a_reset():
    env = tasks.make('kitchen-microwave', size=16, max_steps=3)
    with pytest.raises(ConfigError, match=r'call reset\(\)'):
        env.step(np.zeros(9))
    env.reset(seed=0)
    assert [env.step(np.zeros(9))[3] for _ in range(3)] == [False, False, True]
    with pytest.raises(ConfigError, match=r'call reset\(\)'):
        env.step(np.zeros(9))


@pytest.mark.parametrize(
    'task, steps',
    [('kitchen-microwave', 100), ('kitchen-mixed', 280), ('metaworld-door-open', 100)],
)
def test_tasks_have_their_own_length(task, steps):
    assert tasks.make(task).max_steps == steps


@pytest.mark.parametrize(
    'task, message',
    [
        ('kitchen-microwav', "Did you mean 'microwave'"),
        ('kitchen-microwave+ketle', "Did you mean 'kettle'"),
        ('kitchen-kettle+kettle', 'twice'),
        ('kitchen-parshal', "Did you mean 'partial'"),
        ('kitchen-mixed+kettle', "unknown Kitchen object 'mixed'"),
        ('kitchn-microwave', "Did you mean 'kitchen-microwave'"),
        ('metaworld-dor-open', "Did you mean 'door-open'"),
        ('metawrld-door-open', "Did you mean 'metaworld-door-open'"),
        ('', 'unknown task'),
    ],
)
def test_an_unknown_task_names_the_nearest(task, message):
    with pytest.raises(ConfigError, match=message):
        tasks.make(task)


@pytest.mark.parametrize(
    'choices, message',
    [
        ({'robot': 'kitchen_sm'}, "Did you mean 'kitchen_sim'"),
        ({'profile': 'norml'}, "Did you mean 'normal'"),
        ({'actuation': 'd4lr'}, "Did you mean 'd4rl'"),
        ({'view': 'papr'}, "Did you mean 'paper'"),
        ({'profile': 'normal', 'actuation': 'd4rl'}, "cannot be guarded by the profile 'normal'"),
    ],
)
def test_a_bad_setup_is_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        tasks.make('kitchen-microwave', choose_setup('kitchen-microwave', **choices))


@pytest.mark.parametrize(
    'options, message',
    [
        ({'size': 2}, '8 to 512'),
        ({'size': -64}, '8 to 512'),
        ({'size': 1000}, '8 to 512'),
        ({'max_steps': 0}, '1 or more'),
        ({'seed': -1}, '0 or more'),
        ({'views': {'side': None}}, "unknown camera view 'front'"),
        ({'setup': Setup(robot='kitchen_sim', views={'left': 'wide'})}, "unknown camera 'left'"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        tasks.make('kitchen-microwave', **options)


@pytest.mark.parametrize(
    'choices', [{'robot': 'fr3'}, {'profile': 'normal'}, {'actuation': 'd4rl'}]
)
def test_metaworld_takes_no_robot_no_guard_and_no_actuation(choices):
    setup = choose_setup('metaworld-door-open', **choices)
    with pytest.raises(ConfigError, match="MetaWorld's own hand"):
        tasks.make('metaworld-door-open', setup)


def test_metaworlds_episodes_end_before_it_refuses():
    with pytest.raises(ConfigError, match='250 at most'):
        tasks.make('metaworld-door-open', max_steps=251)


def test_a_robot_without_a_gripper_keeps_the_fingers_still():
    setup = choose_setup('kitchen-microwave', robot='fr3')
    env = tasks.make('kitchen-microwave', setup, size=16)
    env.reset(seed=0)
    for _ in range(20):
        env.step(np.full(7, 0.2))
    assert env.action_space.shape == (7,)
    assert env.task.sim.position[7:] == pytest.approx([0.04, 0.04], abs=5e-3)


def test_a_robots_rate_is_its_files(tmp_path):
    def robot(rate):
        text = config_file('robot', 'kitchen_sim').read_text()
        path = tmp_path / f'{rate:g}.yaml'
        path.write_text(text.replace('rate: 12.5', f'rate: {rate}'))
        return Setup(robot=str(path))

    env = tasks.make('kitchen-microwave', robot(25.0), size=16)
    env.reset(seed=0)
    env.step(np.zeros(9))
    assert env.task.sim.time == pytest.approx(0.04)
    with pytest.raises(ConfigError, match='no whole number of 4 ms ticks'):
        tasks.make('kitchen-microwave', robot(30.0))


def test_the_papers_tasks_have_its_objects_in_its_order():
    objects = {name: list(tasks.make(f'kitchen-{name}', size=8).task.parts()) for name in SETS}
    assert objects == {
        'mixed': ['microwave', 'kettle', 'light_switch', 'slide_cabinet'],
        'partial': ['microwave', 'kettle', 'bottom_burner', 'light_switch'],
    }
    assert {'kitchen-mixed', 'kitchen-partial'} <= set(tasks.task_names())


def test_a_camera_sees_what_its_view_shows():
    images = {}
    for view in ('', 'front', 'paper'):
        env = tasks.make('kitchen-kettle', choose_setup('kitchen-kettle', view=view), size=32)
        images[view] = env.reset(seed=0)[0]['front']
        paper = env.task.sim.render('paper', 32, 32)
    assert np.array_equal(images[''], images['front'])
    assert np.array_equal(images['paper'], paper)
    assert not np.array_equal(images['paper'], images['front'])


def test_a_bad_action_is_refused():
    env = tasks.make('kitchen-microwave', Setup(robot='kitchen_sim'), size=16)
    env.reset(seed=0)
    with pytest.raises(ConfigError, match=r'action is \(7,\); expected \(9,\)'):
        env.step(np.zeros(7))
    with pytest.raises(ConfigError, match='finite'):
        env.step(np.full(9, np.nan))
