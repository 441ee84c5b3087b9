"""ROS images and stamps to numpy and back.

In: sensor_msgs/Image. Out: (H, W, 3) uint8 RGB, and the way back. The converter of
moto_core/ros_image.py is the default; cv_bridge is used only if it is installed and passes
`round_trip`: versions of it break with numpy 2 or skew rows whose padding is no multiple of the
pixel.
"""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image

from moto_core.errors import ObservationError, one_line
from moto_core.ros_image import CHANNELS, to_rgb

ToRgb = Callable[[Image], np.ndarray]

FROM_RGB = {
    'bgr8': cv2.COLOR_RGB2BGR,
    'mono8': cv2.COLOR_RGB2GRAY,
    'rgba8': cv2.COLOR_RGB2RGBA,
    'bgra8': cv2.COLOR_RGB2BGRA,
}


def from_rgb(image: np.ndarray, stamp: int, frame: str = '', encoding: str = 'rgb8') -> Image:
    """Returns the message of an (H, W, 3) uint8 RGB image taken at `stamp` [ns].

    Raises ObservationError for another shape, dtype or an unknown encoding.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ObservationError(f'image is {image.shape} {image.dtype}; expected (H, W, 3) uint8')
    if encoding not in CHANNELS:
        raise ObservationError(
            f"image encoding is '{encoding}'; expected one of {', '.join(CHANNELS)}"
        )
    pixels = image if encoding == 'rgb8' else cv2.cvtColor(image, FROM_RGB[encoding])
    message = Image(
        height=image.shape[0],
        width=image.shape[1],
        encoding=encoding,
        step=image.shape[1] * CHANNELS[encoding],
    )
    message.header.stamp, message.header.frame_id = to_time(stamp), frame
    message.data = array.array('B', pixels.tobytes())  # from an ndarray it would take 50 ms
    return message


def check_size(image: np.ndarray, height: int, width: int, camera: str) -> None:
    """Raises ObservationError if a camera's image is smaller than what the policy sees."""
    if image.shape[0] < height or image.shape[1] < width:
        raise ObservationError(
            f"camera '{camera}' sends {image.shape[1]} x {image.shape[0]} px; expected at least "
            f'{width} x {height} px (width x height)'
        )


def to_ns(time: Time) -> int:
    """Returns a ROS time as integer nanoseconds [ns]."""
    return time.sec * 1_000_000_000 + time.nanosec


def to_time(stamp: int) -> Time:
    """Returns nanoseconds [ns] as a ROS time."""
    return Time(sec=stamp // 1_000_000_000, nanosec=stamp % 1_000_000_000)


def round_trip(convert: ToRgb) -> bool:
    """Says whether a converter restores colours and rows padded by an odd number of bytes."""
    image = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    for encoding in ('rgb8', 'bgr8'):
        message = from_rgb(image, 0, encoding=encoding)
        rows = np.frombuffer(message.data, np.uint8).reshape(3, 15)
        padded = np.concatenate([rows, np.full((3, 2), 255, np.uint8)], axis=1)
        message.step, message.data = 17, array.array('B', padded.tobytes())
        try:
            if not np.array_equal(convert(message), image):
                return False
        except Exception:  # noqa: BLE001  any failure of a foreign converter means: do not use it
            return False
    return True


def image_converter() -> tuple[ToRgb, str]:
    """Returns cv_bridge's converter if it is installed and right, else ours; and its name."""
    try:
        from cv_bridge import CvBridge

        bridge = CvBridge()
    except Exception:  # noqa: BLE001  a broken installation raises whatever it likes
        return to_rgb, 'moto_ros'

    def convert(message: Image) -> np.ndarray:
        try:
            return bridge.imgmsg_to_cv2(message, desired_encoding='rgb8')
        except Exception as error:  # noqa: BLE001  it raises what it likes, of cv2 too
            raise ObservationError(
                f'cv_bridge cannot read an image of {message.width} x {message.height} px, '
                f"encoding '{message.encoding}'; expected one of {', '.join(CHANNELS)}: "
                f'{one_line(error)}'
            ) from error

    return (convert, 'cv_bridge') if round_trip(convert) else (to_rgb, 'moto_ros')
