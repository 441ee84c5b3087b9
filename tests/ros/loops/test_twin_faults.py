"""What policy and guard make of a robot that stops itself, or of which something is wrong."""

import time

import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters

from moto_core.errors import MotoError
from moto_ros.services import GUARD, POLICY, TWIN
from moto_ros.wire import interface

pytestmark = pytest.mark.ros
STILL = 0.03  # [rad/s]
ASKED = [0.3] + [0.0] * 8  # [rad/s]


@pytest.fixture(scope='module')
def graph(start):
    running = start({TWIN, GUARD, POLICY}, seed='3', command_mode='trajectory', policy='random')
    running.robots = []
    running.keep(interface.ROBOT_STATE, running.robots)
    return running


@pytest.fixture
def running(graph):
    """The graph with an arm at its start, told to move by a person."""
    change(graph, camera__frozen=False, joints__frozen=False, joints__drop=0.0, lag=0.0)
    change(graph, joints__latency=0.0, camera__drop=0.0)
    graph.spin(0.3)
    if graph.latest.guard.state == 'FAULT':
        graph.wait(lambda: reset_fault(graph), 5, 'the reset of the fault')
    graph.reset()
    graph.take_over()
    graph.robots.clear()
    drive_until(graph, lambda: moving(graph))
    return graph


def moving(running):
    """Says whether the arm goes where it is led."""
    return running.speed() > 0.2 and running.robots and running.robots[-1].mode == 'move'


def drive_until(running, condition, seconds=10.0):
    """Asks for motion, on a busy machine for longer, until a condition holds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        running.drive(ASKED, 0.1)
    assert condition(), running.latest.guard


def reset_fault(running):
    try:
        return running.graph.call(GUARD, 'reset_fault')
    except MotoError:
        return ''


def change(running, **values):
    """Sets parameters of the twin while it runs."""
    client = running.node.create_client(SetParameters, f'{TWIN}/set_parameters')
    running.wait(client.service_is_ready, 10, 'set_parameters')
    parameters = [
        Parameter(
            name=f'twin.disturbance.{name.replace("__", ".")}',
            value=ParameterValue(type=1, bool_value=value)
            if isinstance(value, bool)
            else ParameterValue(type=3, double_value=value),
        )
        for name, value in values.items()
    ]
    future = client.call_async(SetParameters.Request(parameters=parameters))
    running.wait(future.done, 10, 'an answer')
    assert all(one.successful for one in future.result().results)
    running.node.destroy_client(client)


def fault(running, *causes):
    """Drives until the guard faults for one of the causes, with the arm at rest."""
    drive_until(running, lambda: running.latest.guard.state == 'FAULT')
    assert running.latest.guard.cause[0] in causes, running.latest.guard
    running.wait(lambda: running.latest.guard.at_rest, 5, 'rest')


def test_under_the_guard_the_arm_never_stops_itself(running):
    for k in range(12):
        running.drive(0.4 * np.cos(k + np.arange(9)) * ([1.0] * 7 + [0.0] * 2), 0.16)
    seen = {(state.mode, state.errors) for state in running.robots}
    assert ('move', ()) in seen and seen <= {('move', ()), ('idle', ())}  # idle: before it moves
    assert running.latest.guard.state == 'RUNNING'


def test_an_arm_that_stopped_itself_is_a_fault_and_moves_after_recovery_and_reset_only(running):
    running.graph.call(TWIN, 'user_stop', True)
    fault(running, 'following_error', 'joints_frozen')
    assert running.robots[-1].mode == 'user_stopped' and running.speed() < STILL
    running.graph.call(TWIN, 'user_stop', False)
    running.spin(0.6)
    running.graph.call(GUARD, 'reset_fault')
    running.graph.call(GUARD, 'begin_anew')  # the arm stands elsewhere than it was led to
    running.arm()
    running.joints.clear()
    running.drive(ASKED, 0.5)
    running.wait(lambda: len(running.joints) > 10)
    _, position, _ = running.motion()
    assert np.ptp(position, axis=0).max() < 0.005, 'its commands are ignored'
    fault(running, 'following_error', 'joints_frozen')
    assert running.graph.call(TWIN, 'error_recovery') == 'recovered from user_stopped'
    running.spin(0.6)
    running.graph.call(GUARD, 'reset_fault')
    running.graph.call(GUARD, 'begin_anew')
    running.arm()
    drive_until(running, lambda: moving(running))


def test_frozen_joint_states_are_a_fault_of_the_guard(running):
    change(running, joints__frozen=True)
    fault(running, 'joints_frozen', 'following_error')
    assert running.robots[-1].mode == 'move', 'the arm braked as it was led'


@pytest.mark.parametrize(
    'wrong',
    [{'joints__drop': 1.0}, pytest.param({'joints__latency': 0.4}, marks=pytest.mark.slow)],
)
def test_lost_or_late_joint_states_brake_and_are_a_fault(running, wrong):
    change(running, **wrong)
    fault(running, 'joints_timeout')
    assert running.robots[-1].mode == 'move'


def test_a_frozen_camera_ends_the_decisions_while_the_arm_moves(running):
    running.graph.call(POLICY, 'start_episode')
    running.graph.latest.decisions.clear()
    drive_until(running, lambda: len(running.graph.latest.decisions) > 3)
    change(running, camera__frozen=True)
    drive_until(running, lambda: running.latest.policy.reasons == ('front:frozen',))
    running.graph.latest.decisions.clear()
    running.drive(ASKED, 0.5)
    # a person drives on; requests that come late on a busy machine hold the arm for a moment
    drive_until(running, lambda: running.latest.guard.state == 'RUNNING')
    assert running.graph.latest.decisions == []
    running.graph.call(POLICY, 'stop_episode')  # meanwhile nobody drives


@pytest.mark.slow
def test_an_arm_that_lags_by_40_ms_is_led_without_a_fault(running):
    change(running, lag=0.04)
    running.drive(ASKED, 0.8)
    running.drive([-value for value in ASKED], 1.2)
    assert running.latest.guard.state == 'RUNNING'
    assert {state.mode for state in running.robots} == {'move'}
