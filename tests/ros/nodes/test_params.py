"""What `ros2 param` sees of a node: every setting with its value, meaning and bounds."""

import hashlib

import pytest
import rclpy
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters

from moto_core.config import share_dir
from moto_core.fields import list_keys
from moto_ros.config import RosConfig
from moto_ros.nodes.guard import GuardNode
from moto_ros.nodes.recorder import RecorderNode
from tests.ros.nodes.waiting import wait

KEYS = [key.name for key in list_keys(RosConfig())]


def ask(node, kind, service, **request):
    client = node.create_client(kind, f'{node.get_name()}/{service}')
    wait(node, client.service_is_ready)
    future = client.call_async(kind.Request(**request))
    wait(node, future.done)
    node.destroy_client(client)
    return future.result()


def test_every_setting_is_listed_also_where_it_has_its_default(make):
    node = make(GuardNode, **{'guard.rate': 500.0})
    listed = ask(node, ListParameters, 'list_parameters').result.names
    assert {'config', *KEYS} <= set(listed)
    assert len(listed) == len(set(listed))


def test_a_setting_says_its_value_whatever_it_was_given_by(make):
    raw = '"{/wrench: geometry_msgs/msg/WrenchStamped}"'
    node = make(RecorderNode, **{'guard.rate': 500, 'record.raw': raw, 'record.task': 'door'})
    names = ['guard.rate', 'record.raw', 'record.task', 'compressed', 'policy.seed', 'cameras']
    got = ask(node, GetParameters, 'get_parameters', names=names).values
    assert (got[0].type, got[0].double_value) == (ParameterType.PARAMETER_DOUBLE, 500.0)
    assert got[1].string_value == '{"/wrench": "geometry_msgs/msg/WrenchStamped"}'
    assert got[2].string_value == 'door'
    assert (got[3].type, got[3].string_array_value) == (ParameterType.PARAMETER_STRING_ARRAY, [])
    assert (got[4].type, got[4].integer_value) == (ParameterType.PARAMETER_INTEGER, 0)
    assert got[5].string_value == '{}'


def test_the_limits_in_force_are_parameters_that_a_person_can_compare(make, tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text((share_dir() / 'config' / 'robot' / 'kitchen_sim.yaml').read_text())
    node = make(GuardNode, robot=own)
    names = ['limits_file', 'limits_sha256']
    got = ask(node, GetParameters, 'get_parameters', names=names).values
    assert got[0].string_value == str(own)
    assert got[1].string_value == hashlib.sha256(own.read_bytes()).hexdigest()


def test_entries_of_a_mapping_become_the_mapping(make):
    node = make(GuardNode, **{'cameras.front': '/left/image'})
    listed = ask(node, ListParameters, 'list_parameters').result.names
    assert 'cameras.front' not in listed
    (got,) = ask(node, GetParameters, 'get_parameters', names=['cameras']).values
    assert got.string_value == '{"front": "/left/image"}'


def test_a_ros_parameters_file_sets_a_node(make, tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('/**:\n  ros__parameters:\n    guard: {rate: 500.0}\n    profile: ceiling\n')
    rclpy.init(args=['--ros-args', '--params-file', str(own)])
    node = GuardNode()
    assert (node.config.guard.rate, node.config.profile) == (500.0, 'ceiling')
    node.destroy_node()
    rclpy.shutdown()


def test_a_setting_says_what_it_means_and_may_be(make):
    node = make(GuardNode)
    names = ['guard.rate', 'guard.deadman_button', 'command.mode', 'policy.camera_age', *KEYS]
    rate, button, mode, age, *every = ask(
        node, DescribeParameters, 'describe_parameters', names=names
    ).descriptors
    assert rate.description == '[Hz] of ticks, steady clock'
    (bounds,) = rate.floating_point_range
    assert (bounds.from_value, bounds.to_value) == (50.0, 1000.0)
    (bounds,) = button.integer_range
    assert (bounds.from_value, bounds.to_value) == (0, 255)
    assert mode.additional_constraints.startswith('one of velocity_array, trajectory; ')
    assert age.additional_constraints.startswith('above 0, at most 10; read at start')
    assert all(one.description and one.read_only for one in every)
    assert [one.name for one in every] == KEYS


@pytest.mark.parametrize('name', ['guard.rate', 'use_sim_time'])
def test_setting_a_parameter_of_a_running_node_is_refused_in_a_sentence(make, name):
    node = make(GuardNode)
    kinds = {'guard.rate': {'type': 3, 'double_value': 100.0}, 'use_sim_time': {'type': 1}}
    value = ParameterValue(**kinds[name])
    parameters = [Parameter(name=name, value=value)]
    (result,) = ask(node, SetParameters, 'set_parameters', parameters=parameters).results
    assert not result.successful
    assert 'read-only parameter: guard.rate' in result.reason or 'read at start' in result.reason
    assert node.get_parameter('guard.rate').value == 250.0 == node.config.guard.rate
