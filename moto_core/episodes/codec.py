"""Rows to ROS 2 messages and back, by the table in moto_core/row.py.

In: a Row, or a row's decoded messages. Out: (topic, type, CDR) of each message, or a Row.

    /moto/episode                 String  JSON, first record: hashes, spec, task
    /moto/step/image/<camera>     Image   the processed image that the policy saw
    /moto/step/proprioception     JointState
    /moto/step/requested          JointState  velocity [rad/s, m/s] = requested * spec.scale
    /moto/step/executed           JointState  velocity [rad/s, m/s] = executed * spec.scale
    /moto/step/info               String  JSON, last of a row: reward, flags, reasons, latency
    /moto/episode/end             String  JSON, last record: outcome, how it ended, totals
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from moto_core.episodes import messages
from moto_core.errors import EpisodeError
from moto_core.row import (
    COLUMNS,
    STAMP_LIMIT,
    Row,
    check_numbers,
    info_from_json,
    info_to_json,
    to_float32,
)
from moto_core.spec import Spec

HEADER_TOPIC, END_TOPIC = '/moto/episode', '/moto/episode/end'
ROW_TOPIC = '/moto/step/'
INFO_TOPIC, IMAGE_TOPIC = ROW_TOPIC + 'info', ROW_TOPIC + 'image/'
PROPRIOCEPTION_TOPIC = ROW_TOPIC + 'proprioception'
VELOCITIES = tuple(column.name for column in COLUMNS if column.log == 'velocity')
OLD_NAMES = {'uncertainty': 'disagreement'}  # of format 1


def type_of(topic: str) -> str | None:
    """Returns the message type of one of the episode's own topics; None for an unknown one."""
    if topic in (HEADER_TOPIC, END_TOPIC, INFO_TOPIC):
        return messages.STRING
    if topic.startswith(IMAGE_TOPIC):
        return messages.IMAGE
    if topic == PROPRIOCEPTION_TOPIC or topic.removeprefix(ROW_TOPIC) in VELOCITIES:
        return messages.JOINT_STATE
    return None


def encode_row(spec: Spec, row: Row, index: int) -> list[tuple[str, str, bytes]]:
    """Returns a row's messages as (topic, type, CDR), the JSON last.

    Raises EpisodeError that names the field which does not fit the spec.
    """
    check_row(spec, row)
    try:
        check_numbers(row)
        info = {'step': index, **info_to_json(row)}
    except ValueError as error:
        raise EpisodeError(str(error)) from error
    found = [
        (
            IMAGE_TOPIC + name,
            messages.IMAGE,
            messages.encode_image(row.images[name], row.stamp, name),
        )
        for name in spec.cameras
    ]
    if row.proprioception is not None:
        split = np.split(row.proprioception, len(spec.proprioception))
        joints = messages.encode_joints(
            spec.names, row.stamp, **dict(zip(spec.proprioception, split))
        )
        found.append((PROPRIOCEPTION_TOPIC, messages.JOINT_STATE, joints))
    for name in VELOCITIES:
        velocity = np.asarray(getattr(row, name), np.float64) * spec.scale
        joints = messages.encode_joints(spec.names, row.stamp, velocity=velocity)
        found.append((ROW_TOPIC + name, messages.JOINT_STATE, joints))
    text = messages.encode_string(json.dumps(info))
    return [*found, (INFO_TOPIC, messages.STRING, text)]


def decode_row(spec: Spec, parts: Mapping[str, Any], info: Mapping[str, Any], stamp: int) -> Row:
    """Returns the row of decoded messages by topic and its JSON; raises EpisodeError."""
    known = {OLD_NAMES.get(name, name): value for name, value in info.items()}
    joints, vector = parts.get(PROPRIOCEPTION_TOPIC), None
    try:
        if joints is not None and spec.proprioception:
            columns = [_values(spec, joints, name) for name in spec.proprioception]
            vector = to_float32(np.concatenate(columns))
        velocities = {
            name: _values(spec, parts[ROW_TOPIC + name], 'velocity') for name in VELOCITIES
        }
        images = {name: _image(parts[IMAGE_TOPIC + name]) for name in spec.cameras}
        actions: dict[str, Any] = {
            name: to_float32(velocity / spec.scale) for name, velocity in velocities.items()
        }
        row = Row(
            stamp=stamp, images=images, proprioception=vector, **actions, **info_from_json(known)
        )
    except KeyError as error:
        raise EpisodeError(f'a row has no message on {error}') from error
    except (ValueError, TypeError) as error:
        raise EpisodeError(f'a row cannot be read: {error}') from error
    check_row(spec, row)
    return row


def check_row(spec: Spec, row: Row) -> None:
    """Raises EpisodeError that names the field of a row which does not fit the spec.

    A NaN in a vector is written as it was: what a policy asked for is a fact. Training leaves
    such an episode out (moto_learning/data/cache.py).
    """
    found = {name: (np.shape(v), np.asarray(v).dtype) for name, v in row.images.items()}
    wanted = {
        name: ((camera.height, camera.width, 3), np.dtype(np.uint8))
        for name, camera in spec.cameras.items()
    }
    if found != wanted:
        raise EpisodeError(f'images are {found}; expected {wanted}')
    size = 0 if row.proprioception is None else np.size(row.proprioception)
    shapes = [('proprioception', (size,), (spec.proprioception_size,))]
    shapes += [(name, np.shape(getattr(row, name)), (spec.action_size,)) for name in VELOCITIES]
    for name, got, expected in shapes:
        if got != expected:
            raise EpisodeError(f'{name} is {got}; expected {expected} for {spec.names}')
    if not 0 <= row.stamp < STAMP_LIMIT:
        raise EpisodeError(f'stamp is {row.stamp}; expected [ns] since 1970 or a clock at zero')


def _values(spec: Spec, message: Any, name: str) -> np.ndarray:
    """Returns one list of a JointState, (A,) float64, if it is of the spec's joints in order."""
    if message.name != spec.names:
        raise ValueError(f'its joints are {message.name}; expected {spec.names}')
    values = np.asarray(getattr(message, name), np.float64)
    if len(values) != spec.action_size:
        raise ValueError(f'{len(values)} values of {name}; expected {spec.action_size}')
    return values


def _image(message: Any) -> np.ndarray:
    shape = (message.height, message.width, 3)
    if message.encoding != 'rgb8' or message.step != 3 * message.width:
        raise ValueError(f"an image is '{message.encoding}', {message.step} bytes a line")
    if len(message.data) != message.height * message.step:
        raise ValueError(f'an image has {len(message.data)} bytes; expected {shape} of them')
    return np.frombuffer(message.data, np.uint8).reshape(shape)
