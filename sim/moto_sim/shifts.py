"""What a camera of the simulator shows once something about it has changed since training.

    the camera moved, turned or zoomed; the lamp dimmed; something in the way; another episode's
    picture in place of its own

In: a Shift; a viewpoint, a model, a picture. Out: the same as it is seen then.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import mujoco
import numpy as np

from moto_sim.views import View, Viewpoint

PATCH = (255, 40, 160)  # RGB of the thing in the way: nothing in the scenes is pink


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One change; the defaults change nothing."""

    moved: float = 0.0  # [m] the camera to its right
    turned: float = 0.0  # [deg] the camera about the vertical through it
    zoom: float = 1.0  # what was so large looks this many times as large
    lamp: float = 1.0  # share of every light
    patch: float = 0.0  # side of a square in the way, of the picture's height
    replaced: bool = False  # a still picture of another episode, from decision LATER on


LATER = 15
SHIFTS: dict[str, Shift] = {
    'camera moved 5 cm': Shift(moved=0.05),
    'camera turned 5 degrees': Shift(turned=5.0),
    'camera turned 15 degrees': Shift(turned=15.0),
    'camera zoomed by 1.1': Shift(zoom=1.1),
    'lamp at 75 %': Shift(lamp=0.75),
    'unseen object, small': Shift(patch=0.1),
    'unseen object, large': Shift(patch=0.3),
    "another episode's picture": Shift(replaced=True),
}


def picture(
    shift: Shift, image: np.ndarray, decision: int, other: np.ndarray | None
) -> np.ndarray:
    """Returns what the policy sees in place of a camera's image (h, w, 3) at a decision.

    `other` is the picture of another episode.
    """
    if shift.replaced and other is not None and decision >= LATER:
        return other
    if not shift.patch:
        return image
    height, width = image.shape[:2]
    side = max(1, round(shift.patch * height))
    seen, top, left = image.copy(), (height - side) // 2, (width - side) // 2
    seen[top : top + side, left : left + side] = PATCH
    return seen


def elsewhere(view: Viewpoint, shift: Shift) -> Viewpoint:
    """Returns a free camera moved and turned; one that a body carries stays as it is."""
    if not isinstance(view, View):
        return view
    place = np.array(view.lookat) - view.distance * _direction(view.azimuth, view.elevation)
    azimuth = radians(view.azimuth)
    place += shift.moved * np.array([sin(azimuth), -cos(azimuth), 0.0])
    turned = view._replace(azimuth=view.azimuth + shift.turned)
    x, y, z = place + view.distance * _direction(turned.azimuth, view.elevation)
    return turned._replace(lookat=(float(x), float(y), float(z)))


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Returns the unit vector (3,) from a camera to what it looks at; angles in degrees."""
    a, e = radians(azimuth), radians(elevation)
    return np.array([cos(e) * cos(a), cos(e) * sin(a), sin(e)])


def change_look(model: mujoco.MjModel, shift: Shift) -> None:
    """Changes a model's lens and lamps."""
    model.vis.global_.fovy /= shift.zoom
    head = model.vis.headlight
    lamps = [model.light_ambient, model.light_diffuse, model.light_specular]
    for lamp in [*lamps, head.ambient, head.diffuse, head.specular]:
        lamp[:] = lamp * shift.lamp
