"""A task that counts its decisions: observation t shows t, the reward with it is t."""

import numpy as np

from moto_core.spec import CameraSpec, Setup, Spec
from moto_sim.env import Moved, TaskEnv

SPEC = Spec(
    joints=['a'],
    gripper=['g'],
    action_scale=[2.0, 1.0],
    cameras={'front': CameraSpec(height=8, width=12)},
)


class CountingTask:
    """Its part 'early' is done from decision `at - 1` on, and 'late' at decision `at` alone."""

    name = 'counting'
    setup = Setup(robot='counter', profile='slow')
    after_success = 1

    def __init__(self, spec=SPEC, length=4, at=3):
        self.spec, self.max_steps, self.at, self.t = spec, length, at, 0
        self.actions, self.resets, self.closed = [], 0, False

    def reset(self, rng):
        self.t, self.resets = 0, self.resets + 1

    def step(self, action):
        self.t += 1
        self.actions.append(action)
        return Moved(action / 2, (f'r{self.t}',))

    def render(self, camera, height, width):
        return np.full((height, width, 3), self.t % 256, np.uint8)

    def joints(self):
        return np.full(self.spec.action_size, self.t), np.zeros(self.spec.action_size)

    def reward(self):
        return float(self.t)

    def success(self):
        return self.t == self.at

    def parts(self):
        return {'early': self.t >= self.at - 1, 'late': self.t == self.at}

    def close(self):
        self.closed = True


def counting_env(spec=SPEC, length=4, at=3):
    """The environment of a CountingTask."""
    return TaskEnv(CountingTask(spec, length, at))
