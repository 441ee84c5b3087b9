"""Frames and environment steps a second of one core, as JSON.

    python benchmarks/render.py

Per task: frames/s along the episodes of its demonstrator, where what is at rest is drawn once
(the fast look), drawn whole, both with one sample a pixel in the place of an average; of the full
look; and whole environment steps (20 physics ticks or 2 MetaWorld steps, and the 64 x 64 frame),
without and with the guard. Times are of this process's CPU, the best of three repeats, which take
turns where two are compared.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np

from moto_sim import layer, renderer, tasks
from moto_sim.episode import run_episode
from moto_sim.setups import choose_setup

SIZE = 64  # [px]
DECISIONS = 80  # of an episode


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    result: dict[str, Any] = {'unit': 'per second of one core'}
    for task in ('kitchen-microwave', 'metaworld-door-open'):
        result[task] = {
            'frames_full_look': full_look(task),
            'frames': frames(task),
            'frames_one_sample': one_sample(task),
            'step_and_frame': steps(task, 'none'),
        }
    result['kitchen-microwave']['step_and_frame_guarded'] = steps('kitchen-microwave', 'normal')
    print(json.dumps(result, indent=2))


def frames(task: str) -> dict[str, float]:
    """Returns frames/s of several ways to draw the same episodes, turn by turn."""
    whole = patch.object(layer, 'WORTH', 10**9)  # nothing is ever kept
    ways: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        'fast_look': nullcontext,
        'drawn_whole': lambda: whole,
    }
    envs = {name: tasks.make(task, size=SIZE) for name in ways}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(4):
        for name, way in ways.items():
            with way():
                spent[name].append(episode(envs[name], repeat))
    for env in envs.values():
        env.close()
    found = {name: round(1 / min(times[1:]), 1) for name, times in spent.items()}
    ratios = np.array(spent['drawn_whole'][1:]) / spent['fast_look'][1:]
    return {**found, 'ratio_to_drawn_whole': round(float(np.median(ratios)), 2)}


def episode(env: Any, seed: int) -> float:
    """Returns the CPU seconds of a frame of an episode of the task's demonstrator."""
    image, spent = renderer.Renderer.image, []

    def timed(*args: Any) -> np.ndarray:
        began = time.process_time()
        pixels = image(*args)
        spent.append(time.process_time() - began)
        return pixels

    with patch.object(renderer.Renderer, 'image', timed):
        run_episode(env, tasks.demonstrator(env), seed, max_steps=DECISIONS)
    return float(np.mean(spent))


def full_look(task: str) -> float:
    env = tasks.make(task, fast=False)
    env.reset(seed=0)
    found = per_second(lambda: env.task.render('front', SIZE, SIZE), 3, 1)
    env.close()
    return found


def one_sample(task: str) -> dict[str, float]:
    with patch.object(renderer, 'FINER', 1):
        return frames(task)


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
