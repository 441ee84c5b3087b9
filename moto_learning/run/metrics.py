"""Metrics of a run: `metrics.jsonl` always, boards if wanted.

In: flat `group/name` numbers at an update. Out: one JSON line each, readable while it grows.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from moto_core.durable import replace_synced
from moto_core.errors import MotoError
from moto_core.strict_json import read_maps
from moto_learning.run.boards import Board

FILE = 'metrics.jsonl'


class MetricsError(MotoError):
    """Metrics that cannot be written."""


class MetricsLog:
    """Appends to `<folder>/metrics.jsonl` and draws on boards."""

    def __init__(self, folder: Path, boards: Sequence[Board] = (), lines: int = 0) -> None:
        """Continues after the first `lines` lines; the lines that follow them tell of updates
        that a crash lost, and are dropped. Raises MetricsError, as `write` does.
        """
        self.path = folder / FILE
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
            self.lines = _keep_first(self.path, lines)  # whole ones, in the file now
            self._file = self.path.open('a')
        self._boards = boards
        self._began = round(time.time(), 3)  # [s] tells this process's lines from others'

    def write(self, update: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Writes one line; a value that is not finite becomes null, as JSON has no NaN."""
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        now = {'time': round(time.time(), 3), 'cpu': round(time.process_time(), 3)}  # [s]
        line = {'update': update, 'phase': phase, **now, 'began': self._began, **finite}
        with self._writing():
            self._file.write(json.dumps(line) + '\n')
            self._file.flush()
        self.lines += 1
        self.draw(update, metrics)

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Draws on the boards alone what has a file of its own."""
        for board in self._boards:
            board.draw(update, metrics)

    def close(self) -> None:
        """Closes the file and the boards."""
        with suppress(OSError):  # of a line that `write` could not write
            self._file.close()
        for board in self._boards:
            board.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MetricsError(
                f"cannot write '{self.path}': {error.strerror or error}; free some space, then "
                '--resume goes on from the last checkpoint'
            ) from error


class Unwritten:
    """The metrics of a process that does not lead: the first one's file has them."""

    lines = 0

    def write(self, update: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Writes nothing."""

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Draws nothing."""

    def close(self) -> None:
        """Has nothing to close."""


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Reads the lines of a run's metrics; one that a crash cut short is left out."""
    return read_maps(folder / FILE)


def _keep_first(path: Path, lines: int) -> int:
    """Drops all but the first `lines` whole lines; returns how many there are now."""
    kept = read_metrics(path.parent)[:lines]
    if path.exists():
        replace_synced(path, ''.join(json.dumps(row) + '\n' for row in kept).encode())
    return len(kept)
