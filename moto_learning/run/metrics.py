"""Metrics of a run: `metrics.jsonl` always, TensorBoard scalars if wanted.

In: flat `group/name` numbers at an update. Out: one JSON line each, readable while it grows.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moto_core.durable import replace_synced
from moto_core.strict_json import read_maps

FILE = 'metrics.jsonl'


class MetricsLog:
    """Appends to `<folder>/metrics.jsonl` and, if asked, to `<folder>/tensorboard`."""

    def __init__(
        self, folder: Path, tensorboard: bool = False, updates: int = 0, lines: int = 0
    ) -> None:
        """Continues after `updates` and the first `lines` lines; the lines that follow them tell
        of updates that a crash lost, and are dropped.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.lines = _keep_first(self.path, lines)  # whole ones, in the file now
        self._file = self.path.open('a')
        self._board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / 'tensorboard'), purge_step=updates + 1)

    def write(self, update: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Writes one line; a value that is not finite becomes null, as JSON has no NaN."""
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        line = {'update': update, 'phase': phase, 'time': round(time.time(), 3), **finite}
        self._file.write(json.dumps(line) + '\n')
        self._file.flush()
        self.lines += 1
        self.draw(update, metrics)

    def draw(self, update: int, metrics: Mapping[str, float]) -> None:
        """Adds scalars to TensorBoard alone, of what has a file of its own."""
        if self._board is not None:
            for name, value in metrics.items():
                self._board.add_scalar(name, value, update)

    def close(self) -> None:
        """Closes both."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Reads the lines of a run's metrics; one that a crash cut short is left out."""
    return read_maps(folder / FILE)


def _keep_first(path: Path, lines: int) -> int:
    """Drops all but the first `lines` whole lines; returns how many there are now."""
    kept = read_metrics(path.parent)[:lines]
    if path.exists():
        replace_synced(path, ''.join(json.dumps(row) + '\n' for row in kept).encode())
    return len(kept)
