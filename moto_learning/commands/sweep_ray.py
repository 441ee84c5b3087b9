"""The runs of a sweep as tasks of Ray, on this machine or on a cluster: `moto-sweep --engine ray`.

In: a run's command line, the file for what it says, its settings. Out: Ray's task as `moto-sweep`
knows a process of its own: `poll`, `terminate`. Each task starts one moto-train and waits for it
where Ray has the processors, and the GPU, that the run asks for. All machines see the sweep's
folder under one path and have the same installation under one path.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from moto_core.command import STOPPED, end_with_parent
from moto_core.errors import MotoError, one_line
from moto_core.packages import need
from moto_learning.config import Config

FAILED = 1  # exit code of a run whose machine is gone
PERIOD = 0.2  # [s]


@contextmanager
def ray_tasks(address: str, jobs: int) -> Iterator[Any]:
    """Yields what starts a task; `address` is a cluster's, '': `jobs` processors of this machine.

    Raises ConfigError if Ray is not installed, MotoError if the cluster cannot be reached.
    """
    need('ray')
    import ray

    own: dict[str, Any] = {'address': address} if address else {'num_cpus': jobs}
    try:
        ray.init(**own, include_dashboard=False, log_to_driver=False, logging_level='ERROR')
    except (RuntimeError, ConnectionError, ValueError) as error:
        raise MotoError(
            f"Ray at '{address or 'this machine'}' cannot be reached ({one_line(error, 200)}); "
            "'ray status' there says more, --engine local needs none"
        ) from error
    try:
        yield partial(Task, ray)
    finally:
        ray.shutdown()


class Task:
    """One run as a task of Ray."""

    def __init__(self, ray: Any, line: Sequence[str], log: Path, config: Config) -> None:
        """Hands the run to Ray, which starts it where there is room for it."""
        self._ray, self._log, self._cancelled = ray, log, False
        task = ray.remote(num_cpus=processors(config), num_gpus=gpus(config), max_retries=0)(train)
        self._told = task.remote(list(line), str(log.resolve()), os.getcwd())

    def poll(self) -> int | None:
        """Returns the run's exit code, or None while it waits or runs."""
        if not self._ray.wait([self._told], timeout=0)[0]:
            return None
        try:
            return int(self._ray.get(self._told))
        except self._ray.exceptions.TaskCancelledError:
            return STOPPED
        except self._ray.exceptions.RayError as error:
            with self._log.open('a') as log:
                log.write(f'{one_line(error)}; the same moto-sweep goes on with it\n')
            return FAILED

    def terminate(self) -> None:
        """Asks the run to save and end."""
        if not self._cancelled:
            self._ray.cancel(self._told, recursive=False)
            self._cancelled = True


def train(line: Sequence[str], log: str, folder: str) -> int:
    """Runs a command line where Ray has put it; returns its exit code."""
    with open(log, 'ab') as stream:
        process = subprocess.Popen(
            line, stdout=stream, stderr=stream, cwd=folder, preexec_fn=end_with_parent
        )
    try:
        while process.poll() is None:  # what Ray says is heard between two steps of Python alone
            time.sleep(PERIOD)
    except KeyboardInterrupt:  # the task is cancelled
        process.terminate()
        process.wait()
        raise
    return process.returncode


def processors(config: Config) -> int:
    """Returns how many processors a run asks for: its threads."""
    return max(1, config.train.threads)


def gpus(config: Config) -> int:
    """Returns how many GPUs a run asks for; Ray shows it these alone."""
    return int(config.train.device == 'cuda')
