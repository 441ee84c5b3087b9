"""A task's expert on its way to the object, and where things truly are: what seeing is tested on.

In: an environment of MetaWorld, a seed. Out: what is seen at each row, until the object moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError
from moto_sim import tasks
from moto_sim.env import TaskEnv
from moto_sim.metaworld_task import MetaWorldTask
from moto_sim.noise import NoisyPolicy

SETTLED = 8  # the row from which on what MetaWorld drops at a start lies still
DECISIONS = 30  # of an approach at most
STILL = 0.002  # [m] of deviation between starts: it is in one place
MOVED = 0.005  # [m] from where it lay: the hand has it
NOISE = 0.1  # standard deviation added to each action


class Seen(NamedTuple):
    """One row of an approach."""

    observation: dict[str, np.ndarray]  # the environment's
    places: dict[str, np.ndarray]  # (3,) [m] of the object and of its goal
    action: np.ndarray  # (A,) chosen at it


def approach(env: TaskEnv, seed: int) -> Iterator[Seen]:
    """Yields the rows of the noisy expert from reset(seed=seed) while the object lies still.

    The simulator is at the row until the next one is asked for. Rows before SETTLED are given
    too. Raises ConfigError for a task that does not say where its object is.
    """
    task = env.task
    if not isinstance(task, MetaWorldTask):
        raise ConfigError(
            f"'{task.name}' does not say where its object is; expected a task of MetaWorld"
        )
    policy = NoisyPolicy(tasks.demonstrator(env), NOISE, np.random.default_rng(seed))
    observation, _ = env.reset(seed=seed)
    state = policy.initial()
    lay = np.zeros(3)
    for row in range(DECISIONS):
        places = task.places()
        if row <= SETTLED:
            lay = places['object']
        if np.linalg.norm(places['object'] - lay) > MOVED:
            return
        step = policy.step(observation, observation.get('proprioception'), state)
        yield Seen(observation, places, step.action)
        observation, *_ = env.step(step.action)
