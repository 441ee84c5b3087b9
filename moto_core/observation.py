"""From raw images and joints to what a policy sees, and whether it is fresh enough to act on.

In: raw RGB images, joint positions and velocities, stamps. Out: Observation; the reasons not to
act on it. One `preprocess` serves the robot, the simulator and training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from moto_core.errors import ObservationError
from moto_core.row import FLOAT32_MAX
from moto_core.spec import CameraSpec, Spec


class Observation(NamedTuple):
    """What a policy sees at one decision."""

    images: dict[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    proprioception: np.ndarray | None  # (P,) float32, or None if the spec has none
    stamp: int  # [ns] of the oldest image


@dataclass(frozen=True)
class GateLimits:
    """How old, skewed or early stamps may be (docs/safety.md, fault 1)."""

    camera_age: float = 0.100  # [s]
    joint_age: float = 0.100  # [s]
    camera_skew: float = 0.050  # [s] between the oldest and the newest camera
    future: float = 0.020  # [s] that a stamp may lie ahead of the clock


def preprocess(image: np.ndarray, camera: CameraSpec) -> np.ndarray:
    """Returns the (h, w, 3) uint8 RGB image that the policy sees of a raw (H, W, 3) uint8 RGB one.

    Crops (the camera's crop, or the largest centred window of the same aspect), then resizes by
    area averaging. An image already of the right size is copied unchanged.
    Raises ObservationError for another shape or dtype, or a crop outside the image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ObservationError(
            f'image is {image.shape} {image.dtype}; expected (H, W, 3) uint8 RGB'
        )
    top, left, height, width = camera.crop or _centred_crop(image.shape[:2], camera)
    if top < 0 or left < 0 or top + height > image.shape[0] or left + width > image.shape[1]:
        raise ObservationError(
            f'crop (top, left, height, width) = {(top, left, height, width)} '
            f'lies outside the image of {image.shape[:2]} px'
        )
    window = np.ascontiguousarray(image[top : top + height, left : left + width])
    if window.shape[:2] == (camera.height, camera.width):
        return window.copy() if window.base is not None or window is image else window
    smaller = camera.height <= height and camera.width <= width
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(window, (camera.width, camera.height), interpolation=method)


def proprioception(spec: Spec, position: np.ndarray, velocity: np.ndarray) -> np.ndarray | None:
    """Returns the (P,) float32 vector the spec asks for, from (A,) positions and velocities.

    Raises ObservationError for a wrong size, or a number that float32 does not hold as finite.
    """
    parts = {'position': position, 'velocity': velocity}
    if not spec.proprioception:
        return None
    for name in spec.proprioception:
        part = parts[name]
        if np.shape(part) != (spec.action_size,) or not (np.abs(part) <= FLOAT32_MAX).all():
            raise ObservationError(
                f'{name} is {part}; expected {spec.action_size} finite '
                f'numbers, one for each of {spec.names}'
            )
    return np.concatenate([parts[name] for name in spec.proprioception]).astype(np.float32)


def gate(
    camera_stamps: Mapping[str, int | None], joint_stamp: int | None, now: int, limits: GateLimits
) -> tuple[str, ...]:
    """Returns what is missing or off in stamps [ns] at the clock `now` [ns]; nothing: act on it.

    `joint_stamp` None means that joints have not arrived; a camera's None that it has not.
    Pure: the same arguments give the same result. See docs/safety.md, faults 1, 3 and 5.
    """
    stamps = {**camera_stamps, 'joint_states': joint_stamp}
    reasons = [f'{name}:missing' for name, stamp in stamps.items() if stamp is None]
    ages = {name: (now - stamp) * 1e-9 for name, stamp in stamps.items() if stamp is not None}
    for name, age in ages.items():
        limit = limits.joint_age if name == 'joint_states' else limits.camera_age
        if age > limit:
            reasons.append(f'{name}:stale')
        elif age < -limits.future:
            reasons.append(f'{name}:future')
    camera_ages = [ages[name] for name in camera_stamps if name in ages]
    if camera_ages and max(camera_ages) - min(camera_ages) > limits.camera_skew:
        reasons.append('cameras:skew')
    return tuple(reasons)


def _centred_crop(size: tuple[int, int], camera: CameraSpec) -> tuple[int, int, int, int]:
    height, width = size
    scale = min(height / camera.height, width / camera.width)
    crop_height = max(1, min(height, round(camera.height * scale)))
    crop_width = max(1, min(width, round(camera.width * scale)))
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width
