"""ROS 2 bags for tests, written by rosbags: a list of (topic, time received [s], message)."""

import cv2
import numpy as np
import yaml
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from moto_core.config import load_config
from moto_learning.exchange.bag_mapping import BagMapping
from moto_learning.exchange.rosbag_read import open_bags

TYPES = get_typestore(Stores.ROS2_JAZZY)
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
NANO = 1_000_000_000
BEGIN = 1_700_000_000  # [s] since 1970 of every bag
CAM, JOINTS, ACT, ON = '/cam', '/joint_states', '/cmd', '/recording'
SAYS = {
    'task': 'pour',
    'joints': ['a', 'b'],
    'gripper': ['grip'],
    'action_scale': [2.0, 2.0, 0.5],
    'rate': 10.0,
    'cameras': {'front': {'key': CAM, 'height': 8, 'width': 8}},
    'action': {'key': ACT},
    'position': {'key': JOINTS},
    'proprioception': ['position'],
}


def nano(seconds):
    """[ns] since 1970 of a time [s] after BEGIN."""
    return BEGIN * NANO + round(seconds * NANO)


def message(kind, **fields):
    """A message of a ROS type, such as 'sensor_msgs/msg/Image'."""
    return TYPES.types[kind](**fields)


def header(stamp):
    """A header at so many seconds after BEGIN; None: no stamp was set."""
    total = 0 if stamp is None else nano(stamp)
    time = message('builtin_interfaces/msg/Time', sec=total // NANO, nanosec=total % NANO)
    return message('std_msgs/msg/Header', stamp=time, frame_id='')


def picture(stamp, value, encoding='rgb8', size=(16, 20), step=None, data=None, shape=None):
    """An image (16, 20) of one colour: a number, or one of each channel."""
    channels = {'mono8': 1, 'rgba8': 4, 'bgra8': 4}.get(encoding, 3)
    pixels = np.empty((*size, channels), np.uint8)
    pixels[:] = value
    height, width = shape or size
    return message(
        'sensor_msgs/msg/Image',
        header=header(stamp),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=step or width * channels,
        data=pixels.ravel() if data is None else data,
    )


def packed(stamp, bgr, form='png', data=None):
    """A compressed image of one colour."""
    pixels = np.empty((16, 20, 3), np.uint8)
    pixels[:] = bgr
    found = cv2.imencode(f'.{form}', pixels)[1].ravel() if data is None else data
    kind = 'sensor_msgs/msg/CompressedImage'
    return message(kind, header=header(stamp), format=form, data=found)


def state(stamp, position=(), velocity=(), names=('a', 'b', 'grip')):
    """Joint states by name."""
    return message(
        'sensor_msgs/msg/JointState',
        header=header(stamp),
        name=list(names),
        position=np.array(position, float),
        velocity=np.array(velocity, float),
        effort=np.zeros(0),
    )


def numbers(*values):
    """A Float64MultiArray."""
    layout = message('std_msgs/msg/MultiArrayLayout', dim=[], data_offset=0)
    return message('std_msgs/msg/Float64MultiArray', layout=layout, data=np.array(values, float))


def flag(value):
    """A Bool."""
    return message('std_msgs/msg/Bool', data=value)


def trajectory(stamp, points, names=('a', 'b', 'grip'), velocities=None):
    """A JointTrajectory through points."""
    zero = message('builtin_interfaces/msg/Duration', sec=0, nanosec=0)
    return message(
        'trajectory_msgs/msg/JointTrajectory',
        header=header(stamp),
        joint_names=list(names),
        points=[
            message(
                'trajectory_msgs/msg/JointTrajectoryPoint',
                positions=np.array(point, float),
                velocities=np.array((velocities or points)[n], float),
                accelerations=np.zeros(0),
                effort=np.zeros(0),
                time_from_start=zero,
            )
            for n, point in enumerate(points)
        ],
    )


def write_bag(path, told, storage='mcap', compress=None, raw=None):
    """Writes messages to a new bag; `raw` changes the bytes of (topic, bytes)."""
    writer = Writer(path, version=9, storage_plugin=STORAGES[storage])
    if compress:
        writer.set_compression(CompressionMode[compress], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, received, one in sorted(told, key=lambda one: one[1]):
            kind = one.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            data = bytes(TYPES.serialize_cdr(one, kind))
            data = raw(topic, data) if raw else data
            writer.write(connections[topic], nano(received), data)
    return path


def file_of(bag):
    """The one file of messages in a bag's folder."""
    (path,) = [path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3')]
    return path


def cams(count=6, begin=0.0, every=0.1, made=picture):
    """Images of the colours 0, 10, 20, ... (modulo 256), each received 10 ms after its stamp."""
    times = [begin + k * every for k in range(count)]
    return [(CAM, t + 0.01, made(t, 10 * k % 256)) for k, t in enumerate(times)]


def states(count=11, every=0.05, names=('a', 'b', 'grip'), topic=JOINTS):
    """Positions k, 2k, 0.01k and velocities 0.1, 0.2, k / 100 of sample k."""
    return [
        (topic, k * every, state(k * every, [k, 2 * k, 0.01 * k], [0.1, 0.2, k / 100], names))
        for k in range(count)
    ]


def acts(count=6, begin=0.0):
    """Commands 0.1k, -0.1k, 0 of sample k."""
    return [(ACT, begin + 0.1 * k, numbers(0.1 * k, -0.1 * k, 0)) for k in range(count)]


def usual():
    return [*cams(), *states(), *acts()]


def mapping(**changes):
    return load_config(BagMapping, {**SAYS, **changes})


def opened(place, **changes):
    return open_bags(place, mapping(**changes))


def rows(place, index=0, **changes):
    return list(opened(place, **changes).episode(index).rows)


def colours(found, name='front'):
    return [int(row.images[name][0, 0, 0]) for row in found]


def first_joint(found):
    return [round(float(row.proprioception[0]), 4) for row in found]


def bag(tmp_path, told, name='run', **options):
    return write_bag(tmp_path / name, told, **options)


def change_metadata(place, **changes):
    """Changes what a bag's metadata say."""
    path = place / 'metadata.yaml'
    data = yaml.safe_load(path.read_text())
    data['rosbag2_bagfile_information'].update(changes)
    path.write_text(yaml.safe_dump(data))
