import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim import metaworld_task, tasks
from moto_sim.episode import run_episode
from moto_sim.metaworld_task import MetaWorldTask, metaworld_names


@pytest.fixture(scope='module')
def env():
    env = tasks.make('metaworld-door-open', size=16)
    yield env
    env.close()


def test_all_fifty_tasks_are_named():
    names = metaworld_names()
    assert len(names) == len(set(names)) == 50
    assert {'metaworld-assembly', 'metaworld-window-open'} <= set(names)


@pytest.mark.parametrize('name', ['drawer-open', 'coffee-push', 'plate-slide'])
def test_the_scripted_expert_succeeds_and_the_reward_is_one_while_success_holds(name):
    env = tasks.make(f'metaworld-{name}', size=8)
    expert = tasks.demonstrator(env)
    for seed in range(2):
        rows = []
        result = run_episode(env, expert, seed, rows.append)
        assert result.success and result.decisions == 100
        assert [row.reward for row in rows] == [float(row.success) for row in rows]
        assert rows[0].reward == 0.0


def test_an_expert_that_is_asked_twice_says_the_same(env):
    env.reset(seed=0)
    expert, before = tasks.demonstrator(env), env.task.observed.copy()
    first, second = (expert.step({}, None, {}).action for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(env.task.observed, before)


def test_a_demonstration_runs_on_to_the_tasks_last_decision(env):
    assert (env.task.after_success, env.max_steps) == (None, 100)


def test_the_camera_of_its_own_is_the_one_of_the_papers_authors(env):
    view = metaworld_task.VIEWS['front']
    assert view == metaworld_task.VIEWS['paper']
    assert view == (0.75, 15.0, -22.5, (-0.15, 0.65, 0.25))


def test_every_reset_draws_a_fresh_goal_and_a_seed_repeats_it(env):
    goals = []
    for seed in (None, None, 3, 3, 4):
        env.reset(seed=seed)
        goals.append(np.concatenate((env.task.env._target_pos, env.task.observed[4:7])))
    assert len({goal.tobytes() for goal in goals}) == 4
    assert np.array_equal(goals[2], goals[3])


def test_a_decision_is_two_steps_and_moves_the_hand_by_its_velocity(env):
    env.reset(seed=0)
    before = env.task.joints()[0]
    for _ in range(10):
        env.step(np.array([0.0, 0.0, 0.5, 0.0]))
    after, velocity = env.task.joints()
    assert env.task.env.curr_path_length == 20
    assert env.spec.period == pytest.approx(0.025)
    assert after[2] - before[2] == pytest.approx(10 * 0.5 * 0.8 * 0.025, rel=0.3)
    assert velocity[2] == pytest.approx(0.5 * 0.8, rel=0.3)


@pytest.mark.parametrize('name', ['coffee-push', 'assembly'])
def test_the_places_are_those_of_the_simulators_bodies(name):
    task = tasks.make(f'metaworld-{name}', size=8).task
    task.reset(np.random.default_rng(0))
    for _ in range(5):  # what was dropped lies still
        task.step(np.zeros(4))
    places = task.places()
    assert places['goal'] == pytest.approx(task.env._target_pos)
    truly = task.env.data
    if name == 'coffee-push':
        assert places['object'] == pytest.approx(truly.body('obj').xpos, abs=1e-4)
    else:
        assert places['object'] == pytest.approx(truly.geom('WrenchHandle').xpos, abs=1e-4)
        peg = truly.body('peg').xpos
        assert places['goal'][:2] == pytest.approx(peg[:2])
    places['object'][:] = 0.0
    assert task.observed[4:7].any(), 'a copy'


def test_the_longest_episode_ends_before_metaworld_refuses():
    env = tasks.make('metaworld-door-open', size=8, max_steps=250)
    env.task.render = lambda *a: np.zeros((8, 8, 3), np.uint8)
    env.reset(seed=0)
    assert [env.step(np.zeros(4))[3] for _ in range(250)] == [False] * 249 + [True]
    env.reset(seed=0)
    env.step(np.zeros(4))


def test_bad_names_and_actions_are_refused(env):
    with pytest.raises(ConfigError, match="Did you mean 'door-open'"):
        MetaWorldTask('metaworld-door-oppen')
    with pytest.raises(ConfigError, match="unknown camera view 'front'"):
        MetaWorldTask('metaworld-door-open', views={'wide': metaworld_task.VIEWS['wide']})
    env.reset(seed=0)
    with pytest.raises(ConfigError, match='finite'):
        env.step(np.array([0, 0, 0, np.nan]))
