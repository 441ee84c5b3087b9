"""The guard's trajectories beside Franka's reflexes: followed exactly, late, seldom measured."""

import runpy
from pathlib import Path

import pytest

from moto_core.guard.limits import load_robot

BENCHMARK = runpy.run_path(str(Path(__file__).parents[3] / 'benchmarks' / 'trajectory.py'))
Link, drive, measure = (BENCHMARK[name] for name in ('Link', 'drive', 'measure'))


def found(robot, profile, seconds, seed=0, **link):
    robot = load_robot(robot)
    return measure(robot, profile, drive(robot, profile, seconds, seed, Link(**link)))


@pytest.mark.parametrize('robot', ['fr3', 'panda', 'kitchen_sim'])
@pytest.mark.parametrize('profile', ['commissioning', 'normal', 'ceiling'])
def test_what_the_guard_lets_out_trips_no_reflex(robot, profile):
    result = found(robot, profile, 2.0)
    assert result['reflexes'] == [] and result['modes'] == ['RUNNING']
    assert result['travel_rad'] > 0.05


@pytest.mark.parametrize('offset', [0.2, 0.5])
def test_a_controller_that_holds_the_arm_elsewhere_is_a_fault_before_it_is_a_reflex(offset):
    result = found('fr3', 'normal', 2.0, offset=offset)
    assert result['reflexes'] == [] and result['modes'][-1] == 'FAULT'


@pytest.mark.slow
@pytest.mark.parametrize(
    'lag, joint_rate, most', [(0.0, 125.0, 2.0), (0.01, 30.0, 12.0), (0.04, 30.0, 60.0)]
)
def test_an_arm_that_lags_enters_its_margin_by_so_much_and_no_reflex(lag, joint_rate, most):
    for robot in ('fr3', 'panda'):
        result = found(robot, 'normal', 60.0, lag=lag, joint_rate=joint_rate)
        assert result['reflexes'] == [] and result['modes'] == ['RUNNING']
        assert 0.0 < result['into_the_margin_mrad'] < most  # of 100
