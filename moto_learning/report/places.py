"""Finds the runs that a report is asked for.

    FOLDER/{config.yaml, metrics.jsonl, checkpoints/, ...}    a run of moto-train
    FOLDER/<task>/<row>/seed<n>                               the runs of a sweep

In: folders. Out: Places, and a line for each folder without a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moto_learning.run import heldout, journal, metrics
from moto_learning.run.checkpoints import FOLDER

CONFIG = 'config.yaml'
MARKS = (CONFIG, FOLDER, metrics.FILE, journal.FILE, heldout.FILE)  # one of them makes a run


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run lies, and what its place says of it."""

    path: Path
    origin: str  # the name of the folder that the report was given
    task: str = ''  # '': the place says nothing
    row: str = ''


def find_runs(folders: Iterable[Path]) -> tuple[list[Place], list[str]]:
    """Returns the runs in the folders, each once, and a line for each folder without one."""
    found: dict[Path, Place] = {}
    problems: list[str] = []
    for folder in folders:
        here, lines = _runs_in(folder)
        problems += lines
        for place in here:
            found.setdefault(place.path.resolve(), place)
    return list(found.values()), problems


def seed_number(path: Path) -> int:
    """Returns n of a folder seed<n>, 0 of any other."""
    number = path.name.removeprefix('seed')
    return int(number) if number.isascii() and number.isdecimal() else 0


def _runs_in(folder: Path) -> tuple[list[Place], list[str]]:
    name = folder.resolve().name
    if _is_run(folder):
        swept = folder.resolve()
        return [Place(path=swept, origin=name, **_swept(swept))], []
    if not folder.is_dir():
        return [], [f"'{folder}' is no folder; give the folder of a run or of a sweep"]
    seeds = sorted(folder.glob('*/*/seed*'), key=_by_seed)
    runs = [
        Place(path=one, origin=name, task=one.parts[-3], row=one.parts[-2])
        for one in seeds
        if _is_run(one)
    ]
    begun = {place.path for place in runs}
    lines = [f"'{one}' has not begun" for one in seeds if one.is_dir() and one not in begun]
    if not runs:
        lines.append(
            f"'{folder}' holds no run; expected a folder of moto-train --out, or of moto-sweep "
            '(<task>/<row>/seed<n>)'
        )
    return runs, lines


def _swept(path: Path) -> dict[str, str]:
    """Returns task and row of a run that lies as a sweep's do, beside the sweep's data."""
    if len(path.parts) < 5 or not (path.parents[2] / 'data' / path.parts[-3]).is_dir():
        return {}
    return {'task': path.parts[-3], 'row': path.parts[-2]}


def _by_seed(path: Path) -> tuple[str, str, int, str]:
    return path.parts[-3], path.parts[-2], seed_number(path), path.name


def _is_run(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in MARKS)
