"""MetaWorld's tasks behind the same interface.

In: actions (4,) in [-1, 1]: hand velocity x, y, z, and the fingers' force. Out: Moved; reward 1
while success holds. One decision is two MetaWorld steps (docs/method.md). Every reset draws
a fresh goal and fresh objects.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from moto_core.errors import ConfigError, unknown_name
from moto_core.spec import CameraSpec, Setup, Spec
from moto_sim.env import Moved
from moto_sim.renderer import Renderer
from moto_sim.views import View, Viewpoint, view_names

PREFIX = 'metaworld-'
SETUP = Setup()  # its own hand, which no guard knows, seen from 'front'
REPEAT = 2  # MetaWorld steps a decision
DECISIONS = 100  # of an episode
LIMIT = 500 // REPEAT  # MetaWorld refuses to step further
STEP_TIME = 0.0125  # [s] of one MetaWorld step
REACH = 0.01  # [m] that the hand's target moves at action 1, a step
PLACES = {'object': slice(4, 7), 'goal': slice(36, 39)}  # in MetaWorld's own state vector
# docs/method.md
_PAPER = View(distance=0.75, azimuth=15.0, elevation=-22.5, lookat=(-0.15, 0.65, 0.25))
VIEWS: dict[str, Viewpoint] = {
    'front': _PAPER,
    'paper': _PAPER,
    'wide': View(distance=1.4, azimuth=35.0, elevation=-35.0, lookat=(0.0, 0.6, 0.15)),
}
SPEC = Spec(
    joints=['hand_x', 'hand_y', 'hand_z'],
    gripper=['fingers'],
    action_scale=[REACH / STEP_TIME] * 3 + [1.0],
    rate=1.0 / (REPEAT * STEP_TIME),
    cameras={'front': CameraSpec(topic='/camera/camera/color/image_raw')},
)


class MetaWorldTask:
    """One of MetaWorld's tasks; `name` is its own without '-v3' behind 'metaworld-'.

    Raises ConfigError for an unknown task or view, a setup with a robot, a guard or an actuation,
    or if metaworld is missing.
    """

    def __init__(
        self,
        name: str,
        setup: Setup = SETUP,
        spec: Spec = SPEC,
        *,
        views: Mapping[str, Viewpoint] = VIEWS,
        fast: bool = True,
    ) -> None:
        known, task = catalogue().environments, name.removeprefix(PREFIX)
        if task not in known:
            raise ConfigError(unknown_name('MetaWorld task', task, known))
        _check(name, setup)
        self.name, self.setup, self.spec = name, setup, spec
        self.max_steps = DECISIONS
        self.after_success: int | None = None
        self._views = {camera: views[v] for camera, v in view_names(spec, setup, views).items()}
        self.task = task
        self.env: Any = known[task](seed=0)
        self.env._freeze_rand_vec, self.env.seeded_rand_vec = False, True
        self.observed = np.zeros(39)  # MetaWorld's own state vector, for its experts
        self._renderer = Renderer(self.env.model, fast=fast)
        self._success, self._hand, self._before = False, np.zeros(4), np.zeros(4)

    def reset(self, rng: np.random.Generator) -> None:
        """Starts an episode whose goal and objects `rng` draws."""
        self.env.seed(int(rng.integers(2**31)))
        self.observed, _ = self.env.reset()
        self._success = False
        self._hand = self._before = self._measure()

    def step(self, action: np.ndarray) -> Moved:
        """Moves for one period by a finite action (4,) in [-1, 1]."""
        if not np.isfinite(action).all():
            raise ConfigError(f'action is {action}; expected finite numbers')
        for _ in range(REPEAT):
            self.observed, _, _, _, info = self.env.step(action)
        self._success = bool(info['success'])
        self._before, self._hand = self._hand, self._measure()
        return Moved(action, ())

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image of a camera of the spec."""
        return self._renderer.image(self.env.data, self._views[camera], height, width)

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the hand's position [m] and the fingers' opening, and their velocities (4,)."""
        return self._hand.copy(), (self._hand - self._before) * self.spec.rate

    def reward(self) -> float:
        """Returns 1 while the task is done, else 0."""
        return float(self._success)

    def success(self) -> bool:
        """Returns whether the task is done now."""
        return self._success

    def parts(self) -> dict[str, bool]:
        """Returns whether the task is done, by its name: it has no parts."""
        return {self.task: self._success}

    def places(self) -> dict[str, np.ndarray]:
        """Returns where the object and its goal truly are, each (3,) [m] on the table."""
        return {name: np.array(self.observed[at]) for name, at in PLACES.items()}

    def close(self) -> None:
        """Frees the renderer and the simulator."""
        self._renderer.close()
        self.env.close()

    def _measure(self) -> np.ndarray:
        return np.array(self.observed[:4])


class Catalogue(NamedTuple):
    """MetaWorld's classes by the name of the task, without '-v3'."""

    environments: dict[str, Any]
    experts: dict[str, Any]


def metaworld_names() -> list[str]:
    """Returns the names of all tasks with their prefix; none if metaworld is missing."""
    try:
        return [PREFIX + name for name in catalogue().environments]
    except ConfigError:
        return []


@lru_cache(1)
def catalogue() -> Catalogue:
    """Returns what the installed metaworld holds; raises ConfigError if it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as ENVIRONMENTS
            from metaworld.policies import ENV_POLICY_MAP
    except ImportError as error:
        raise ConfigError(
            f"MetaWorld's tasks need metaworld ({error}); pip install '.[sim]'"
        ) from error
    ending = '-v3-goal-observable'
    return Catalogue(
        environments={name.removesuffix(ending): env for name, env in ENVIRONMENTS.items()},
        experts={name.removesuffix('-v3'): expert for name, expert in ENV_POLICY_MAP.items()},
    )


def _check(name: str, setup: Setup) -> None:
    if setup.robot or setup.profile or setup.actuation:
        raise ConfigError(
            f"'{name}' moves MetaWorld's own hand: it takes no robot (got '{setup.robot}'), no "
            f"guard (got the profile '{setup.profile}') and no actuation (got "
            f"'{setup.actuation}'); leave them out"
        )
