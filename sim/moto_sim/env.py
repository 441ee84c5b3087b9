"""One gymnasium.Env over every task: pictures in, an action in [-1, 1] out, a step a decision.

In: a Task. Out: (observation, reward, False, truncated, info). Tasks never end by success.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, cast

import gymnasium
import numpy as np
from gymnasium import spaces

from moto_core.errors import ConfigError
from moto_core.observation import proprioception
from moto_core.spec import Setup, Spec

RANGE = 100.0  # [rad, m, rad/s, m/s] no joint gets there


class Moved(NamedTuple):
    """What one decision came to."""

    executed: np.ndarray  # (A,) mean velocity let out / spec.scale
    reasons: tuple[str, ...]  # the guard's reason codes over the period


class Task(Protocol):
    """A simulated robot with a goal; TaskEnv makes an environment of it."""

    name: str
    spec: Spec
    setup: Setup  # robot, guard's profile, actuation, views: what its episodes are recorded under
    max_steps: int  # decisions an episode
    after_success: int | None  # decisions that a demonstration runs on; None: to max_steps

    def reset(self, rng: np.random.Generator) -> None:
        """Starts an episode whose variations `rng` draws."""

    def step(self, action: np.ndarray) -> Moved:
        """Moves for one period by a finite or non-finite action (A,), clipped to [-1, 1]."""

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """Returns a new (height, width, 3) uint8 RGB image."""

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions and velocities (A,) in the spec's order."""

    def reward(self) -> float:
        """Returns the reward of the present state."""

    def success(self) -> bool:
        """Returns whether the whole task is done now."""

    def parts(self) -> dict[str, bool]:
        """Returns for each part of the task whether it is done now.

        The parts and their order are always the same, before the first reset too.
        """

    def close(self) -> None:
        """Frees what the simulator holds."""


class TaskEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """A Task as a gymnasium environment.

    Observation: {camera: (h, w, 3) uint8 RGB}, and 'proprioception' (P,) float32 if the spec
    has it. Action: (A,) float32 in [-1, 1]. `info` holds 'success', 'done_parts' (the names of
    the parts that are done), 'executed' (A,) and 'reasons'; what else it holds of a row's fields
    is recorded too. `render()` gives a larger picture for people. `spec` is the robot's Spec, in
    the place of gymnasium's entry of its registry.
    """

    metadata = {'render_modes': ['rgb_array'], 'render_fps': 12.5}

    def __init__(
        self,
        task: Task,
        *,
        max_steps: int | None = None,
        seed: int | None = None,
        picture: tuple[int, int] = (240, 320),
    ) -> None:
        """Takes a task; `max_steps` None is the task's own, `picture` render()'s size [px].

        Raises ConfigError for max_steps below 1 or a seed below 0.
        """
        self.task, self.picture = task, picture
        self.max_steps = task.max_steps if max_steps is None else max_steps
        if self.max_steps < 1:
            raise ConfigError(f'max_steps is {max_steps}; expected 1 or more')
        if seed is not None and seed < 0:
            raise ConfigError(f'seed is {seed}; expected 0 or more')
        self.render_mode = 'rgb_array'
        self.metadata = {**self.metadata, 'render_fps': task.spec.rate}
        size = task.spec.action_size
        self.action_space = spaces.Box(-1.0, 1.0, (size,), np.float32)
        self.observation_space = cast(Any, spaces.Dict(_spaces(task.spec)))
        self._taken, self._seed, self._running = 0, seed, False

    @property
    def spec(self) -> Spec:  # type: ignore[override]
        """The robot's Spec: cameras, joints, action scale, rate."""
        return self.task.spec

    @property
    def setup(self) -> Setup:
        """What an action does and what a camera sees: part of every episode's header."""
        return self.task.setup

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Starts an episode; the same seed gives the same start. Returns (observation, info)."""
        seed, self._seed = (self._seed if seed is None else seed), None
        super().reset(seed=seed)
        self.task.reset(self.np_random)
        self._taken, self._running = 0, True
        nothing = np.zeros(self.task.spec.action_size, np.float32)
        return self._observation(), self._info(nothing, ())

    def step(
        self, action: np.ndarray
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Moves for one period; returns (observation, reward, False, truncated, info).

        Raises ConfigError for an action of the wrong size, or if no episode is running.
        """
        if not self._running:
            raise ConfigError('no episode is running (not begun, or truncated); call reset()')
        action = np.asarray(action, np.float64)
        if action.shape != self.action_space.shape:
            raise ConfigError(
                f'action is {action.shape}; expected {self.action_space.shape}, '
                f'one for each of {self.task.spec.names}'
            )
        moved = self.task.step(np.clip(action, -1.0, 1.0))
        self._taken += 1
        self._running = self._taken < self.max_steps
        info = self._info(moved.executed.astype(np.float32), moved.reasons)
        return self._observation(), self.task.reward(), False, not self._running, info

    def render(self) -> np.ndarray:
        """Returns a larger picture (H, W, 3) uint8 RGB of the first camera, for people."""
        return self.task.render(next(iter(self.task.spec.cameras)), *self.picture)

    def close(self) -> None:
        """Frees the simulator."""
        self.task.close()

    def _observation(self) -> dict[str, np.ndarray]:
        seen = {
            name: self.task.render(name, camera.height, camera.width)
            for name, camera in self.task.spec.cameras.items()
        }
        joints = proprioception(self.task.spec, *self.task.joints())
        return seen if joints is None else {**seen, 'proprioception': joints}

    def _info(self, executed: np.ndarray, reasons: tuple[str, ...]) -> dict[str, Any]:
        return {
            'success': self.task.success(),
            'done_parts': tuple(name for name, done in self.task.parts().items() if done),
            'executed': executed,
            'reasons': reasons,
        }


def _spaces(spec: Spec) -> dict[str, spaces.Space]:
    found: dict[str, spaces.Space] = {
        name: spaces.Box(0, 255, (camera.height, camera.width, 3), np.uint8)
        for name, camera in spec.cameras.items()
    }
    if spec.proprioception_size:
        size = (spec.proprioception_size,)
        found['proprioception'] = spaces.Box(-RANGE, RANGE, size, np.float32)
    return found
