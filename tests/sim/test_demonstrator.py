import mujoco
import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.kitchen_objects import OBJECTS, in_place
from moto_sim.skills import SKILLS, feasible_order


def make(task, profile='normal', actuation=''):
    """An environment that draws nothing, for speed."""
    setup = Setup(robot='kitchen_sim', profile=profile, actuation=actuation)
    env = tasks.make(task, setup, size=8)
    env.task.sim.render = lambda camera, height, width: np.zeros((height, width, 3), np.uint8)
    return env


def act(demonstrator):
    return demonstrator.step({}, None, {}).action


def first_success(env, demonstrator, seed, noise=0.0):
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    assert demonstrator.initial() == {}
    for step in range(1, env.max_steps + 1):
        action = act(demonstrator)
        assert action.shape == (env.spec.action_size,) and action.dtype == np.float32
        assert np.abs(action).max() <= 1.0
        *_, truncated, info = env.step(action + noise * rng.standard_normal(action.shape))
        if info['success']:
            return step
    assert truncated
    return 999


@pytest.mark.parametrize(
    'profile, noise, longest', [('normal', 0.05, 55), ('commissioning', 0.0, 70), ('', 0.0, 45)]
)
def test_the_microwave_opens_from_varied_starts(profile, noise, longest):
    env = make('kitchen-microwave', profile)
    demonstrator = tasks.demonstrator(env)
    steps = [first_success(env, demonstrator, seed, noise) for seed in range(5)]
    assert max(steps) <= longest, steps


@pytest.mark.parametrize('name', sorted(set(OBJECTS) - {'microwave'}))
def test_every_object_is_brought_into_place(name):
    env = make(f'kitchen-{name}')
    demonstrator = tasks.demonstrator(env)
    steps = [first_success(env, demonstrator, seed, 0.02) for seed in (0, 1)]
    assert max(steps) <= 80, steps


@pytest.mark.parametrize('task', ['kitchen-mixed', 'kitchen-partial'])
def test_four_objects_follow_one_another_within_an_episode(task):
    env = make(task)
    demonstrator = tasks.demonstrator(env)
    assert first_success(env, demonstrator, 0) <= 280
    assert env.task.reward() == 4.0


def test_four_objects_are_brought_into_place_under_d4rls_actuation():
    env = make('kitchen-partial', '', 'd4rl')
    demonstrator = tasks.demonstrator(env)
    assert first_success(env, demonstrator, 0, 0.03) <= 280


@pytest.mark.parametrize('name', sorted(OBJECTS))
def test_every_object_is_brought_into_place_under_d4rls_actuation(name):
    env = make(f'kitchen-{name}', '', 'd4rl')
    demonstrator = tasks.demonstrator(env)
    steps = [first_success(env, demonstrator, seed, 0.05) for seed in (0, 1)]
    assert max(steps) <= 90, steps


def test_the_sliding_door_comes_before_the_hinge_door_that_would_hide_its_bar():
    order = ('kettle', 'hinge_cabinet', 'microwave', 'slide_cabinet')
    assert feasible_order(order) == ('kettle', 'slide_cabinet', 'hinge_cabinet', 'microwave')
    for order in (('slide_cabinet', 'kettle', 'hinge_cabinet'), ('hinge_cabinet', 'kettle')):
        assert feasible_order(order) == order
    env = make('kitchen-hinge_cabinet+slide_cabinet')
    assert tasks.demonstrator(env).objects == ('slide_cabinet', 'hinge_cabinet')


def test_it_takes_up_any_objects_in_any_order_beside_the_tasks():
    env = make('kitchen-partial', '', 'd4rl')
    objects = ('light_switch', 'hinge_cabinet', 'microwave')
    demonstrator = tasks.demonstrator(env, objects)
    env.reset(seed=1)
    demonstrator.initial()
    came = []
    for _ in range(250):
        env.step(act(demonstrator))
        there = in_place(env.task.sim.data.qpos, objects)
        came += [name for name in objects if there[name] and name not in came]
        if len(came) == 3:
            break
    assert came == list(objects)


def test_it_starts_anew_with_an_episode_and_rests_once_all_is_in_place():
    env, rest = make('kitchen-microwave', ''), [0.0] * 7 + [1.0, 1.0]
    demonstrator = tasks.demonstrator(env)
    assert (demonstrator.hash, demonstrator.spec) == ('scripted', env.spec)
    env.reset(seed=0)
    demonstrator.initial()
    action = first = act(demonstrator)
    for _ in range(70):
        if action.tolist() == rest:
            break
        env.step(action)
        action = act(demonstrator)
    assert env.task.success()
    assert action.tolist() == act(demonstrator).tolist() == rest
    env.reset(seed=0)
    demonstrator.initial()
    assert np.array_equal(act(demonstrator), first)


def test_a_bar_that_slips_out_of_the_hand_is_taken_again():
    env = make('kitchen-microwave', '')
    demonstrator = tasks.demonstrator(env)
    env.reset(seed=0)
    demonstrator.initial()
    act(demonstrator)
    while len(demonstrator._way) > 3:  # up to the pull
        env.step(act(demonstrator))
    env.task.sim.data.qpos[22] = -0.3  # the bar is 13 cm away
    mujoco.mj_forward(env.task.sim.model, env.task.sim.data)
    act(demonstrator)
    assert len(demonstrator._way) == 6
    for _ in range(70):
        *_, info = env.step(act(demonstrator))
        if info['success']:
            break
    assert info['success']


def test_every_object_has_a_skill_and_an_unknown_task_none(monkeypatch):
    assert set(SKILLS) == set(OBJECTS)
    env = make('kitchen-kettle')
    monkeypatch.delitem(SKILLS, 'kettle')
    with pytest.raises(ConfigError, match="unknown demonstrated object 'kettle'"):
        tasks.demonstrator(env)
