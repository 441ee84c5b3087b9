"""The seven objects of the Kitchen: where their joints lie and when they are in place.

In: a model's qpos. Out: distance to the goal, in place or not. Source: FrankaKitchen-v1 (D4RL).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TOLERANCE = 0.3  # [rad, m] Euclidean, over all of an object's joints


class KitchenObject(NamedTuple):
    """An object's entries of qpos (30,) and their goal."""

    name: str
    qpos: tuple[int, ...]
    goal: tuple[float, ...]

    def distance(self, qpos: np.ndarray) -> float:
        """Returns how far the object's joints are from the goal [rad, m]."""
        return float(np.linalg.norm(qpos[list(self.qpos)] - self.goal))


OBJECTS = {
    o.name: o
    for o in (
        KitchenObject('bottom_burner', (11, 12), (-0.88, -0.01)),
        KitchenObject('top_burner', (15, 16), (-0.92, -0.01)),
        KitchenObject('light_switch', (17, 18), (-0.69, -0.05)),
        KitchenObject('slide_cabinet', (19,), (0.37,)),
        KitchenObject('hinge_cabinet', (20, 21), (0.0, 1.45)),
        KitchenObject('microwave', (22,), (-0.75,)),
        KitchenObject(
            'kettle', (23, 24, 25, 26, 27, 28, 29), (-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06)
        ),
    )
}


def in_place(qpos: np.ndarray, names: tuple[str, ...]) -> dict[str, bool]:
    """Returns for each named object whether it is within TOLERANCE of its goal."""
    return {name: OBJECTS[name].distance(qpos) < TOLERANCE for name in names}
