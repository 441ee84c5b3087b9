"""The paper's two Kitchen tasks: what they pay, how long they last, what their camera is."""

import mujoco
import numpy as np
import pytest

from moto_sim import tasks
from moto_sim.kitchen import VIEWS
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.setups import choose_setup

TASKS = {
    'kitchen-mixed': ['microwave', 'kettle', 'light_switch', 'slide_cabinet'],
    'kitchen-partial': ['microwave', 'kettle', 'bottom_burner', 'light_switch'],
}


@pytest.fixture(scope='module', params=TASKS)
def env(request):
    task = request.param
    env = tasks.make(task, choose_setup(task, actuation='d4rl', view='paper'), size=8)
    yield env
    env.close()


def put(env, *names):
    for name in names:
        env.task.sim.data.qpos[list(OBJECTS[name].qpos)] = OBJECTS[name].goal
    mujoco.mj_forward(env.task.sim.model, env.task.sim.data)


def test_each_step_pays_the_number_of_the_tasks_objects_in_place(env):
    env.reset(seed=0)
    rest = np.zeros(9)
    wanted = TASKS[env.task.name]
    put(env, 'hinge_cabinet', 'top_burner')  # of neither task
    paid = [env.step(rest)[1]]
    for name in wanted:
        put(env, name)
        _, reward, _, _, info = env.step(rest)
        paid.append(reward)
    assert paid == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert info['success'] and list(info['done_parts']) == wanted
    env.task.sim.data.qpos[22] = 0.0  # the microwave is shut again
    assert env.step(rest)[1] == 3.0


def test_an_episode_is_280_decisions_of_80_ms_and_does_not_end_by_success(env):
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    env.reset(seed=0)
    put(env, *TASKS[env.task.name])
    began = env.task.sim.time
    ends = [env.step(np.zeros(9))[2:4] for _ in range(280)]
    assert ends == [(False, False)] * 279 + [(False, True)]
    assert env.task.sim.time - began == pytest.approx(280 * 0.08)


def test_the_camera_is_the_papers():
    view = VIEWS['paper']
    assert (view.distance, view.azimuth, view.elevation) == (1.86, 90.0, -60.0)
    assert view.lookat == (-0.3, 0.5, 2.0)


def test_a_goal_may_name_objects_that_are_none_of_the_tasks(env):
    env.reset(seed=0)
    goal = env.task.goal(('hinge_cabinet', 'microwave'))
    put(env, 'hinge_cabinet')
    assert not goal()
    put(env, 'microwave')
    assert goal()
