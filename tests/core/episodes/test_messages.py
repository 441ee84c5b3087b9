import numpy as np
import pytest
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory

from moto_core.episodes import messages
from moto_core.errors import EpisodeError


def decode(kind, data):
    schema = Schema(id=1, name=kind, encoding='ros2msg', data=messages.definition(kind).encode())
    return DecoderFactory().decoder_for('cdr', schema)(data)


def test_a_string_is_the_bytes_worked_out_by_hand():
    assert messages.encode_string('hi') == bytes.fromhex('0001000003000000686900')


def test_an_image_comes_back_from_the_library_decoder():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    got = decode(messages.IMAGE, messages.encode_image(image, 3_000_000_007, 'front'))
    assert (got.height, got.width, got.step) == (2, 3, 9)
    assert (got.encoding, got.is_bigendian) == ('rgb8', 0)
    assert (got.header.stamp.sec, got.header.stamp.nanosec) == (3, 7)
    assert got.header.frame_id == 'front'
    assert bytes(got.data) == image.tobytes()


@pytest.mark.parametrize('names', [(), ('a',), ('ab', 'abc'), ('abcd', 'x', 'yz')])
def test_joints_come_back_whatever_the_names_do_to_the_alignment(names):
    velocity = np.linspace(-1.5, np.pi, len(names))
    got = decode(messages.JOINT_STATE, messages.encode_joints(names, 1, velocity=velocity))
    assert got.name == list(names)
    assert got.velocity == velocity.tolist()
    assert (got.position, got.effort) == ([], [])


def test_rosbags_reads_the_same_bytes():
    typesys = pytest.importorskip('rosbags.typesys')
    store = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    data = messages.encode_joints(('a', 'bcd'), 5, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    got = store.deserialize_cdr(data, messages.JOINT_STATE)
    assert got.name == ['a', 'bcd']
    assert got.position.tolist() == [1.0, 2.0]
    assert got.velocity.tolist() == [3.0, 4.0]
    assert bytes(store.serialize_cdr(got, messages.JOINT_STATE)) == data
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    got = store.deserialize_cdr(messages.encode_image(image, 9), messages.IMAGE)
    assert got.data.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    'kind',
    [
        'std_msgs/msg/Float64MultiArray',
        'trajectory_msgs/msg/JointTrajectory',
        'diagnostic_msgs/msg/DiagnosticArray',
        'sensor_msgs/msg/CompressedImage',
        'sensor_msgs/msg/Joy',
        'std_msgs/msg/Bool',
    ],
)
def test_each_definition_is_complete(kind):
    schema = Schema(id=1, name=kind, encoding='ros2msg', data=messages.definition(kind).encode())
    assert DecoderFactory().decoder_for('cdr', schema) is not None
    rosbags = pytest.importorskip('rosbags.typesys')
    found = rosbags.get_types_from_msg(messages.definition(kind), kind)
    reference = rosbags.get_typestore(rosbags.Stores.ROS2_JAZZY).fielddefs
    for name, definition in found.items():
        assert definition[1] == reference[name][1], name


def test_an_unknown_type_names_the_nearest_one():
    with pytest.raises(EpisodeError, match="Did you mean 'sensor_msgs/msg/Image'"):
        messages.definition('sensor_msgs/msg/Imagee')
