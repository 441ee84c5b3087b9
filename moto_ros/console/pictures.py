"""The newest image of each camera as a JPEG, made only if somebody looks, once for all who do.

In: serialized Image or CompressedImage messages. Out: Pictures: a number that grows with each
message, and its file's bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import cv2
import numpy as np
from rclpy.serialization import deserialize_message

from moto_core.errors import ObservationError
from moto_core.ros_image import decompress, to_rgb

LONGEST = 960  # [px] along either side that a page gets; a JPEG has at most 65500
QUALITY = 80  # of 100


class Picture(NamedTuple):
    """One image as a page shows it."""

    number: int  # of its message
    jpeg: bytes  # b'' if it is no image
    problem: str


class Pictures:
    """The images of one camera."""

    def __init__(self, kind: Any, compressed: bool) -> None:
        """Takes the class of its messages, and whether it is CompressedImage."""
        self.kind, self._convert = kind, decompress if compressed else to_rgb
        self.number = 0
        self._data = b''
        self._made = Picture(0, b'', '')
        self._lock = Lock()

    def take(self, data: bytes) -> None:
        """Takes a message as it came."""
        self._data = data
        self.number += 1

    def picture(self) -> Picture:
        """Returns the newest image; takes some milliseconds if nobody asked for it before."""
        with self._lock:
            if self._made.number != self.number:
                number, data = self.number, self._data
                self._made = _picture(number, self._convert, self.kind, data)
            return self._made


def _picture(number: int, convert: Callable[[Any], np.ndarray], kind: Any, data: bytes) -> Picture:
    try:
        image = convert(deserialize_message(data, kind))
    except ObservationError as error:
        return Picture(number, b'', str(error))
    height, width = image.shape[:2]
    if (longest := max(height, width)) > LONGEST:
        size = [max(1, round(side * LONGEST / longest)) for side in (width, height)]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    pixels = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    _, made = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Picture(number, made.tobytes(), '')
