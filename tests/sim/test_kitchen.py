import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim.kitchen import KitchenSim, Variation
from moto_sim.kitchen_model import ARM, HOME
from moto_sim.kitchen_objects import OBJECTS, in_place

ALL = tuple(OBJECTS)


@pytest.fixture(scope='module')
def sim():
    return KitchenSim(ALL)


def test_an_object_is_in_place_within_three_tenths_of_its_goal():
    qpos = HOME.copy()
    assert not any(in_place(qpos, ALL).values())
    qpos[22] = -0.44  # |-0.44 + 0.75| = 0.31
    assert not in_place(qpos, ('microwave',))['microwave']
    qpos[22] = -0.46  # 0.29
    assert in_place(qpos, ('microwave',))['microwave']
    qpos[[17, 18]] = -0.45, -0.25  # (0.24, -0.20): 0.31 over both joints
    assert not in_place(qpos, ('light_switch',))['light_switch']
    qpos[18] = -0.05
    assert in_place(qpos, ('light_switch', 'slide_cabinet')) == {
        'light_switch': True,
        'slide_cabinet': False,
    }


def test_the_reward_counts_the_objects_in_place_and_success_needs_all(sim):
    sim.reset()
    assert (sim.reward(), sim.success()) == (0.0, False)
    for count, name in enumerate(ALL, 1):
        sim.data.qpos[list(OBJECTS[name].qpos)] = OBJECTS[name].goal
        assert sim.reward() == count
    assert sim.success()


def test_a_reset_without_a_generator_is_franka_kitchens_own(sim):
    sim.reset()
    assert np.array_equal(sim.data.qpos, HOME)
    assert sim.time == 0.0


def test_resets_vary_the_arm_the_kettle_and_the_doors_and_touch_nothing(sim):
    rng = np.random.default_rng(0)
    starts = []
    for _ in range(30):
        sim.reset(rng)
        starts.append(sim.data.qpos.copy())
        assert not sim._touching()
        assert not sim.success() and sim.reward() == 0
    starts = np.array(starts)
    low, high = sim.model.jnt_range[:ARM].T
    assert (starts[:, :ARM] >= low).all() and (starts[:, :ARM] <= high).all()
    away = starts - HOME
    assert (np.abs(away[:, :ARM]).max(0) > 0.05).all()
    assert np.abs(away[:, :ARM]).max() <= 0.1
    assert 0.01 < np.abs(away[:, 23:25]).max() <= 0.02
    assert (starts[:, 22] >= -0.03 * 2.094).all() and (starts[:, 22] <= 0).all()
    assert starts[:, 22].std() > 0.01


def test_the_same_generator_gives_the_same_start_and_the_same_motion(sim):
    ends = []
    for seed in (3, 3, 4):
        sim.reset(np.random.default_rng(seed))
        sim.set_velocity(np.full(9, 0.2))
        sim.advance(50)
        ends.append(sim.data.qpos.copy())
    assert np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


def test_no_variation_leaves_the_start_as_it_is():
    sim = KitchenSim(variation=Variation(arm=0, kettle=0, door=0))
    sim.reset(np.random.default_rng(0))
    assert np.array_equal(sim.data.qpos, HOME)


def test_an_arm_varied_beyond_what_is_free_says_so():
    sim = KitchenSim(variation=Variation(arm=0.0))
    sim.variation = Variation(arm=1e-3)
    sim._touching = lambda: True
    with pytest.raises(ConfigError, match='vary the arm less'):
        sim.reset(np.random.default_rng(0))


@pytest.mark.parametrize('velocity', [np.zeros(7), np.full(9, np.nan), np.full(9, np.inf)])
def test_a_bad_velocity_is_refused(sim, velocity):
    with pytest.raises(ConfigError, match='9 finite numbers'):
        sim.set_velocity(velocity)


def test_joint_states_are_copies(sim):
    sim.reset()
    sim.position[:] = 9.0
    sim.velocity[:] = 9.0
    assert np.array_equal(sim.data.qpos, HOME)
    assert not sim.data.qvel.any()


def test_unknown_objects_and_views_name_the_nearest(sim):
    with pytest.raises(ConfigError, match="Did you mean 'microwave'"):
        KitchenSim(('micowave',))
    with pytest.raises(ConfigError, match="Did you mean 'front'"):
        sim.render('frnt')
