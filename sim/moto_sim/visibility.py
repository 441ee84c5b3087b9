"""How much of an image an object is: the pixels that change when it goes from start to goal.

In: a KitchenSim, a view. Out: a number of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_model import ARM
from moto_sim.kitchen_objects import OBJECTS

CHANGE = 20  # of 255, of a pixel's colour that changes most, above which it counts


def changed_pixels(
    sim: KitchenSim, view: str, name: str, size: int = 64, pose: Sequence[float] | None = None
) -> int:
    """Returns the pixels of a size x size image that change when an object goes to its goal.

    All else stays at FrankaKitchen's start, and the arm at `pose` (7,) [rad] if one is given.
    """
    images = []
    for moved in (False, True):
        sim.reset()
        if pose is not None:
            sim.data.qpos[:ARM] = pose
        if moved:
            sim.data.qpos[list(OBJECTS[name].qpos)] = OBJECTS[name].goal
        mujoco.mj_forward(sim.model, sim.data)
        images.append(sim.render(view, size, size).astype(int))
    before, after = images
    return int((np.abs(after - before).max(2) > CHANGE).sum())
