"""Frames and environment steps a second of one core, as JSON.

    python benchmarks/render.py

Per task: frames/s of the full look, of the fast one, of the fast one with one sample a pixel in
the place of an average and with what no pixel shows left in, and whole environment steps (20
physics ticks or 2 MetaWorld steps, and the 64 x 64 frame), without and with the guard. Times are
of this process's CPU, the best of three repeats.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from moto_sim import renderer, tasks
from moto_sim.setups import choose_setup

SIZES = [(64, 64), (128, 128), (240, 320)]  # [px] height, width


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    result: dict[str, Any] = {'unit': 'per second of one core'}
    for task in ('kitchen-microwave', 'metaworld-door-open'):
        result[task] = {
            'frames_full_look': frames(task, False, SIZES[:1], 3, 1),
            'frames_fast_look': frames(task, True, SIZES, 50, 3),
            'frames_one_sample': one_sample(task),
            'frames_with_what_lies_outside': everything(task),
            'step_and_frame': steps(task, 'none'),
        }
    result['kitchen-microwave']['step_and_frame_guarded'] = steps('kitchen-microwave', 'normal')
    print(json.dumps(result, indent=2))


def frames(
    task: str, fast: bool, sizes: list[tuple[int, int]], count: int, repeats: int
) -> dict[str, float]:
    env = tasks.make(task, fast=fast)
    env.reset(seed=0)
    found = {}
    for height, width in sizes:

        def work(height: int = height, width: int = width) -> None:
            env.task.render('front', height, width)

        found[f'{height}x{width}'] = per_second(work, count, repeats)
    env.close()
    return found


def one_sample(task: str) -> dict[str, float]:
    with patch.object(renderer, 'FINER', 1):
        return frames(task, True, SIZES, 50, 3)


def everything(task: str) -> dict[str, float]:
    with patch.object(renderer.Renderer, '_hide', lambda *_: None):
        return frames(task, True, SIZES[:1], 50, 3)


def steps(task: str, profile: str) -> float:
    env = tasks.make(task, choose_setup(task, profile=profile), max_steps=250)
    env.reset(seed=0)
    env.action_space.seed(0)

    def work() -> None:
        env.step(0.3 * env.action_space.sample())

    found = per_second(work, 50, 3)
    env.close()
    return found


def per_second(work: Callable[[], None], count: int, repeats: int) -> float:
    work()
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        for _ in range(count):
            work()
        spent.append(time.process_time() - began)
    return round(count / min(spent), 1)


if __name__ == '__main__':
    main()
