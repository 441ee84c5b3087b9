"""Records scripted demonstrations into a dataset, several simulators side by side.

In: a task's name, a setup, how many, noise, seed. Out: episodes in the dataset. Episode i draws
from its own random stream (seed, i), so that the number of workers changes nothing but the time.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from moto_core.command import end_with_parent
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import ConfigError, DatasetError
from moto_core.row import Row

LISTEN = 0.2  # [s] between two looks at whether Ctrl-C came
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """What to record; '' leaves a part of the setup to the task."""

    task: str  # for example 'kitchen-microwave'
    episodes: int = 40
    noise: float = 0.05  # standard deviation added to each action
    seed: int = 0
    robot: str = ''  # of config/robot, or a YAML file
    profile: str = ''  # the guard's; 'none' records without a guard
    actuation: str = ''  # how the simulator moves the joints
    view: str = ''  # of every camera
    after_success: int | None = None  # decisions that an episode runs on; None: the task's own
    size: int = 64  # [px] of the square image
    workers: int = 1

    def __post_init__(self) -> None:
        """Raises ConfigError for a number that cannot be."""
        least = {'episodes': 1, 'workers': 1, 'seed': 0, 'after_success': 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ConfigError(f'{name} is {value}; expected at least {bound}')
        if not 0 <= self.noise < 1:
            raise ConfigError(f'noise is {self.noise}; expected 0 to below 1')


def record_demonstrations(
    root: Path | str, wanted: Demonstrations, recorded: Callable[[Record], None] | None = None
) -> list[Record]:
    """Records the demonstrations into the dataset at `root`, making it if needed.

    Returns their records; `recorded` is told of each as it comes. Raises ConfigError for an
    unknown task or a setting out of range, DatasetError for a locked dataset or one with another
    spec or setup; nothing is recorded then.
    """
    done = []
    env, _ = _simulator(wanted)  # unknown names fail here, before anything is made
    with Dataset.create_or_open(root, env.spec, setup=env.setup) as dataset:
        for path in _record_all(Path(root), wanted, dataset.floor):
            done.append(dataset.adopt(path))
            if recorded:
                recorded(done[-1])
    return done


def _record_all(root: Path, wanted: Demonstrations, floor: int) -> Iterator[Path]:
    jobs = [(root, wanted, index, floor) for index in range(wanted.episodes)]
    if wanted.workers == 1 or wanted.episodes == 1:
        yield from map(_record_one, jobs)
        return
    context = multiprocessing.get_context('spawn')
    workers = min(wanted.workers, wanted.episodes)
    with (
        _interruption() as interruption,
        ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool,
    ):
        try:
            with _uninterrupted():
                waiting = {pool.submit(_record_one, job) for job in jobs}
            while waiting:
                done, waiting = wait(waiting, LISTEN, FIRST_COMPLETED)
                yield from (future.result() for future in done)
                if interruption.came:  # what has begun is finished and kept
                    waiting = {future for future in waiting if not future.cancel()}
            if interruption.came:
                raise KeyboardInterrupt
        except BrokenProcessPool as error:
            raise DatasetError(
                'a worker process was killed (out of memory?); the episodes so far '
                'are kept. Try fewer --workers'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass
class _Interruption:
    came: bool = False


@contextmanager
def _interruption() -> Iterator[_Interruption]:
    """Notes Ctrl-C and SIGTERM instead of raising in the midst of a lock of the pool."""
    found = _Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        found.came = True

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield found
        return
    earlier = {number: signal.signal(number, note) for number in ENDING}
    try:
        yield found
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Blocks Ctrl-C while a file is written, and for processes started: their parent ends them."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _record_one(job: tuple[Path, Demonstrations, int, int]) -> Path:
    """Records demonstration number `index` with this process's simulator; its file's path."""
    from moto_sim.episode import DEMONSTRATION, learning_seed, run_episode, simulated_header
    from moto_sim.noise import NoisyPolicy

    root, wanted, index, floor = job
    env, demonstrator = _simulator(wanted)
    policy = NoisyPolicy(demonstrator, wanted.noise, np.random.default_rng([wanted.seed, index]))
    linger = env.task.after_success if wanted.after_success is None else wanted.after_success
    seed = learning_seed(DEMONSTRATION, wanted.seed, index)
    about = {'noise': f'{wanted.noise:g}'}
    header = simulated_header(env, seed, controller='scripted', extra=about)
    rows: list[Row] = []  # written once all are there: an episode that is stopped leaves nothing
    result = run_episode(
        env, policy, seed, rows.append, after_success=linger, start=header.created
    )
    with (
        _uninterrupted(),
        EpisodeWriter(root / 'episodes' / header.id, header, floor=floor) as writer,
    ):
        for row in rows:
            writer.append(row)
        writer.close(result.outcome)
    return writer.path


@lru_cache(1)
def _simulator(wanted: Demonstrations) -> tuple[Any, Any]:
    """Returns this process's environment and demonstrator, made on the first call."""
    from moto_sim import tasks
    from moto_sim.setups import choose_setup

    setup = choose_setup(
        wanted.task,
        robot=wanted.robot,
        profile=wanted.profile,
        actuation=wanted.actuation,
        view=wanted.view,
    )
    env = tasks.make(wanted.task, setup, size=wanted.size)
    return env, tasks.demonstrator(env)
