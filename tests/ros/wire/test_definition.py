"""What a recording says of its types is read by somebody else's decoder."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseArray
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory
from rclpy.serialization import serialize_message
from sensor_msgs.msg import BatteryState, CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray, String

from moto_core.episodes import messages
from moto_core.errors import ConfigError
from moto_ros.wire.definition import definition, text_of_class
from moto_ros.wire.interface import type_name

KINDS = [
    'geometry_msgs/msg/WrenchStamped',
    'geometry_msgs/msg/PoseArray',
    'sensor_msgs/msg/CameraInfo',
    'sensor_msgs/msg/BatteryState',
    'std_msgs/msg/Float64',
    'diagnostic_msgs/msg/DiagnosticArray',
    'rcl_interfaces/msg/ParameterDescriptor',
]


def decoder(kind, text):
    schema = Schema(id=1, name=kind, encoding='ros2msg', data=text.encode())
    return DecoderFactory().decoder_for('cdr', schema)


def test_a_definition_holds_the_packages_own_text_and_every_nested_type():
    text = definition('geometry_msgs/msg/WrenchStamped')
    parts = text.split('\n' + '=' * 80 + '\nMSG: ')
    assert [part.split('\n')[0] for part in parts[1:]] == [
        'std_msgs/Header',
        'geometry_msgs/Wrench',
        'builtin_interfaces/Time',
        'geometry_msgs/Vector3',
    ]
    assert 'std_msgs/Header header\nWrench wrench\n' in parts[0]


@pytest.mark.parametrize('kind', KINDS)
def test_without_its_file_a_definition_says_the_same(kind, monkeypatch):
    rosbags = pytest.importorskip('rosbags.typesys')
    shipped = rosbags.get_types_from_msg(definition(kind), kind)
    definition.cache_clear()
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/nowhere')
    built = rosbags.get_types_from_msg(definition(kind), kind)
    definition.cache_clear()
    assert built.keys() == shipped.keys()
    for name in built:
        assert built[name][1] == shipped[name][1]
        names = [constant[0] for constant in shipped[name][0]]
        assert [constant[0] for constant in built[name][0]] == names
        values = [constant[2] for constant in shipped[name][0]]
        assert [constant[2] for constant in built[name][0]] == values


def test_messages_come_back_whether_or_not_the_file_was_there():
    info = CameraInfo(width=640, distortion_model='plumb_bob', d=[0.5, 1.5], p=[2.0] * 12)
    info.roi.height = 7
    poses = PoseArray()
    poses.header.frame_id = 'base'
    status = DiagnosticStatus(level=DiagnosticStatus.ERROR, name='n')
    for message in (info, poses, status, String(data='x'), BatteryState(cell_voltage=[1.5])):
        kind = type_name(type(message))
        for text in (definition(kind), with_class_texts(kind)):
            got = decoder(kind, text)(serialize_message(message))
            for name in message.get_fields_and_field_types():
                if name not in ('header', 'roi', 'level'):
                    assert same(getattr(got, name), getattr(message, name)), (kind, name)
    kind = 'sensor_msgs/msg/CameraInfo'
    assert decoder(kind, definition(kind))(serialize_message(info)).roi.height == 7


def with_class_texts(kind):
    """The definition with the outermost type's text built from its class."""
    import importlib

    package, _, name = kind.partition('/msg/')
    own = text_of_class(getattr(importlib.import_module(f'{package}.msg'), name))
    return '\n'.join([own, *definition(kind).partition('\n' + '=' * 80)[1:]])


def same(a, b):
    listed = isinstance(a, list) or hasattr(a, 'tolist')
    return list(a) == list(b) if listed else repr(a) == repr(b) or a == b


def test_the_stock_definitions_of_an_episode_are_the_installed_ones():
    rosbags = pytest.importorskip('rosbags.typesys')
    for kind in (Image, JointState, String, Float64MultiArray):
        name = type_name(kind)
        ours = rosbags.get_types_from_msg(messages.definition(name), name)
        theirs = rosbags.get_types_from_msg(definition(name), name)
        assert {k: v[1] for k, v in ours.items()} == {k: v[1] for k, v in theirs.items()}


@pytest.mark.parametrize('kind', ['nobody_msgs/msg/Odd', 'std_msgs/msg/Odd', 'std_msgs', ''])
def test_a_type_that_is_not_installed_is_named(kind):
    with pytest.raises(ConfigError, match=f"'{kind}' cannot be imported; expected an installed"):
        definition(kind)
