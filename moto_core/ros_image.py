"""The pixels of image messages, whoever read them: ROS itself or a library without it.

In: what has the fields of sensor_msgs/Image or CompressedImage. Out: (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np

from moto_core.errors import ObservationError

CHANNELS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1, 'rgba8': 4, 'bgra8': 4}
TO_RGB = {
    'bgr8': cv2.COLOR_BGR2RGB,
    'mono8': cv2.COLOR_GRAY2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
}
LARGEST = 1 << 26  # [px] of a compressed image
PNG, JPEG = b'\x89PNG\r\n\x1a\n', b'\xff\xd8'  # how the files begin
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # of JPEG: segments that tell the size
_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment


def to_rgb(message: Any) -> np.ndarray[Any, Any]:
    """Returns the (H, W, 3) uint8 RGB image of a message; rgb8 is a view of it, not a copy.

    Rows may be padded (`step` above the width); 8-bit pixels have no byte order.
    Raises ObservationError that names the encoding or the sizes found and expected.
    """
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise ObservationError(
            f"image encoding is '{message.encoding}'; expected one of {', '.join(CHANNELS)}"
        )
    height, width, step = message.height, message.width, message.step
    if not height or not width or step < width * channels or len(message.data) < step * height:
        raise ObservationError(
            f"image of {width} x {height} px '{message.encoding}' has step {step} and "
            f'{len(message.data)} bytes; expected a step of at least {width * channels} and '
            f'{max(step, width * channels) * height} bytes'
        )
    flat = np.frombuffer(message.data, np.uint8)
    image = np.lib.stride_tricks.as_strided(
        flat, (height, width, channels), (step, channels, 1), writeable=False
    )
    if message.encoding == 'rgb8':
        return image
    return cv2.cvtColor(np.ascontiguousarray(image), TO_RGB[message.encoding])


def decompress(message: Any) -> np.ndarray[Any, Any]:
    """Returns the (H, W, 3) uint8 RGB image of a JPEG or PNG message; raises ObservationError.

    How large it is and how deep is read first: nothing beyond LARGEST or 8 bits is unpacked.
    """
    data = np.frombuffer(message.data, np.uint8)
    told = f"compressed image of {data.size} bytes, format '{message.format}',"
    try:
        width, height, bits = _declared(data.tobytes())
    except (struct.error, ValueError):
        raise ObservationError(f'{told} cannot be decoded; expected JPEG or PNG') from None
    if bits != 8 or not 0 < width * height <= LARGEST:
        raise ObservationError(
            f'{told} is {width} x {height} px of {bits} bits; expected 8 bits and 1 to '
            f'{LARGEST} px'
        )
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ObservationError(f'{told} cannot be decoded; expected JPEG or PNG')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _declared(data: bytes) -> tuple[int, int, int]:
    """Returns width [px], height [px] and bits a channel, as the first bytes tell them.

    Raises ValueError or struct.error for what is not whole.
    """
    if data.startswith(PNG):
        return _declared_png(data)
    if not data.startswith(JPEG):
        raise ValueError('neither JPEG nor PNG')
    position = len(JPEG)
    while True:
        begin, marker = struct.unpack_from('>BB', data, position)
        if begin != 0xFF:
            raise ValueError('no marker of JPEG where one is due')
        if marker in _FRAMES:
            bits, height, width = struct.unpack_from('>BHH', data, position + 4)
            return width, height, bits
        if marker == 0xFF:  # filled up
            position += 1
        elif marker in _BARE:
            position += 2
        else:
            position += 2 + int(struct.unpack_from('>H', data, position + 2)[0])


def _declared_png(data: bytes) -> tuple[int, int, int]:
    """Returns the same of a PNG; its chunks are all there, as OpenCV makes room for what they say.

    Raises ValueError if they are not, or if there are several images.
    """
    position, kinds = len(PNG), []
    while position < len(data) and b'IEND' not in kinds:
        length, kind = struct.unpack_from('>I4s', data, position)
        kinds.append(kind)
        position += 12 + length
    if position > len(data) or kinds[:1] != [b'IHDR'] or kinds.count(b'IHDR') > 1:
        raise ValueError('its chunks are not whole')
    if b'acTL' in kinds:
        raise ValueError('it moves')
    width, height, bits = struct.unpack_from('>IIB', data, 16)
    return width, height, bits
