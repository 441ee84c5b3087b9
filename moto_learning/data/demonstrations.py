"""Records scripted demonstrations into a dataset, several simulators side by side.

In: a task's name, how many, noise, seed. Out: episodes in the dataset. Episode i draws from its
own random stream (seed, i), so that the number of workers changes nothing but the time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import ConfigError, DatasetError

_environment: dict[str, Any] = {}  # a worker process's own simulator, made once


@dataclass(frozen=True)
class Demonstrations:
    """What to record."""

    task: str  # for example 'kitchen-microwave'
    episodes: int = 40
    noise: float = 0.05  # standard deviation added to each action
    seed: int = 0
    profile: str = 'normal'  # the guard's; 'none' records without a guard
    robot: str = ''  # '' takes the task's own
    size: int = 64  # [px] of the square image
    workers: int = 1


def record_demonstrations(
    root: Path | str, wanted: Demonstrations, recorded: Callable[[Record], None] | None = None
) -> list[Record]:
    """Records the demonstrations into the dataset at `root`, making it if needed.

    Returns their records; `recorded` is told of each as it comes. Raises ConfigError for an
    unknown task or a setting out of range, DatasetError for a locked dataset or another spec.
    """
    if wanted.episodes < 1 or wanted.workers < 1 or not 0 <= wanted.noise < 1:
        raise ConfigError(
            f'episodes {wanted.episodes}, workers {wanted.workers}, noise '
            f'{wanted.noise}; expected at least 1, at least 1, and 0 to below 1'
        )
    done = []
    _prepare(wanted)  # unknown names fail here, before anything is made
    with Dataset.create_or_open(root) as dataset:
        for path in _record_all(Path(root), wanted, dataset.floor):
            done.append(dataset.adopt(path))
            if recorded:
                recorded(done[-1])
    return done


def _record_all(root: Path, wanted: Demonstrations, floor: int) -> Any:
    jobs = [(str(root), wanted, index, floor) for index in range(wanted.episodes)]
    if wanted.workers == 1 or wanted.episodes == 1:
        yield from map(_record_one, jobs)
        return
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(min(wanted.workers, wanted.episodes), context) as pool:
        with _uninterrupted():
            futures = [pool.submit(_record_one, job) for job in jobs]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            raise DatasetError(
                'a worker process was killed (out of memory?); the episodes so far '
                'are kept. Try fewer --workers'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Blocks Ctrl-C for processes started inside: it is the parent that ends them."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _record_one(job: tuple[str, Demonstrations, int, int]) -> Path:
    """Records demonstration number `index` with this process's simulator; its file's path."""
    from moto_sim.collect import collect

    root, wanted, index, floor = job
    env, demonstrator = _prepare(wanted)
    rng = np.random.default_rng([wanted.seed, index])
    for header, steps, outcome in collect(env, demonstrator, 1, wanted.noise, rng):
        writer = EpisodeWriter(Path(root) / 'episodes' / header.id, header, floor=floor)
        with writer:
            for step in steps:
                writer.append(step)
            writer.close(outcome)
        return writer.path
    raise DatasetError(f"the demonstrator of '{wanted.task}' gave no episode")


def _prepare(wanted: Demonstrations) -> tuple[Any, Any]:
    """Makes this process's simulator and demonstrator on the first call."""
    from moto_sim import tasks

    key = repr((os.getpid(), wanted))
    if key not in _environment:
        guard = None if wanted.profile == 'none' else wanted.profile
        env = tasks.make(
            wanted.task,
            robot=wanted.robot or None,
            guard=guard,
            size=wanted.size,
            seed=wanted.seed,
        )
        _environment.clear()
        _environment[key] = (env, tasks.demonstrator(env))
    return _environment[key]
