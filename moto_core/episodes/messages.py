"""ROS 2's stock messages as bytes: definitions as text, and CDR for the three that rows use.

In: images, joint vectors, text. Out: little-endian CDR and `ros2msg` schema text.
mcap-ros2-support decodes them; its encoder packs images byte by byte, so these three are ours.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory

from moto_core.errors import EpisodeError, unknown_name

STRING = 'std_msgs/msg/String'
IMAGE = 'sensor_msgs/msg/Image'
JOINT_STATE = 'sensor_msgs/msg/JointState'

_FIELDS = {
    'builtin_interfaces/msg/Time': ('int32 sec', 'uint32 nanosec'),
    'builtin_interfaces/msg/Duration': ('int32 sec', 'uint32 nanosec'),
    'std_msgs/msg/Header': ('builtin_interfaces/Time stamp', 'string frame_id'),
    'std_msgs/msg/String': ('string data',),
    'std_msgs/msg/Bool': ('bool data',),
    'std_msgs/msg/MultiArrayDimension': ('string label', 'uint32 size', 'uint32 stride'),
    'std_msgs/msg/MultiArrayLayout': ('std_msgs/MultiArrayDimension[] dim', 'uint32 data_offset'),
    'std_msgs/msg/Float64MultiArray': ('std_msgs/MultiArrayLayout layout', 'float64[] data'),
    'sensor_msgs/msg/Image': (
        'std_msgs/Header header',
        'uint32 height',
        'uint32 width',
        'string encoding',
        'uint8 is_bigendian',
        'uint32 step',
        'uint8[] data',
    ),
    'sensor_msgs/msg/CompressedImage': ('std_msgs/Header header', 'string format', 'uint8[] data'),
    'sensor_msgs/msg/JointState': (
        'std_msgs/Header header',
        'string[] name',
        'float64[] position',
        'float64[] velocity',
        'float64[] effort',
    ),
    'sensor_msgs/msg/Joy': ('std_msgs/Header header', 'float32[] axes', 'int32[] buttons'),
    'trajectory_msgs/msg/JointTrajectoryPoint': (
        'float64[] positions',
        'float64[] velocities',
        'float64[] accelerations',
        'float64[] effort',
        'builtin_interfaces/Duration time_from_start',
    ),
    'trajectory_msgs/msg/JointTrajectory': (
        'std_msgs/Header header',
        'string[] joint_names',
        'trajectory_msgs/JointTrajectoryPoint[] points',
    ),
    'diagnostic_msgs/msg/KeyValue': ('string key', 'string value'),
    'diagnostic_msgs/msg/DiagnosticStatus': (
        'byte OK=0',
        'byte WARN=1',
        'byte ERROR=2',
        'byte STALE=3',
        'byte level',
        'string name',
        'string message',
        'string hardware_id',
        'diagnostic_msgs/KeyValue[] values',
    ),
    'diagnostic_msgs/msg/DiagnosticArray': (
        'std_msgs/Header header',
        'diagnostic_msgs/DiagnosticStatus[] status',
    ),
}
_SEPARATOR = '\n' + '=' * 80 + '\nMSG: '


@cache
def definition(message_type: str) -> str:
    """Returns the `ros2msg` schema text of a stock message with all that it contains.

    Raises EpisodeError for a type that is not in the table; pass its definition to `raw` instead.
    """
    if message_type not in _FIELDS:
        raise EpisodeError(
            unknown_name('message type', message_type, _FIELDS)
            + '; give its definition text with it'
        )
    needed = [message_type]
    for name in needed:
        for line in _FIELDS[name]:
            package, _, short = line.split()[0].removesuffix('[]').partition('/')
            nested = f'{package}/msg/{short}'
            if nested in _FIELDS and nested not in needed:
                needed.append(nested)
    parts = ['\n'.join(_FIELDS[message_type])]
    parts += ['\n'.join((name.replace('/msg/', '/'), *_FIELDS[name])) for name in needed[1:]]
    return _SEPARATOR.join(parts) + '\n'


def decode(message_type: str, cdr: bytes) -> Any:
    """Returns a stock message by its own definition, whatever schema a file gives it.

    Raises what the library raises (ValueError, struct.error, ...) if the bytes are no such one.
    """
    return _decoder(message_type)(cdr)


@cache
def _decoder(message_type: str) -> Callable[[bytes], Any]:
    schema = Schema(
        id=1, name=message_type, encoding='ros2msg', data=definition(message_type).encode()
    )
    decoder = DecoderFactory().decoder_for('cdr', schema)
    assert decoder is not None, message_type
    return decoder


def encode_string(text: str) -> bytes:
    """Returns std_msgs/String as CDR."""
    return _Cdr().string(text).finish()


def encode_image(image: np.ndarray, stamp: int, frame: str = '') -> bytes:
    """Returns a (h, w, 3) uint8 RGB image as sensor_msgs/Image CDR; stamp in [ns]."""
    height, width, _ = image.shape
    cdr = _Cdr().header(stamp, frame).uint32(height).uint32(width).string('rgb8')
    return cdr.uint8(0).uint32(3 * width).uint32(image.size).raw(image.tobytes()).finish()


def encode_joints(
    names: Sequence[str],
    stamp: int,
    position: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
) -> bytes:
    """Returns sensor_msgs/JointState as CDR: (n,) position [rad, m] and velocity [rad/s, m/s]."""
    cdr = _Cdr().header(stamp, '').uint32(len(names))
    for name in names:
        cdr.string(name)
    return cdr.doubles(position).doubles(velocity).doubles(None).finish()


class _Cdr:
    """Builds one little-endian CDR message; every number is aligned to its own size."""

    def __init__(self) -> None:
        self.data = bytearray()

    def finish(self) -> bytes:
        return b'\x00\x01\x00\x00' + self.data

    def raw(self, data: bytes) -> _Cdr:
        self.data += data
        return self

    def align(self, size: int) -> _Cdr:
        self.data += bytes(-len(self.data) % size)
        return self

    def uint8(self, value: int) -> _Cdr:
        return self.raw(struct.pack('<B', value))

    def uint32(self, value: int) -> _Cdr:
        return self.align(4).raw(struct.pack('<I', value))

    def string(self, text: str) -> _Cdr:
        data = text.encode()
        return self.uint32(len(data) + 1).raw(data + b'\x00')

    def header(self, stamp: int, frame: str) -> _Cdr:
        seconds, nanoseconds = divmod(stamp, 1_000_000_000)
        return self.raw(struct.pack('<iI', seconds, nanoseconds)).string(frame)

    def doubles(self, values: np.ndarray | None) -> _Cdr:
        if values is None or len(values) == 0:
            return self.uint32(0)
        data = np.asarray(values, '<f8').tobytes()
        return self.uint32(len(values)).align(8).raw(data)
