"""A stretch of the hand's way, and the small geometry that the Kitchen's skills are written in.

In: the simulator's state. Out: poses of the end effector's site.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from moto_sim.ik import Pose
from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_model import ARM, HOME

OPEN, CLOSED = 1.0, -1.0  # the fingers' action
AT_HOME = 0.3  # [rad] of every joint
Target = Callable[[KitchenSim], Pose]
Condition = Callable[[KitchenSim], bool]


class Waypoint(NamedTuple):
    """One stretch of the hand's way: it ends at the pose, at `until`, or out of patience."""

    pose: Target | None  # where to, from the state as it is now; None: the arm's home
    near: float = 0.02  # [m] from which the next one follows
    fingers: float = OPEN
    speed: float = 0.8  # [rad/s] of the fastest joint
    until: Condition | None = None  # in place of `near`
    lost: Condition | None = None  # starts the skill again
    patience: int = 40  # decisions after which the next one follows


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


def hand(sim: KitchenSim) -> Pose:
    """Returns the end effector's pose as it is."""
    here = sim.data.site('end_effector')
    return Pose(here.xpos.copy(), here.xmat.reshape(3, 3).copy())


def beside(
    name: str,
    offset: tuple[float, float, float],
    angle: float = 0.0,
    tilt: float = 0.0,
    back: float = 0.0,
) -> Target:
    """Returns a target `offset` [m] (world) from a site, and `back` [m] behind along the hand."""
    turn = heading(angle, tilt)
    return lambda sim: Pose(site(sim, name) + offset - back * turn[:, 2], turn)


def home() -> Waypoint:
    """Returns a way-point that brings the arm near its home, from where every object is free."""

    def there(sim: KitchenSim) -> bool:
        return bool(np.abs(sim.data.qpos[:ARM] - HOME[:ARM]).max() < AT_HOME)

    return Waypoint(None, fingers=CLOSED, speed=1.2, until=there)


def wait(pose: Target, fingers: float, decisions: int) -> Waypoint:
    """Returns a way-point that keeps a pose while the fingers move."""
    return Waypoint(pose, fingers=fingers, until=lambda sim: False, patience=decisions)


def draw_back(distance: float, fingers: float, aside: float = 0.0) -> Waypoint:
    """Returns a way-point that moves the hand back, and `aside` along x [m], from where it is."""
    start: list[Pose] = []

    def behind(sim: KitchenSim) -> Pose:
        if not start:
            start.append(hand(sim))
        pose = start[0]
        back = np.array([aside, 0.0, 0.0]) - distance * pose.rotation[:, 2]
        return Pose(pose.position + back, pose.rotation)

    return Waypoint(behind, near=0.03, fingers=fingers, patience=15)


def let_go() -> list[Waypoint]:
    """Returns way-points that open the fingers where they are, then draw the hand back."""
    return [wait(hand, OPEN, 3), draw_back(0.10, OPEN)]


def swing(sim: KitchenSim, joint: str, name: str, angle: float) -> np.ndarray:
    """Returns where a site comes to when its vertical hinge turns by `angle` [rad] from here."""
    hinge, here = sim.data.joint(joint).xanchor, site(sim, name)
    (x, y, z), c, s = here - hinge, np.cos(angle), np.sin(angle)
    return hinge + np.array([c * x - s * y, s * x + c * y, z])


def far(name: str, offset: tuple[float, float, float], distance: float) -> Condition:
    """Returns whether the hand is further than `distance` [m] from a point at a site."""
    return lambda sim: bool(
        np.linalg.norm(site(sim, name) + offset - hand(sim).position) > distance
    )
