import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_model import HOME


@pytest.fixture(scope='module')
def sim():
    return KitchenSim()


def drive(sim, velocity, ticks):
    sim.set_velocity(velocity)
    before = sim.position
    sim.advance(ticks)
    return sim.position - before


def test_a_velocity_moves_the_joints_by_velocity_times_time(sim):
    sim.reset()
    velocity = np.array([-0.5, 0.5, 0.5, 0.5, 0.4, 0.5, 0.4, 0, 0])
    moved = drive(sim, velocity, 200)  # 0.8 s
    assert moved[:7] == pytest.approx(0.8 * velocity[:7], abs=0.01)
    assert sim.velocity[:7] == pytest.approx(velocity[:7], abs=0.01)


def test_zero_velocity_holds_the_arm_up_against_gravity(sim):
    sim.reset()
    sim.advance(50)  # the reset's own 0.006 rad outside
    assert np.abs(drive(sim, np.zeros(9), 500)[:7]).max() < 1e-3


def test_the_arm_stops_where_it_is_told_to_even_from_a_speed_that_it_cannot_reach(sim):
    sim.reset()
    velocity = np.array([-2.0, 0, 0, 0, 0, 0, 0, 0, 0])
    moved = drive(sim, velocity, 100)
    assert -0.4 < moved[0] < -0.25  # 87 Nm against 100 Nm s/rad of damping
    assert np.abs(drive(sim, np.zeros(9), 100)).max() < 0.01
    assert np.abs(sim.velocity).max() < 0.02


def test_the_target_stays_inside_the_servos_range(sim):
    sim.reset()
    drive(sim, np.array([0, -2.0, 0, 0, 0, 0, 0, 2.0, -2.0]), 100)
    low, high = sim.actuation.low, sim.actuation.high
    assert (sim.actuation.target >= low).all() and (sim.actuation.target <= high).all()
    assert sim.actuation.target[7:].tolist() == [0.04, 0.0]


def test_fingers_hold_what_they_were_given(sim):
    sim.reset()
    drive(sim, np.array([0] * 7 + [-2.0, -2.0]), 150)
    assert np.abs(sim.position[7:]).max() < 0.002
    drive(sim, np.zeros(9), 150)
    assert np.abs(sim.position[7:]).max() < 0.002


def test_d4rl_actuation_sets_the_target_once_a_command():
    sim = KitchenSim(actuation='d4rl')
    sim.set_velocity(np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0]))
    assert sim.actuation.target[0] == pytest.approx(HOME[0] + 0.08)
    sim.advance(20)
    assert sim.actuation.target[0] == pytest.approx(HOME[0] + 0.08)
    assert sim.data.ctrl[0] == pytest.approx(HOME[0] + 0.08)


def test_d4rl_actuation_sags_at_zero_velocity():
    sim = KitchenSim(actuation='d4rl')
    height = sim.data.site('end_effector').xpos[2]
    for _ in range(50):
        sim.set_velocity(np.zeros(9))
        sim.advance(20)
    assert sim.data.site('end_effector').xpos[2] < height - 0.2


def test_an_unknown_actuation_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'hold'"):
        KitchenSim(actuation='hol')


def test_a_command_is_the_velocity_itself_and_under_d4rl_holds_the_arm_up():
    velocity = np.linspace(-0.1, 0.1, 9)
    own, d4rl = KitchenSim(), KitchenSim(actuation='d4rl')
    assert own.actuation.command_for(own.data, velocity) is velocity
    sagged = {}
    for fed in (False, True):
        d4rl.reset()
        before = d4rl.position
        for _ in range(50):  # 4 s of standing still
            command = d4rl.actuation.command_for(d4rl.data, np.zeros(9)) if fed else np.zeros(9)
            d4rl.set_velocity(command)
            d4rl.advance(20)
        sagged[fed] = np.abs(d4rl.position - before)[:7].max()
    assert sagged[False] > 0.3 and sagged[True] < 0.1, sagged


def test_the_arm_follows_the_positions_that_it_is_led_along(sim):
    sim.reset()
    sim.advance(50)
    begin = sim.position[:7]
    times = 0.004 * np.arange(1, 251)
    way = 0.1 * (1 - np.cos(np.pi * times))[:, None] * np.array([1, 1, -1, 1, 1, -1, 1])
    speed = 0.1 * np.pi * np.sin(np.pi * times)[:, None] * np.array([1, 1, -1, 1, 1, -1, 1])
    errors = []
    for position, velocity in zip(begin + way, speed):
        sim.lead(position, np.concatenate([velocity, [0.05, 0.05]]))
        sim.advance()
        assert sim.actuation.target[:7] == pytest.approx(position, abs=1e-9)
        errors.append(sim.position[:7] - position)
    assert np.abs(errors).max() < 0.01
    assert sim.actuation.target[7:] == pytest.approx([0.04, 0.04], abs=1e-3)  # fingers: velocity


def test_d4rl_actuation_follows_no_positions():
    sim = KitchenSim(actuation='d4rl')
    with pytest.raises(ConfigError, match="'d4rl' follows no positions; use 'hold'"):
        sim.lead(np.zeros(7), np.zeros(9))
    sim.close()
