"""Viewpoints: a camera that a body carries beside those that stand."""

import mujoco
import numpy as np
import pytest

from moto_core.config import to_dict
from moto_core.guard.limits import load_robot
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_model import kitchen_model
from moto_sim.setups import choose_setup
from moto_sim.views import Mount, View, aim

TASK = 'kitchen-microwave'


def test_a_free_camera_has_the_views_numbers_and_a_mount_the_models_camera():
    model, camera = kitchen_model(), mujoco.MjvCamera()
    aim(camera, model, Mount('wrist'))
    assert camera.type == mujoco.mjtCamera.mjCAMERA_FIXED
    assert camera.fixedcamid == model.camera('wrist').id
    aim(camera, model, View(distance=1.0, azimuth=2.0, elevation=3.0, lookat=(4.0, 5.0, 6.0)))
    assert camera.type == mujoco.mjtCamera.mjCAMERA_FREE
    assert (camera.distance, camera.azimuth, camera.elevation) == (1.0, 2.0, 3.0)
    assert camera.lookat.tolist() == [4.0, 5.0, 6.0]


def test_the_wrist_camera_looks_along_the_fingers_and_moves_with_the_hand():
    sim = KitchenSim()
    camera, site = sim.data.camera('wrist'), sim.data.site('end_effector')
    for turn in (0.0, 0.7):
        sim.reset()
        sim.data.qpos[6] += turn
        mujoco.mj_forward(sim.model, sim.data)
        ahead, hand = -camera.xmat.reshape(3, 3)[:, 2], site.xmat.reshape(3, 3)
        assert ahead @ hand[:, 2] == pytest.approx(np.cos(0.35))  # tilted toward the fingertips
        assert ahead @ (site.xpos - camera.xpos) > 0.05  # which are before it
        assert camera.xmat.reshape(3, 3)[:, 0] == pytest.approx(hand[:, 1], abs=1e-5)  # upright


def test_a_camera_changes_no_motion():
    assert kitchen_model().ncam == 3  # two of the Kitchen's own
    assert kitchen_model().body_mass.sum() == pytest.approx(
        mujoco.MjSpec.compile(_without_wrist()).body_mass.sum()
    )


def _without_wrist():
    import importlib.util
    from pathlib import Path

    package = importlib.util.find_spec('gymnasium_robotics')
    folder = Path(package.origin).parent / 'envs' / 'assets' / 'kitchen_franka'
    return mujoco.MjSpec.from_file(str(folder / 'kitchen_assets' / 'kitchen_env_model.xml'))


def test_the_wrist_is_a_second_camera_of_a_robot_of_its_own_and_off_by_default():
    assert set(tasks.make(TASK, size=8).spec.cameras) == {'front'}
    env = tasks.make(TASK, choose_setup(TASK, robot='kitchen_wrist', view='paper'), size=32)
    assert env.setup.views == {'front': 'paper'}  # a view is for cameras that stand
    first = env.reset(seed=0)[0]
    assert set(first) == {'front', 'wrist'}
    assert np.array_equal(first['front'], env.task.sim.render('paper', 32, 32))
    assert first['wrist'].std() > 10
    for _ in range(5):
        later = env.step(np.full(9, 0.5))[0]
    shift = [np.abs(later[name].astype(int) - first[name]).max(2) > 20 for name in first]
    assert shift[1].mean() > 2 * shift[0].mean()  # all of its picture moves


def test_the_robot_with_a_wrist_camera_is_the_simulated_one_in_everything_else():
    plain, wrist = (to_dict(load_robot(name)) for name in ('kitchen_sim', 'kitchen_wrist'))
    assert wrist['spec']['cameras'].pop('wrist')['topic'] == '/wrist/camera/color/image_raw'
    assert (plain.pop('name'), wrist.pop('name')) == ('kitchen_sim', 'kitchen_wrist')
    assert plain == wrist


def test_the_fr3_kitchen_has_fr3s_speeds_and_the_kitchens_joints():
    fr3, kitchen, ours = (load_robot(name) for name in ('fr3', 'kitchen_sim', 'kitchen_fr3'))
    for name in ('dq_max', 'ddq_max', 'dddq_max', 'dq_recommended', 'velocity_offset'):
        assert getattr(ours.limits, name) == getattr(fr3.limits, name)
    assert ours.limits.velocity_slope == fr3.limits.velocity_slope
    assert ours.profiles == fr3.profiles
    assert (ours.limits.q_min, ours.limits.q_max) == (kitchen.limits.q_min, kitchen.limits.q_max)
    assert (ours.spec, ours.home) == (kitchen.spec, kitchen.home)
    beyond = np.subtract(fr3.limits.q_high, fr3.limits.q_max)
    assert np.subtract(ours.limits.q_high, ours.limits.q_max) == pytest.approx(beyond, abs=1e-6)
    beyond = np.subtract(fr3.limits.q_min, fr3.limits.q_low)
    assert np.subtract(ours.limits.q_min, ours.limits.q_low) == pytest.approx(beyond, abs=1e-6)


def test_a_standing_camera_may_take_the_wrists_view():
    env = tasks.make(TASK, Setup(robot='kitchen_sim', views={'front': 'wrist'}), size=16)
    first = env.reset(seed=0)[0]['front']
    assert np.array_equal(first, env.task.sim.render('wrist', 16, 16))
