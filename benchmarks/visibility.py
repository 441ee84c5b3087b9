"""Pixels that change when each Kitchen object goes from start to goal, by view, as JSON.

    python benchmarks/visibility.py [SIZE]

The arm is at its start. The wrist sees what the hand points at, so that its numbers are also given
with the hand where the scripted demonstrator has it when it takes the object up: the most changed
pixels of a demonstration's poses.
"""

import argparse
import json

import numpy as np

from moto_core.command import whole
from moto_core.spec import Setup
from moto_sim import tasks
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.kitchen_model import ARM
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.visibility import CHANGE, changed_pixels

EVERY = 4  # poses of a demonstration: one in so many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'size', nargs='?', type=whole(8), default=64, help='[px], of the square image (64)'
    )
    size = parser.parse_args().size
    sim = KitchenSim()
    found = {
        view: {name: changed_pixels(sim, view, name, size) for name in OBJECTS} for view in VIEWS
    }
    found['wrist, at the object'] = {
        name: max(changed_pixels(sim, 'wrist', name, size, pose) for pose in poses(name))
        for name in OBJECTS
    }
    print(json.dumps({'size': size, 'threshold of 255': CHANGE, 'pixels': found}, indent=2))


def poses(name: str) -> list[np.ndarray]:
    """The arm's poses on the way to an object, until it is in place."""
    env = tasks.make(f'kitchen-{name}', Setup(robot='kitchen_sim', actuation='d4rl'), size=8)
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    demonstrator = tasks.demonstrator(env)
    env.reset(seed=0)
    demonstrator.initial()
    seen = []
    while not env.task.success():
        seen.append(env.task.sim.position[:ARM])
        env.step(demonstrator.step({}, None, {}).action)
    return seen[::EVERY]


if __name__ == '__main__':
    main()
