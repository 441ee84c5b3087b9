"""Jobs in several processes side by side, so that Ctrl-C finishes what has begun and keeps it.

In: a function and its jobs. Out: results, as they come.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

from moto_core.command import end_with_parent
from moto_core.errors import DatasetError

LISTEN = 0.2  # [s] between two looks at whether Ctrl-C came
ENDING = (signal.SIGINT, signal.SIGTERM)
Job = TypeVar('Job')
Result = TypeVar('Result')


def run_jobs(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yields the result of each job; one worker works in this process, in order.

    Raises DatasetError if a worker is killed, and KeyboardInterrupt after Ctrl-C once what had
    begun is finished; one worker is stopped at once.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context('spawn')
    with (
        _interruption() as interruption,
        ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool,
    ):
        try:
            with uninterrupted():
                waiting = {pool.submit(work, job) for job in jobs}
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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Blocks Ctrl-C while a file is written, and for processes started: their parent ends them."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


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
