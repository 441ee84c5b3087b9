"""The guard around a simulator."""

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.guard.simulated import Guarded

REST = np.zeros(7)


def drive(guarded, request, position, seconds, start=0.0):
    """Integrates what comes out; returns the last output, the position and the time."""
    velocity, output = REST, None
    for k in range(round(seconds / 0.004)):
        output = guarded.tick(request, position, velocity, start + k * 0.004)
        velocity = output.velocity
        position = position + velocity * 0.004
    return output, position, start + seconds


def test_a_simulator_is_driven_from_its_first_tick():
    guarded = Guarded('kitchen_sim')
    home = np.array(guarded.robot.home)
    output, position, _ = drive(guarded, np.full(9, 0.3), home, 0.5)
    assert output.state == 'RUNNING'
    assert output.reasons == ()
    assert output.velocity == pytest.approx(np.full(7, 0.3), rel=1e-5)
    assert output.gripper.tolist() == [0.3, 0.3]
    assert position - home == pytest.approx(np.full(7, 0.3 * 0.5 - 0.3**2 / 10), abs=0.005)


def test_no_request_brakes_and_the_next_goes_on():
    guarded = Guarded('kitchen_sim')
    _, position, now = drive(guarded, np.full(9, 0.3), np.array(guarded.robot.home), 0.4)
    output, position, now = drive(guarded, None, position, 0.2, now)
    assert output.state == 'ARMED'
    assert not output.velocity.any()
    assert not output.gripper.any()
    assert drive(guarded, np.full(9, 0.3), position, 0.1, now)[0].state == 'RUNNING'


def test_a_doubt_slows_and_a_scale_of_0_holds_until_the_reset():
    guarded = Guarded('kitchen_sim')
    guarded.speed_scale = 0.2  # of 1 rad/s
    output, position, now = drive(guarded, np.full(9, 0.3), np.array(guarded.robot.home), 0.4)
    assert output.velocity == pytest.approx(np.full(7, 0.2), rel=1e-5)
    for guarded.speed_scale in (0.0, 1.0):
        output, position, now = drive(guarded, np.full(9, 0.3), position, 0.4, now)
        assert (output.state, output.velocity.any()) == ('HOLD', False)
    guarded.speed_scale = 0.0
    guarded.reset()
    output, _, _ = drive(guarded, np.full(9, 0.3), position, 0.4)
    assert output.velocity == pytest.approx(np.full(7, 0.3), rel=1e-5)


def test_three_actions_of_nan_fault_until_the_reset():
    guarded = Guarded('panda')
    home = np.array(guarded.robot.home)
    output, _, now = drive(guarded, np.full(7, np.nan), home, 0.02)
    assert output.state == 'FAULT'
    assert np.isfinite(output.velocity).all()
    assert drive(guarded, np.full(7, 0.1), home, 0.1, now)[0].state == 'FAULT'
    guarded.reset()
    assert drive(guarded, np.full(7, 0.1), home, 0.1)[0].state == 'RUNNING'


def test_reset_lets_the_arm_start_elsewhere_and_time_begin_anew():
    guarded = Guarded('panda')
    home = np.array(guarded.robot.home)
    drive(guarded, np.full(7, 0.1), home, 0.1, 100.0)
    guarded.reset()
    output, _, _ = drive(guarded, np.full(7, 0.1), home + 0.5, 0.1, 0.0)
    assert (output.state, output.reasons) == ('RUNNING', ())


def test_profile_and_overrides_choose_the_limits():
    assert Guarded('fr3', 'commissioning').limits.dq[1] == 0.25
    slow = Guarded('fr3', overrides=['profiles.normal.velocity_fraction=0.1'])
    assert slow.limits.dq[1] == pytest.approx(0.1)
    assert Guarded(load_robot('fr3')).limits.dq[1] == 0.5


def test_what_cannot_be_guarded_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'normal'"):
        Guarded('fr3', 'norml')
    with pytest.raises(ConfigError, match='overrides need a robot by name'):
        Guarded(load_robot('fr3'), overrides=['name=x'])
