"""What the hand does to each Kitchen object, written from the geometry as way-points.

In: an object's name. Out: Waypoints, followed one after another. Doors and the kettle are held by
a vertical bar between the fingers; switch, knobs and drawer are pushed with closed fingers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from moto_sim.ik import Pose
from moto_sim.kitchen import KitchenSim
from moto_sim.waypoints import (
    CLOSED,
    Condition,
    Target,
    Waypoint,
    beside,
    draw_back,
    far,
    heading,
    let_go,
    site,
    swing,
    wait,
)

# [m] from which the hand moves on to an object: further aside, it would run into what is beside it
BEFORE = 0.02


def microwave() -> list[Waypoint]:
    """Takes the handle's bar and swings the door open about its hinge."""
    bar, up = 'microhandle_site', (0.0, 0.0, 0.06)

    def ahead(sim: KitchenSim) -> Pose:
        opened = -float(sim.data.qpos[22])
        target = swing(sim, 'microwave', bar, -0.25) + up
        return Pose(target, heading(0.2 + 0.4 * opened))

    def is_open(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[22] < -0.7)

    return [
        *_take(bar, up, 0.2),
        Waypoint(ahead, fingers=CLOSED, until=is_open, lost=far(bar, up, 0.07)),
        *let_go(),
    ]


def hinge_cabinet() -> list[Waypoint]:
    """Takes the right door's bar and swings the door open about its hinge, slowly: it is stiff."""
    bar, low = 'hinge_site2', (0.0, 0.0, -0.10)

    def ahead(sim: KitchenSim) -> Pose:
        opened = float(sim.data.qpos[21])
        target = swing(sim, 'right_hinge_cabinet', bar, 0.25) + low
        return Pose(target, heading(0.1 + 0.2 * opened, -0.3))

    def is_open(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[21] > 1.35)

    return [
        *_take(bar, low, 0.1, -0.3),
        Waypoint(
            ahead, fingers=CLOSED, speed=0.6, until=is_open, lost=far(bar, low, 0.07), patience=80
        ),
        *let_go(),
    ]


def kettle() -> list[Waypoint]:
    """Takes the left post of the handle, lifts, carries to the back burner and sets down."""
    post, goal = (-0.092, 0.0, -0.085), np.array([-0.23, 0.75])

    def carry(lift: float) -> Target:
        def pose(sim: KitchenSim) -> Pose:
            way = goal - sim.data.qpos[23:25]
            here = site(sim, 'kettle_site') + post
            step = way * min(1.0, 0.12 / max(float(np.linalg.norm(way)), 1e-9))
            here[:2] += step
            here[2] = 1.78 + lift
            return Pose(here, heading(-0.45))

        return pose

    def there(sim: KitchenSim) -> bool:
        return bool(np.linalg.norm(sim.data.qpos[23:25] - goal) < 0.06)

    lost = far('kettle_site', post, 0.08)
    return [
        *_take('kettle_site', post, -0.45),
        Waypoint(carry(0.07), fingers=CLOSED, until=there, lost=lost, patience=16),
        Waypoint(carry(0.0), fingers=CLOSED, near=0.02, patience=8),
        *let_go(),
    ]


def light_switch() -> list[Waypoint]:
    """Pushes the switch to the left from its right side."""

    def pushed(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[17] < -0.66)

    return _push('light_site', (0.07, -0.02, 0.0), (-0.08, 0.02, 0.0), pushed, -0.1, -0.25)


def slide_cabinet() -> list[Waypoint]:
    """Pushes the sliding door's handle to the right from its left side."""

    def pushed(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[19] > 0.33)

    return _push('slide_site', (-0.07, 0.0, -0.04), (0.06, 0.0, -0.04), pushed, -0.45, -0.5)


def bottom_burner() -> list[Waypoint]:
    """Pushes the knob's upper end to the right."""
    return _knob('knob2_site', 11)


def top_burner() -> list[Waypoint]:
    """Pushes the knob's upper end to the right."""
    return _knob('knob4_site', 15)


SKILLS: dict[str, Callable[[], list[Waypoint]]] = {
    'bottom_burner': bottom_burner,
    'top_burner': top_burner,
    'light_switch': light_switch,
    'slide_cabinet': slide_cabinet,
    'hinge_cabinet': hinge_cabinet,
    'microwave': microwave,
    'kettle': kettle,
}


def feasible_order(objects: Sequence[str]) -> tuple[str, ...]:
    """Returns the objects in order, the sliding door at the latest just before the hinge door.

    An open hinge door stands before the sliding door's bar, and the hand does not pass it.
    """
    order = list(objects)
    if {'slide_cabinet', 'hinge_cabinet'} <= set(order):
        at = order.index('hinge_cabinet')
        if order.index('slide_cabinet') > at:
            order.remove('slide_cabinet')
            order.insert(at, 'slide_cabinet')
    return tuple(order)


def _take(
    bar: str, offset: tuple[float, float, float], angle: float, tilt: float = 0.0
) -> list[Waypoint]:
    """Comes to a bar along the hand's own direction and closes the fingers on it."""
    at = beside(bar, offset, angle, tilt, -0.01)
    return [
        Waypoint(beside(bar, offset, angle, tilt, 0.10), near=BEFORE),
        Waypoint(at, near=0.015),
        wait(at, CLOSED, 4),
    ]


def _push(
    name: str,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    pushed: Condition,
    angle: float,
    tilt: float,
) -> list[Waypoint]:
    """Comes beside a site with closed fingers and moves through it until it gives way."""
    return [
        *_approach(name, start, angle, tilt),
        Waypoint(beside(name, end, angle, tilt), fingers=CLOSED, until=pushed),
        draw_back(0.10, CLOSED, 0.5 * (start[0] - end[0])),
    ]


def _knob(name: str, entry: int) -> list[Waypoint]:
    def turned(sim: KitchenSim) -> bool:
        return bool(sim.data.qpos[entry] < -0.62)

    return _push(name, (-0.04, -0.035, 0.045), (0.10, -0.035, 0.02), turned, -0.2, 0.0)


def _approach(
    name: str, start: tuple[float, float, float], angle: float, tilt: float
) -> list[Waypoint]:
    """Brings closed fingers beside a site, from behind along the hand's own direction."""
    return [
        Waypoint(beside(name, start, angle, tilt, 0.10), near=BEFORE, fingers=CLOSED),
        Waypoint(beside(name, start, angle, tilt), near=0.02, fingers=CLOSED),
    ]
