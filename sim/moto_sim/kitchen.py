"""The simulated robot in its kitchen: what the training environment and the twin both step.

In: joint velocities [rad/s, m/s], ticks. Out: joint state, images, reward. Source: FrankaKitchen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_sim.actuation import OWN, SUBSTEPS, Actuation
from moto_sim.kitchen_model import ARM, HOME, WRIST, kitchen_model
from moto_sim.kitchen_objects import OBJECTS, in_place
from moto_sim.renderer import Renderer
from moto_sim.views import Mount, View, Viewpoint

VIEWS: dict[str, Viewpoint] = {
    'front': View(distance=1.7, azimuth=70.0, elevation=-35.0, lookat=(-0.35, 0.45, 2.0)),
    # docs/method.md
    'paper': View(distance=1.86, azimuth=90.0, elevation=-60.0, lookat=(-0.3, 0.5, 2.0)),
    # FrankaKitchen-v1's own
    'wide': View(distance=2.2, azimuth=70.0, elevation=-35.0, lookat=(-0.2, 0.5, 2.0)),
    # knobs and switch, which the others show at a few pixels (docs/kitchen.md)
    'near': View(distance=1.0, azimuth=50.0, elevation=-30.0, lookat=(-0.35, 0.5, 2.1)),
    'wrist': Mount(WRIST),
}
KETTLE = slice(23, 25)  # x, y in qpos
DOORS = {19: 0.44, 20: -1.57, 21: 1.57, 22: -2.094}  # qpos entry: fully open [m, rad]
TRIES = 50  # arm poses drawn until one touches nothing


@dataclass(frozen=True)
class Variation:
    """How far a reset strays from FrankaKitchen's own, uniformly to both sides; all 0: not."""

    arm: float = 0.1  # [rad] of each arm joint
    kettle: float = 0.02  # [m] of the kettle's x and y
    door: float = 0.03  # of a door's or drawer's travel, opening only


class KitchenSim:
    """Franka Kitchen with a set of target objects.

    Joints are the arm's seven [rad] and the two fingers [m], in the actuators' order. `views`
    names its cameras. Raises ConfigError for an unknown object, view or actuation.
    """

    def __init__(
        self,
        objects: Sequence[str] = ('microwave',),
        *,
        actuation: str = OWN,
        variation: Variation | None = None,
        views: Mapping[str, Viewpoint] = VIEWS,
        fast: bool = True,
    ) -> None:
        self.objects = tuple(objects)
        for name in self.objects:
            if name not in OBJECTS:
                raise ConfigError(unknown_name('Kitchen object', name, OBJECTS))
        self.variation = variation if variation is not None else Variation()
        self.views = dict(views)
        self.model = kitchen_model(decimate=fast)
        self.data = mujoco.MjData(self.model)
        self.actuation = Actuation(self.model, actuation)
        self.size = self.model.nu
        self._renderer = Renderer(self.model, fast=fast, cull=fast)
        self._robot = self._robot_geoms()
        self.reset()

    @property
    def time(self) -> float:
        """Simulated time since the reset [s]."""
        return float(self.data.time)

    @property
    def position(self) -> np.ndarray:
        """Joint positions (9,) [rad, m]."""
        return self.data.qpos[: self.size].copy()

    @property
    def velocity(self) -> np.ndarray:
        """Joint velocities (9,) [rad/s, m/s]."""
        return self.data.qvel[: self.size].copy()

    def reset(self, rng: np.random.Generator | None = None) -> None:
        """Returns to the start, varied by `rng` as `variation` says; None varies nothing.

        An arm pose that touches anything is drawn again.
        """
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = HOME
        if rng is not None:
            self._vary_objects(rng)
            self._vary_arm(rng)
        mujoco.mj_forward(self.model, self.data)
        self.actuation.reset(self.data)

    def show(self, qpos: np.ndarray) -> None:
        """Puts everything at a recorded state (30,) [rad, m], at rest."""
        qpos = np.asarray(qpos, np.float64)
        if qpos.shape != self.data.qpos.shape or not np.isfinite(qpos).all():
            raise ConfigError(
                f'qpos is {qpos.shape}; expected {len(self.data.qpos)} finite numbers'
            )
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = qpos
        mujoco.mj_forward(self.model, self.data)

    def set_velocity(self, velocity: np.ndarray) -> None:
        """Commands joint velocities (9,) [rad/s, m/s]; they hold until the next command."""
        velocity = np.asarray(velocity, np.float64)
        if velocity.shape != (self.size,) or not np.isfinite(velocity).all():
            raise ConfigError(f'velocity is {velocity}; expected {self.size} finite numbers')
        self.actuation.command(self.data, velocity)

    def lead(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Commands the positions (n,) [rad] of the first joints at the next tick.

        `velocity` (9,) [rad/s, m/s] is theirs, and what the other joints go on with.
        """
        self.actuation.lead(position, velocity)

    def advance(self, ticks: int = 1) -> None:
        """Steps the physics by `ticks` of 4 ms."""
        for _ in range(ticks):
            self.actuation.apply(self.data)
            mujoco.mj_step(self.model, self.data, SUBSTEPS)

    def render(self, camera: str = 'front', height: int = 64, width: int = 64) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image of a named view."""
        if camera not in self.views:
            raise ConfigError(unknown_name('camera view', camera, self.views))
        return self._renderer.image(self.data, self.views[camera], height, width)

    def in_place(self) -> dict[str, bool]:
        """Returns for each target object whether it is in place."""
        return in_place(self.data.qpos, self.objects)

    def reward(self) -> float:
        """Returns the number of target objects in place (the paper's reward)."""
        return float(sum(self.in_place().values()))

    def success(self) -> bool:
        """Returns whether every target object is in place."""
        return all(self.in_place().values())

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()

    def _vary_objects(self, rng: np.random.Generator) -> None:
        v, qpos = self.variation, self.data.qpos
        qpos[KETTLE] += rng.uniform(-v.kettle, v.kettle, 2)
        for entry, travel in DOORS.items():
            qpos[entry] = rng.uniform(0.0, v.door) * travel if v.door else qpos[entry]

    def _vary_arm(self, rng: np.random.Generator) -> None:
        amount, limits = self.variation.arm, self.model.jnt_range[: self.size]
        if not amount:
            return
        for _ in range(TRIES):
            pose = HOME[: self.size].copy()
            pose[:ARM] += rng.uniform(-amount, amount, ARM)
            self.data.qpos[: self.size] = np.clip(pose, limits[:, 0], limits[:, 1])
            mujoco.mj_forward(self.model, self.data)
            if not self._touching():
                return
        raise ConfigError(
            f'no arm pose within {amount} rad of home is free of contact in '
            f'{TRIES} draws; vary the arm less'
        )

    def _touching(self) -> bool:
        pairs = self.data.contact.geom[: self.data.ncon]
        return bool((self._robot[pairs].sum(1) == 1).any())

    def _robot_geoms(self) -> np.ndarray:
        model = self.model
        root = model.body('panda0_link0').id
        return np.array([_below(model, body, root) for body in model.geom_bodyid])


def _below(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = model.body_parentid[body]
    return bool(body == root)
