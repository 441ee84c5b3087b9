"""Who is at the other end of a topic: whose names count as a controller's."""

from types import SimpleNamespace

import pytest

from moto_ros.wire.endpoints import full_name, looks_on


@pytest.mark.parametrize(
    ('name', 'looks'),
    [
        ('_ros2cli_31337', True),
        ('_ros2cli_daemon_17_abc', True),
        ('rosbag2_recorder', True),
        ('rosbag2_recorder_2', True),
        ('rqt_gui_py_node_5', True),
        ('foxglove_bridge', True),
        ('moto_recorder', True),
        ('moto_policy', True),
        ('moto_twin', False),
        ('fr3_arm_controller', False),
        ('my_rosbag2_controller', False),
        ('_NODE_NAME_UNKNOWN_', False),
    ],
)
def test_tools_that_show_and_record_look_on_and_a_node_without_a_name_may_act(name, looks):
    assert looks_on(name) == looks


def test_a_nodes_name_stands_below_its_namespace():
    at_root = SimpleNamespace(node_namespace='/', node_name='button')
    assert full_name(at_root) == '/button'
    below = SimpleNamespace(node_namespace='/left/cell', node_name='button')
    assert full_name(below) == '/left/cell/button'
    unknown = SimpleNamespace(
        node_namespace='_NODE_NAMESPACE_UNKNOWN_', node_name='_NODE_NAME_UNKNOWN_'
    )
    assert full_name(unknown) == 'a node without a name'
