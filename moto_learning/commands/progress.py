"""Progress bars of the commands: what runs, how far it is, how long it took, a note.

In: a console. Out: rich's Progress; every task has a note, '' at first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from moto_core.episodes.dataset import Dataset
from moto_learning.data.sources import Reading

MANY = 10  # episodes


class _Bars(Progress):
    """Bars of which an error leaves only those that have begun: the others tell nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hides what has not begun if an error ends it."""
        for task in self.tasks if error is not None else []:
            task.visible = task.completed > 0
        super().__exit__(kind, error, trace)


def progress_bars(console: Console, left: bool = True) -> Progress:
    """Returns bars that are shown while the result is used in a `with`; `left`: with time left."""
    return _Bars(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TimeRemainingColumn()] if left else []),
        TextColumn('{task.fields[note]}', markup=False),
        console=console,
    )


def running_bars(console: Console) -> Progress:
    """Returns a line for each process that runs, its name, time and note; none in a log."""
    return Progress(
        TextColumn('{task.description}', markup=False),
        TimeElapsedColumn(),
        TextColumn(
            '{task.fields[note]}', markup=False, table_column=Column(ratio=1, no_wrap=True)
        ),
        console=console,
        expand=True,
        disable=not console.is_terminal,
    )


def reading_bars(progress: Progress, verb: str = 'compile') -> Reading:
    """Returns what shows the episodes of each dataset that are read in a bar of its own."""
    bars: dict[Path, TaskID] = {}

    def show(root: Path, done: int, total: int) -> None:
        if root not in bars:
            bars[root] = progress.add_task(f'{verb} {root.name}', note='')
        progress.update(bars[root], completed=done, total=total)

    return show


def print_read_whole(datasets: Sequence[Dataset], console: Console) -> None:
    """Prints a line for each dataset of which many episode files were read whole at opening."""
    for dataset in datasets:
        if dataset.index.read >= MANY:
            keep = f"; 'moto-data compile {dataset.root}' keeps what was read, if nobody records"
            console.print(
                f'{dataset.root}: {dataset.index.read} episodes were read whole, for its manifest '
                "does not know their files as they are (a copy's times are others)"
                + (keep if dataset.index.stale else ''),
                soft_wrap=True,
            )


def print_left_out(skipped: Mapping[str, str], console: Console) -> None:
    """Prints the episodes that are not used, and why."""
    for name, reason in skipped.items():
        console.print(f'left out {name}: {reason}', style='yellow', soft_wrap=True)


def counting_bars(progress: Progress) -> Callable[[str, int, int], None]:
    """Returns what shows how many of a thing are done in a bar of its own, by the thing's name."""
    bars: dict[str, TaskID] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = progress.add_task(name, note='')
        progress.update(bars[name], completed=done, total=total)

    return show
