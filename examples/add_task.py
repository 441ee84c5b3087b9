"""A task of your own: any class with these methods becomes an environment and a dataset.

python examples/add_task.py my_task && moto-data inspect my_task
Here a dot is to be brought to the middle of the picture; no simulator is needed for that.
"""

import argparse
from collections.abc import Mapping

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.policy.policy import PolicyState, PolicyStep
from moto_core.spec import CameraSpec, Setup, Spec
from moto_sim.env import Moved, TaskEnv
from moto_sim.episode import run_episode, simulated_header
from moto_sim.noise import NoisyPolicy

NEAR = 0.1  # from the middle, of the half picture


class DotTask:
    """A dot at (x, y) in [-1, 1]^2 that moves by its velocity."""

    name = 'dot-middle'
    spec = Spec(
        joints=['x', 'y'], action_scale=[2.0, 2.0], rate=10.0, cameras={'front': CameraSpec()}
    )
    setup = Setup(robot='dot')  # kept with every episode: all of a dataset have one setup
    max_steps = 30  # decisions an episode
    after_success: int | None = 15  # decisions that a demonstration runs on

    def __init__(self) -> None:
        self.place = self.velocity = np.zeros(2)

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

    def parts(self) -> dict[str, bool]:
        """Returns for each part of the task whether it is done now."""
        return {'dot': self.success()}

    def close(self) -> None:
        """Frees nothing."""


class Demonstrator:
    """A Policy that goes straight to the middle; it reads the task and not the picture."""

    hash = 'scripted'

    def __init__(self, task: DotTask) -> None:
        self.task, self.spec = task, task.spec

    def initial(self) -> PolicyState:
        """Returns the empty state."""
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the action (2,); its disagreement is 0."""
        action = np.clip(-4.0 * self.task.place / self.spec.scale, -1.0, 1.0)
        return PolicyStep(action.astype(np.float32), 0.0, state)


def main(folder: str) -> None:
    """Records five demonstrations with a little noise."""
    task = DotTask()
    env, policy = TaskEnv(task), NoisyPolicy(Demonstrator(task), 0.05, np.random.default_rng(0))
    with Dataset.create_or_open(folder, env.spec) as dataset:
        for seed in range(5):
            header = simulated_header(env, seed, controller='scripted')
            with dataset.new_episode(header) as episode:
                result = run_episode(
                    env, policy, seed, episode.append, after_success=task.after_success
                )
                episode.close(outcome=result.outcome)
            print(f'{header.id} {result.decisions + 1} rows, {result.outcome}')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', help='of the dataset; made if missing')
    main(**vars(parser.parse_args()))
