"""How far the runs of a sweep are, and whether its folder holds the sweep that is asked for.

In: a Plan, the sweep's folder. Out: a run's Standing; an error that names what differs. A sweep
goes on with what it began with: settings (the last checkpoint of a run has them), recipe and
number of demonstrations. `train.online_episodes` alone may change: it says where a run ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from moto_core.config import flatten, load_config, to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, MotoError
from moto_learning.commands.sweep_plan import Plan, data_folder, recipe_file, unfinished_folder
from moto_learning.config import Config
from moto_learning.data.recipe import Recipe
from moto_learning.run.checkpoint_files import CONFIG, read_meta
from moto_learning.run.checkpoints import latest_checkpoint
from moto_learning.run.counters import Counters
from moto_learning.run.heldout import Evaluation, is_finished, read_evaluations

APART = ('seed', 'train.online_episodes')  # settings in which runs of a row may differ
SHOWN = 4  # differences that an error names


class Standing(NamedTuple):
    """How far a run is, by its last checkpoint and its evaluations."""

    config: Config
    counters: Counters
    evaluations: list[Evaluation]

    def finished(self, goal: Config) -> bool:
        """Says whether the run has done all that `goal` asks for, its last evaluation too."""
        return is_finished(self.counters, goal, self.evaluations)


def standing_of(run: Path) -> Standing | None:
    """Returns how far a run is; None of one that has not begun, or whose checkpoint is damaged."""
    with suppress(MotoError, TypeError):  # counters of another version are a TypeError
        checkpoint = latest_checkpoint(run)
        counters = Counters(**read_meta(checkpoint).get('counters', {}))
        config = load_config(Config, checkpoint / CONFIG)
        return Standing(config, counters, read_evaluations(run))
    return None


def check_same(plan: Plan, out: Path) -> None:
    """Raises ConfigError that names what differs if the folder holds another sweep than this."""
    changed = [*_changed_data(plan, out), *_changed_runs(plan, out)]
    if changed:
        more = f' and {len(changed) - SHOWN} more' if len(changed) > SHOWN else ''
        raise ConfigError(
            f"'{out}' was begun otherwise (as it began, as it is asked for now): "
            f'{"; ".join(changed[:SHOWN])}{more}. Give it what it began with, or take another '
            '--out; train.online_episodes alone may change'
        )


def _changed_data(plan: Plan, out: Path) -> Iterator[str]:
    for task, recipe in plan.recipes.items():
        if not recipe_file(out, task).exists():
            continue
        before = load_config(Recipe, recipe_file(out, task))
        yield from (f'{task}: recipe {found}' for found in _differences(before, recipe))
        whole = data_folder(out, task).exists()
        there = _recorded(data_folder(out, task) if whole else unfinished_folder(out, task))
        if there > plan.demonstrations or (whole and there < plan.demonstrations):
            yield f'{task}: demonstrations {there} and {plan.demonstrations}'


def _changed_runs(plan: Plan, out: Path) -> Iterator[str]:
    """Yields how runs that are there differ, other seeds of the same rows among them."""
    rows = {cell.folder(out).parent: config for cell, config in plan.cells.items()}
    for folder, config in rows.items():
        for run in sorted(folder.glob('seed*')):
            found = standing_of(run)
            if found is None:
                continue
            for difference in _differences(found.config, config):
                yield f'{run.relative_to(out)}: {difference}'


def _differences(before: Any, now: Any) -> list[str]:
    """Lists the settings that differ, each with both values, but for those of APART."""
    ours, theirs = dict(flatten(to_dict(before))), dict(flatten(to_dict(now)))
    return [
        f'{name} {value!r} and {theirs[name]!r}'
        for name, value in ours.items()
        if value != theirs[name] and name not in APART
    ]


def _recorded(root: Path) -> int:
    return len(Dataset.open(root).episodes()) if (root / 'episodes').is_dir() else 0
