"""Episodes of one row, recorded as the Kitchen's simulator would under any setup, for tests."""

from dataclasses import replace

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.row import Row
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.episode import simulated_header

TASK = 'kitchen-microwave'
D4RL = Setup(robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'})


def small_kitchen():
    """Makes the simulator of TASK under D4RL with images of 8 x 8."""
    return tasks.make(TASK, D4RL, size=8, proprioception=['position'])


def dataset_of(root, env, setup, task=TASK):
    """Adds an episode of one row, recorded under a setup."""
    header = replace(simulated_header(env, 3), setup=setup, task=task)
    nothing = np.zeros(env.spec.action_size, np.float32)
    row = Row(
        stamp=0,
        images={'front': np.zeros((8, 8, 3), np.uint8)},
        proprioception=nothing,
        requested=nothing,
        executed=nothing,
    )
    with Dataset.create_or_open(root, floor=0) as dataset, dataset.new_episode(header) as writer:
        writer.append(row)
    return root
