"""The Kitchen as a task: actions become velocities, through the guard if there is one.

In: actions in [-1, 1]. Out: Moved, reward. One decision is 20 ticks of 4 ms at 12.5 Hz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_core.guard.limits import RobotConfig
from moto_core.guard.simulated import Guarded
from moto_core.spec import Setup, Spec
from moto_sim.actuation import OWN, TICK
from moto_sim.env import Moved
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.kitchen_model import ARM
from moto_sim.kitchen_objects import OBJECTS, in_place
from moto_sim.views import Viewpoint, view_names

PREFIX = 'kitchen-'
SETUP = Setup(robot='kitchen_sim', profile='normal')  # of its own choice
STEPS = (40, 60)  # decisions an episode: 40 + 60 an object (four: 280)
AFTER_SUCCESS = 15  # decisions that a demonstration runs on
SETS = {
    'mixed': ('microwave', 'kettle', 'light_switch', 'slide_cabinet'),
    'partial': ('microwave', 'kettle', 'bottom_burner', 'light_switch'),
}
"""The two tasks of MOTO's paper, by its names. D4RL's are the other way round: its kitchen-partial
has the objects of 'mixed' here, its kitchen-mixed those of 'partial'."""


class KitchenTask:
    """A set of Kitchen objects to bring into place; the reward counts those that are.

    `name` is 'kitchen-' and objects joined by '+', or a name of SETS. `robot` is the setup's, and
    `spec` its spec with the images' size. `options` (variation, fast) go to KitchenSim. Raises
    ConfigError for a robot that does not fit the Kitchen's arm, or D4RL's actuation guarded.
    """

    def __init__(
        self,
        name: str,
        setup: Setup,
        robot: RobotConfig,
        spec: Spec,
        *,
        views: Mapping[str, Viewpoint] = VIEWS,
        **options: Any,
    ) -> None:
        objects = kitchen_objects(name)
        self.name, self.setup, self.robot, self.spec = name, setup, robot, spec
        self.max_steps = STEPS[0] + STEPS[1] * len(objects)
        self.after_success: int | None = AFTER_SUCCESS
        self.ticks = round(spec.period / TICK)
        self._views = view_names(spec, setup, views)
        self.sim = KitchenSim(objects, actuation=setup.actuation or OWN, views=views, **options)
        _check(robot, spec, self.sim, setup)
        self.guard = Guarded(robot, setup.profile) if setup.profile else None

    def reset(self, rng: np.random.Generator) -> None:
        """Starts an episode whose arm pose and objects `rng` draws."""
        self.sim.reset(rng)
        if self.guard is not None:
            self.guard.reset()

    def step(self, action: np.ndarray) -> Moved:
        """Moves for one period by an action (A,) in [-1, 1]; unguarded it must be finite."""
        velocity = action * self.spec.scale
        if self.guard is None:
            self.sim.set_velocity(self._all(velocity))
            self.sim.advance(self.ticks)
            return Moved(action, ())
        return self._guarded(self.guard, velocity)

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image of a camera of the spec."""
        return self.sim.render(self._views[camera], height, width)

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions [rad, m] and velocities (A,)."""
        size = self.spec.action_size
        return self.sim.position[:size], self.sim.velocity[:size]

    def reward(self) -> float:
        """Returns the number of objects in place."""
        return self.sim.reward()

    def success(self) -> bool:
        """Returns whether every object is in place."""
        return self.sim.success()

    def parts(self) -> dict[str, bool]:
        """Returns for each object, in the task's order, whether it is in place."""
        return self.sim.in_place()

    def goal(self, objects: Sequence[str]) -> Callable[[], bool]:
        """Returns what says whether all of some objects, the task's or others, are in place."""
        names = tuple(objects)
        return lambda: all(in_place(self.sim.data.qpos, names).values())

    def close(self) -> None:
        """Frees the simulator."""
        self.sim.close()

    def _guarded(self, guard: Guarded, velocity: np.ndarray) -> Moved:
        sim, total = self.sim, np.zeros(self.spec.action_size)
        reasons: dict[str, None] = {}
        for _ in range(self.ticks):
            out = guard.tick(velocity, sim.position[:ARM], sim.velocity[:ARM], sim.time)
            let_out = np.concatenate((out.velocity, out.gripper))
            sim.set_velocity(self._all(let_out))
            sim.advance()
            total += let_out
            reasons.update(dict.fromkeys(out.reasons))
        return Moved(total / (self.ticks * self.spec.scale), tuple(reasons))

    def _all(self, velocity: np.ndarray) -> np.ndarray:
        """Returns a command (9,) with fingers that hold if the robot has none."""
        missing = self.sim.size - len(velocity)
        return np.pad(velocity, (0, missing)) if missing else velocity


def kitchen_objects(task: str) -> tuple[str, ...]:
    """Returns the objects of 'kitchen-a+b+c', 'kitchen-mixed' or 'kitchen-partial', in order.

    Raises ConfigError for an unknown object or one that is named twice.
    """
    wanted = task.removeprefix(PREFIX)
    if wanted in SETS:
        return SETS[wanted]
    names = tuple(wanted.split('+'))
    valid = [*OBJECTS, *(SETS if len(names) == 1 else ())]
    for name in names:
        if name not in OBJECTS:
            raise ConfigError(f'task {task!r}: ' + unknown_name('Kitchen object', name, valid))
    if len(set(names)) < len(names):
        raise ConfigError(f'task {task!r} names an object twice')
    return names


def _check(robot: RobotConfig, spec: Spec, sim: KitchenSim, setup: Setup) -> None:
    if len(spec.joints) != ARM or len(spec.gripper) not in (0, sim.size - ARM):
        raise ConfigError(
            f"robot '{robot.name}' has {len(spec.joints)} joints and "
            f'{len(spec.gripper)} gripper joints; the Kitchen has {ARM} and 2 '
            '(or 0, held)'
        )
    ticks = spec.period / TICK
    if abs(ticks - round(ticks)) > 1e-6 or ticks < 1:
        raise ConfigError(
            f'rate {spec.rate} Hz is no whole number of {TICK * 1e3:g} ms ticks; try 12.5 or 25 Hz'
        )
    if setup.profile and sim.actuation.mode != OWN:
        raise ConfigError(
            f"actuation '{sim.actuation.mode}' cannot be guarded by the profile "
            f"'{setup.profile}': the guard commands each tick; use '{OWN}', or no guard "
            "(profile 'none')"
        )
