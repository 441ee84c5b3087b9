"""How many human demonstrations of the Kitchen a tracker repeats from varied starts, as JSON.

    python benchmarks/kitchen_humans.py FILE.npz [NOISE ...]

Without a FILE there is nothing to measure. Nothing is drawn.
"""

import argparse
import json

import numpy as np

from moto_sim import tasks
from moto_sim.episode import run_episode
from moto_sim.human import read_human
from moto_sim.noise import NoisyPolicy
from moto_sim.setups import choose_setup

TASK = 'kitchen-mixed'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', nargs='?', help='what `moto-data collect --human` takes')
    parser.add_argument(
        'noise',
        nargs='*',
        type=float,
        default=[0.05],
        help='standard deviation added to each action (0.05)',
    )
    args = parser.parse_args()
    if args.file is None:
        print(json.dumps({'skipped': 'no file of human demonstrations was given'}))
        return
    people = read_human(args.file)
    env = tasks.make(TASK, choose_setup(TASK, actuation='d4rl'), size=8)
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    found = {}
    for noise in args.noise:
        good = 0
        for index, person in enumerate(people):
            rng = np.random.default_rng(index)
            policy = NoisyPolicy(tasks.tracker(env, person), noise, rng)
            run_episode(env, policy, index, max_steps=len(person.actions))
            good += env.task.goal(person.moved)()
        found[f'{noise:g}'] = f'{good} of {len(people)}'
    print(json.dumps({'did what the person did, by noise': found}))


if __name__ == '__main__':
    main()
