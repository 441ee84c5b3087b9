"""How often the scripted demonstrator brings Kitchen objects into place, as JSON.

    python benchmarks/kitchen_experts.py [objects|pairs|groups] [key=value ...]

objects: each alone. pairs: each ordered pair, in 160 decisions. groups: the sets of
config/data/kitchen-mixed.yaml in random orders, in 280 decisions. Nothing is drawn. Decisions are
those of the starts that succeeded.
"""

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from moto_learning.data.recipe import load_recipe
from moto_sim import tasks
from moto_sim.env import TaskEnv
from moto_sim.episode import run_episode
from moto_sim.kitchen_objects import OBJECTS, in_place
from moto_sim.kitchen_task import STEPS
from moto_sim.noise import NoisyPolicy
from moto_sim.setups import choose_setup

KINDS = ('objects', 'pairs', 'groups')
SETTINGS = {'starts': '20', 'noise': '0.05', 'actuation': 'd4rl', 'profile': '', 'robot': ''}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('kind', nargs='?', choices=KINDS, default=KINDS[0])
    parser.add_argument(
        'settings',
        nargs='*',
        type=setting,
        metavar='key=value',
        help='starts=20 of each, noise=0.05, actuation=d4rl, profile= (none with d4rl, else the '
        "robot's normal), robot=kitchen_sim",
    )
    args = parser.parse_args()
    kind, given = args.kind, {**SETTINGS, **dict(args.settings)}
    starts, noise = int(given.pop('starts')), float(given.pop('noise'))
    env = tasks.make('kitchen-mixed', choose_setup('kitchen-mixed', **given), size=8)
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    found, lost = {}, Counter()
    for objects, seeds in sequences(kind, starts):
        results = [drive(env, objects, noise, seed) for seed in seeds]
        took = sorted(decisions for decisions, left in results if not left)
        lost.update(name for _, left in results for name in left)
        found['+'.join(objects)] = {
            'success': f'{len(took)} of {len(results)}',
            'decisions': took[len(took) // 2] if took else None,
        }
    count = sum(int(one['success'].split()[0]) for one in found.values())
    of = sum(int(one['success'].split()[2]) for one in found.values())
    about = {'kind': kind, 'noise': noise, **given, 'success': f'{count} of {of}'}
    print(json.dumps({**about, 'not in place': dict(lost), 'sequences': found}, indent=2))


def setting(text: str) -> tuple[str, str]:
    """Reads 'key=value'; raises ArgumentTypeError for a key that is none."""
    key, _, value = text.partition('=')
    if key not in SETTINGS:
        raise argparse.ArgumentTypeError(f"'{key}' is none of {', '.join(SETTINGS)}")
    return key, value


def sequences(kind: str, starts: int) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    """Yields objects in order, and the seeds of their starts."""
    if kind == 'groups':
        wanted = load_recipe('kitchen-mixed').demonstrations(shuffled=True)
        for index in range(len(wanted.groups) * starts):
            yield wanted.sequence(index), [index]
        return
    for objects in itertools.permutations(OBJECTS, 1 if kind == 'objects' else 2):
        yield objects, list(range(starts))


def drive(
    env: TaskEnv, objects: tuple[str, ...], noise: float, seed: int
) -> tuple[int, tuple[str, ...]]:
    """Returns the decisions that it took, and which of the objects are not in place at the end."""
    policy: Any = tasks.demonstrator(env, objects)
    result = run_episode(
        env,
        NoisyPolicy(policy, noise, np.random.default_rng([seed, 1])),
        seed,
        max_steps=STEPS[0] + STEPS[1] * len(objects),
        after_success=0,
        goal=env.task.goal(objects),
    )
    there = in_place(env.task.sim.data.qpos, objects)
    return result.decisions, tuple(name for name in objects if not there[name])


if __name__ == '__main__':
    main()
