"""A task of your own: any class with these methods becomes an environment and a dataset.

python examples/add_task.py my_task && moto-data inspect my_task
Here a dot is to be brought to the middle of the picture; no simulator is needed for that.
"""

import sys

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.spec import CameraSpec, Spec
from moto_sim.collect import collect
from moto_sim.env import Moved, TaskEnv

NEAR = 0.1  # from the middle, of the half picture


class DotTask:
    """A dot at (x, y) in [-1, 1]^2 that moves by its velocity."""

    name = 'dot-middle'
    spec = Spec(
        joints=['x', 'y'], action_scale=[2.0, 2.0], rate=10.0, cameras={'front': CameraSpec()}
    )
    max_steps = 30  # decisions an episode

    def reset(self, rng: np.random.Generator) -> None:
        """Puts the dot anywhere."""
        self.place, self.velocity = rng.uniform(-1.0, 1.0, 2), np.zeros(2)

    def step(self, action: np.ndarray) -> Moved:
        """Moves the dot for one period by an action (2,) in [-1, 1]."""
        self.velocity = action * self.spec.scale
        self.place = np.clip(self.place + self.velocity * self.spec.period, -1.0, 1.0)
        return Moved(executed=action, reasons=())

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """Returns the picture (height, width, 3) uint8 RGB."""
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        dot = (x - self.place[0]) ** 2 + (y - self.place[1]) ** 2 < 0.02
        return np.where(dot[..., None], np.uint8([255, 64, 0]), np.uint8([32, 32, 32]))

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns position and velocity (2,)."""
        return self.place.copy(), self.velocity.copy()

    def reward(self) -> float:
        """Returns 1 while the dot is in the middle, else 0."""
        return float(self.success())

    def success(self) -> bool:
        """Returns whether the dot is in the middle now."""
        return bool(np.abs(self.place).max() < NEAR)

    def objects(self) -> dict[str, bool]:
        """Returns for each part of the task whether it is done now."""
        return {'dot': self.success()}

    def close(self) -> None:
        """Frees nothing."""


def main(folder: str) -> None:
    """Records five demonstrations of a demonstrator that goes straight to the middle."""
    env = TaskEnv(DotTask(), seed=0)
    rng = np.random.default_rng(0)

    def demonstrator() -> np.ndarray:
        return np.clip(-4.0 * env.task.joints()[0] / env.spec.scale, -1.0, 1.0)

    with Dataset.create_or_open(folder, env.spec) as dataset:
        for header, rows, outcome in collect(env, demonstrator, 5, 0.05, rng):
            with dataset.new_episode(header) as episode:
                for row in rows:
                    episode.append(row)
                episode.close(outcome=outcome)
            print(f'{header.id} {len(rows)} rows, {outcome}')


if __name__ == '__main__':
    main(*sys.argv[1:])
