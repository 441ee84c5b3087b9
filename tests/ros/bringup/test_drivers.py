"""Franka's drivers: their arguments, our controllers, and the robots that both know.

The parameters of a JointTrajectoryController are those of ros2_controllers 4.42 (Jazzy). With
MOTO_JTC_PARAMETERS=<joint_trajectory_controller_parameters.yaml> they are compared with that file.
"""

import os
from pathlib import Path

import pytest
import yaml

from moto_core.config import share_dir
from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.strict_yaml import read_yaml
from moto_ros.bringup import drivers

FILE = share_dir() / 'config' / 'ros' / 'controllers.yaml'
CONTROLLERS = read_yaml(FILE)['/**']
JTC = {  # parameter: its type, of those that are used here
    'joints': list,
    'command_interfaces': list,
    'state_interfaces': list,
    'interpolate_from_desired_state': bool,
    'set_last_command_interface_value_as_state_on_activation': bool,
    'interpolation_method': str,
    'allow_nonzero_velocity_at_trajectory_end': bool,
    'allow_partial_joints_goal': bool,
    'allow_integration_in_goal_trajectories': bool,
}
KINDS = {'string_array': list, 'bool': bool, 'string': str, 'double': float}


def parameters(robot_type):
    return dict(CONTROLLERS[drivers.controller(robot_type)]['ros__parameters'])


def test_there_is_a_controller_for_each_arm_and_no_other():
    assert set(CONTROLLERS) == {drivers.controller(name) for name in drivers.ROBOT_TYPES}


@pytest.mark.parametrize('robot_type', drivers.ROBOT_TYPES)
def test_a_controller_follows_what_the_guard_means(robot_type):
    found = parameters(robot_type)
    assert found.pop('type') == 'joint_trajectory_controller/JointTrajectoryController'
    assert {name: type(value) for name, value in found.items()} == JTC
    assert found['command_interfaces'] == ['position']
    assert found['state_interfaces'] == ['position', 'velocity']
    assert found['interpolation_method'] == 'splines'
    # franka_hardware's position commands are 0.0 before the first: the arm must not be held there
    assert found['set_last_command_interface_value_as_state_on_activation'] is False
    assert found['interpolate_from_desired_state'] is True
    assert not any(value for name, value in found.items() if name.startswith('allow_'))


@pytest.mark.parametrize('robot_type', drivers.ROBOT_TYPES)
def test_the_guard_speaks_of_the_same_joints_to_the_same_controller(robot_type):
    robot = load_robot(robot_type)
    assert robot.name == robot_type
    assert robot.controllers.trajectory == drivers.controller(robot_type)
    assert robot.spec.joints == parameters(robot_type)['joints']
    assert robot.spec.joints == [f'{robot_type}_joint{number}' for number in range(1, 8)]


@pytest.mark.parametrize(('robot_type', 'like'), [('fr3v2', 'fr3'), ('fer', 'panda')])
def test_an_arm_of_another_name_has_the_limits_of_its_like(robot_type, like):
    one, other = load_robot(robot_type), load_robot(like)
    assert (one.limits, one.profiles, one.home) == (other.limits, other.profiles, other.home)
    assert one.spec.action_scale == other.spec.action_scale


def test_the_parameters_are_those_of_the_controllers_own_file():
    path = os.environ.get('MOTO_JTC_PARAMETERS')
    if not path:
        pytest.skip('MOTO_JTC_PARAMETERS names no file of ros2_controllers')
    own = yaml.safe_load(Path(path).read_text())['joint_trajectory_controller']
    for name, kind in JTC.items():
        assert KINDS[own[name]['type']] is kind, name
        for rule, bounds in own[name].get('validation', {}).items():
            if rule in ('one_of<>', 'subset_of<>'):
                value = parameters('fr3')[name]
                assert set([value] if isinstance(value, str) else value) <= set(bounds[0]), name


def test_the_drivers_are_told_what_franka_ros2_takes_and_the_spawner_our_file():
    values = drivers.resolved({'robot_ip': '172.16.0.2', 'namespace': 'left'})
    assert dict(drivers.franka_arguments(values)) == {
        'robot_ip': '172.16.0.2',
        'robot_type': 'fr3',
        'namespace': 'left',
        'use_fake_hardware': 'false',
        'load_gripper': 'false',
    }
    assert drivers.spawner_words(values)[:3] == ['fr3_arm_controller', '--param-file', str(FILE)]
    assert '--inactive' not in drivers.spawner_words(values)
    values = drivers.resolved({'use_fake_hardware': 'TRUE', 'activate': 'false'})
    assert (values['use_fake_hardware'], values['robot_ip']) == ('true', 'none')
    assert drivers.spawner_words(values)[-1] == '--inactive'


@pytest.mark.parametrize(
    ('given', 'says'),
    [
        ({}, 'robot_ip is missing'),
        ({'robot_ip': '1', 'robot_type': 'panda'}, "unknown robot_type 'panda'"),
        ({'robot_ip': '1', 'robot_type': 'my_cell.yaml'}, 'Valid: fer, fr3, fr3v2'),
        ({'robot_ip': '1', 'load_gripper': 'yes'}, "load_gripper is 'yes'; expected true or"),
        ({'robot_ip': '1', 'namespace': 'a-b'}, "namespace is 'a-b'; expected one such as"),
        ({'robot_ip': '1', 'controllers': '/no/file'}, "no file '/no/file'"),
    ],
)
def test_what_the_drivers_would_fail_at_later_is_refused(given, says):
    with pytest.raises(ConfigError) as caught:
        drivers.resolved(given)
    assert says in str(caught.value)


def test_a_misspelt_argument_of_the_drivers_names_the_nearest():
    with pytest.raises(ConfigError, match="'robot_typ'. Did you mean 'robot_type'"):
        drivers.check_name('robot_typ')
