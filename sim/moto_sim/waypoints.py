"""What the hand does to each Kitchen object, written from the geometry as way-points.

In: the simulator's state. Out: for each object a list of Waypoint, followed one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from moto_sim.ik import Pose
from moto_sim.kitchen import KitchenSim

OPEN, CLOSED = 1.0, -1.0               # the fingers' action


class Waypoint(NamedTuple):
    """One stretch of the hand's way."""

    pose: Callable[[KitchenSim], Pose]         # where to, from the state as it is now
    near: float = 0.02                         # [m] from which the next one follows
    fingers: float = OPEN
    speed: float = 0.8                         # [rad/s] of the fastest joint
    until: Callable[[KitchenSim], bool] | None = None       # in place of `near`
    patience: int = 40                         # decisions after which the next one follows


def heading(angle: float, tilt: float = 0.0) -> np.ndarray:
    """Returns the rotation (3, 3) of a hand that points `angle` [rad] left of +y, `tilt` down.

    The fingers open sideways; angle and tilt 0 have the site's axes x up, y along world x.
    """
    c, s, ct, st = np.cos(angle), np.sin(angle), np.cos(tilt), np.sin(tilt)
    forward = np.array([-s * ct, c * ct, -st])
    side = np.array([c, s, 0.0])
    return np.stack((np.cross(side, forward), side, forward), axis=1)


def site(sim: KitchenSim, name: str) -> np.ndarray:
    """Returns a site's world position (3,) [m]."""
    return sim.data.site(name).xpos.copy()


def microwave() -> list[Waypoint]:
    """Takes the handle's bar between the fingers and swings the door open about its hinge."""
    up = np.array([0.0, 0.0, 0.06])

    def at(back: float, angle: float) -> Callable[[KitchenSim], Pose]:
        turn = heading(angle)
        return lambda sim: Pose(site(sim, 'microhandle_site') + up - back * turn[:, 2], turn)

    def ahead(sim: KitchenSim) -> Pose:
        hinge, bar = sim.data.joint('microwave').xanchor, site(sim, 'microhandle_site')
        opened, (x, y, _) = float(sim.data.qpos[22]), bar - hinge
        c, s = np.cos(-0.25), np.sin(-0.25)
        target = hinge + np.array([c * x - s * y, s * x + c * y, 0.0])
        target[2] = bar[2]
        return Pose(target + up, heading(0.2 - 0.4 * opened))

    def is_open(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[22] < -0.7)

    return [Waypoint(at(0.10, 0.2), near=0.04),
            Waypoint(at(-0.01, 0.2), near=0.015),
            Waypoint(at(-0.01, 0.2), fingers=CLOSED, until=lambda sim: False, patience=4),
            Waypoint(ahead, fingers=CLOSED, until=is_open)]


SKILLS: dict[str, Callable[[], list[Waypoint]]] = {'microwave': microwave}
