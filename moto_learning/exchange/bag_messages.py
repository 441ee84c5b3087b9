"""What messages of a bag say: their stamps, images, and numbers of joints found by name.

In: Messages and their types. Out: stamps [ns], (H, W, 3) uint8 RGB, (n,) float64. What does not
fit raises EpisodeError or ObservationError that names the value; who calls it adds where it lies.
The types are ROS 2's own, never the definitions that a bag brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore

from moto_core.errors import EpisodeError, one_line, unknown_name
from moto_core.ros_image import decompress, to_rgb
from moto_learning.exchange.bag_file import Message
from moto_learning.exchange.bag_mapping import Part
from moto_learning.exchange.foreign import NANO

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
STATE, ARRAY = 'sensor_msgs/msg/JointState', 'std_msgs/msg/Float64MultiArray'
TRAJECTORY, FLAG = 'trajectory_msgs/msg/JointTrajectory', 'std_msgs/msg/Bool'
IMAGES, ACTIONS = (IMAGE, COMPRESSED), (STATE, ARRAY, TRAJECTORY)
HEADERLESS = (ARRAY, FLAG)


def decode(message: Message, kind: str) -> Any:
    """Returns the message with its fields; raises EpisodeError if its bytes are no such one."""
    try:
        return _types().deserialize_cdr(message.data, kind)
    except Exception as error:  # noqa: BLE001  damaged bytes raise whatever they like
        raise EpisodeError(f'its bytes are no {kind}: {one_line(error)}') from error


def stamp_of(decoded: Any) -> int:
    """Returns the stamp of the header [ns]; 0 if there is none, or none was set."""
    header = getattr(decoded, 'header', None)
    return 0 if header is None else header.stamp.sec * NANO + header.stamp.nanosec


def image_of(decoded: Any) -> np.ndarray:
    """Returns the image of an Image or CompressedImage (H, W, 3) uint8 RGB."""
    return to_rgb(decoded) if hasattr(decoded, 'encoding') else decompress(decoded)


class Entries:
    """Takes one Part's numbers out of the messages of its topic."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.seen: tuple[str, ...] = ()  # names in the newest message
        self._first: tuple[str, ...] | None = None

    def of(self, decoded: Any) -> np.ndarray | None:
        """Returns the wanted numbers (n,) float64; None if the message names none of the joints.

        Raises EpisodeError for names that are missing or come twice, and for too few numbers.
        """
        names, values = _named(decoded, self.part)
        if names is None:
            return self._columns(values, self.part.columns or range(len(values)))
        self.seen = names
        if len(values) != len(names):
            raise EpisodeError(
                f'it holds {len(names)} names and {len(values)} {self.part.field} values; '
                'expected as many'
            )
        if len({*names}) != len(names):
            raise EpisodeError(f'it repeats a name: {list(names)}; expected each once')
        if self.part.columns:
            self._check_same(names)
            return self._columns(values, self.part.columns)
        if not {*names} & {*self.part.names}:
            return None
        index = {name: i for i, name in enumerate(names)}
        for name in self.part.names:
            if name not in index:
                raise EpisodeError(f'it lacks a joint of the mapping: {_unknown(name, names)}')
        return values[[index[name] for name in self.part.names]]

    def none_of_them(self) -> EpisodeError:
        """Returns what to raise if no message named the joints."""
        return EpisodeError(f'none names a joint: {_unknown(self.part.names[0], self.seen)}')

    def _columns(self, values: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        if len(columns) != len(self.part.names):
            raise EpisodeError(
                f'it holds {len(values)} numbers; expected {len(self.part.names)}, one for each '
                f'of {list(self.part.names)}. Say which by columns'
            )
        if max(columns) >= len(values):
            raise EpisodeError(
                f'it holds {len(values)} numbers; the mapping asks for entry {max(columns)}'
            )
        return values[list(columns)]

    def _check_same(self, names: tuple[str, ...]) -> None:
        self._first = self._first or names
        if names != self._first:
            raise EpisodeError(
                f'its names are {list(names)}, and were {list(self._first)}: columns would be of '
                'other joints. Find them by name'
            )


def _named(decoded: Any, part: Part) -> tuple[tuple[str, ...] | None, np.ndarray]:
    """Returns the joints' names and one number for each; no names if the message has none."""
    if hasattr(decoded, 'joint_names'):
        if not decoded.points:
            raise EpisodeError('its trajectory has no points')
        point = decoded.points[-1 if part.last else 0]
        values = point.velocities if part.field == 'velocity' else point.positions
        return tuple(decoded.joint_names), np.asarray(values, np.float64)
    if hasattr(decoded, 'name'):
        return tuple(decoded.name), np.asarray(getattr(decoded, part.field), np.float64)
    return None, np.asarray(decoded.data, np.float64)


def _unknown(name: str, names: Sequence[str]) -> str:
    return unknown_name('joint', name, names).replace('Valid:', 'There:')


@lru_cache
def _types() -> Any:
    return get_typestore(Stores.ROS2_JAZZY)
