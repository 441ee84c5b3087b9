"""Progress bars of the commands: what runs, how far it is, how long it took, a note.

In: a console. Out: rich's Progress; every task has a note, '' at first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import Compiled, compile_dataset


def progress_bars(console: Console) -> Progress:
    """Returns bars that are shown while the result is used in a `with`."""
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}'),
        console=console,
    )


def compile_shown(roots: Sequence[Path], console: Console) -> list[Compiled]:
    """Brings the cache of each dataset up to date under a bar; raises DatasetError."""
    done = []
    with progress_bars(console) as progress:
        for root in roots:
            bar = progress.add_task(f'compile {root.name}', total=None, note='')
            dataset = Dataset.open(root)
            done.append(compile_dataset(dataset, _updater(progress, bar)))
    return done


def _updater(progress: Progress, bar: object) -> Callable[[int, int], None]:
    def update(done: int, total: int) -> None:
        progress.update(bar, completed=done, total=total)  # type: ignore[arg-type]

    return update
