"""Which runs are seeds of one row: the same settings on the same data, each seed once.

In: runs, read from their folders or from results. Out: the name of each one's row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from moto_core.errors import ConfigError
from moto_learning.report.given import Given
from moto_learning.run.heldout import Evaluation


class Measured(Protocol):
    """What is asked of a run."""

    @property
    def path(self) -> Path:
        """Its folder."""

    @property
    def origin(self) -> str:
        """The folder or the file that it was found in, by name."""

    @property
    def task(self) -> str:
        """Its task; '' if nothing says it."""

    @property
    def row(self) -> str:
        """The row of the paper that it is of."""

    @property
    def seed(self) -> int:
        """Its seed."""

    @property
    def settings(self) -> str:
        """A hash of what the seeds of one row have alike; '' if it is not known."""

    @property
    def given(self) -> Given:
        """The episodes that it was given."""

    @property
    def evaluations(self) -> list[Evaluation]:
        """What was measured."""


def row_names(runs: Sequence[Measured]) -> list[str]:
    """Returns a name for each run's row, one for all that are seeds of it.

    It is the row's name. Where runs of one task and row learned from different episodes, those are
    added; where more differs than seed and length, or nobody knows the episodes, the folder that
    each came from, and a number if that does not tell them apart. Raises ConfigError if one seed
    of a row is there twice.
    """
    found: dict[int, str] = {}
    for key in dict.fromkeys((run.task, run.row) for run in runs):
        group = [(place, run) for place, run in enumerate(runs) if (run.task, run.row) == key]
        kinds = [_kind(run, [one for _, one in group]) for _, run in group]
        several_settings = len({settings for settings, _ in kinds}) > 1
        several_data = len({data for _, data in kinds}) > 1
        names: dict[tuple[str, str], str] = {}
        for (place, run), kind in zip(group, kinds):
            if kind not in names:
                unknown = several_data and not run.given.hash
                about = [run.origin] * (several_settings or unknown)
                about += [str(run.given)] * (several_data and not unknown)
                name = f'{run.row} ({", ".join(about)})' if about else run.row
                free = [name, *(f'{name} {n}' for n in range(2, len(group) + 1))]
                names[kind] = next(one for one in free if one not in names.values())
            found[place] = names[kind]
    ordered = [found[place] for place in range(len(runs))]
    _refuse_twice(runs, ordered)
    return ordered


def _kind(run: Measured, group: Sequence[Measured]) -> tuple[str, str]:
    """Returns a run's settings and data; what is not known of it is that of a seed beside it.

    Without one beside it nothing says that it is a seed of any other run; of runs in one folder
    whose data nobody knows, it is one.
    """

    def known(said: Callable[[Measured], str], alone: Path) -> str:
        beside = [one for one in group if one.path.parent == run.path.parent and said(one)]
        return said(run) or (said(beside[0]) if beside else str(alone))

    return (
        known(lambda one: one.settings, run.path),
        known(lambda one: one.given.hash, run.path.parent),
    )


def _refuse_twice(runs: Sequence[Measured], names: Sequence[str]) -> None:
    first: dict[tuple[str, str, int], Measured] = {}
    for run, name in zip(runs, names):
        other = first.setdefault((run.task, name, run.seed), run)
        if other is not run:
            raise ConfigError(
                f"'{other.path}' and '{run.path}' are both seed {run.seed} of {name} on "
                f'{run.task or "an unknown task"}: one seed twice is not two; give one of them'
            )
