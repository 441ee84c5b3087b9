"""How far the runs of a sweep are, and whether its folder holds the sweep that is asked for.

In: a Plan, the sweep's folder. Out: a run's Standing; an error that names what differs. A sweep
goes on with what it began with: settings (the last checkpoint of a run has them), recipe and
number of demonstrations. What may change says where a run ends and which checkpoints stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from moto_core.config import flatten, load_config, to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record
from moto_core.episodes.reader import read_header
from moto_core.errors import ConfigError, MotoError
from moto_core.spec import is_known, setup_mismatches
from moto_learning.agents.unread import is_read
from moto_learning.commands.setup_options import SETUP
from moto_learning.commands.sweep_plan import Plan, data_folder, recipe_of, unfinished_folder
from moto_learning.config import Config
from moto_learning.data.recipe import Recipe
from moto_learning.run.checkpoint_files import CONFIG, read_meta
from moto_learning.run.checkpoints import latest_checkpoint
from moto_learning.run.counters import Counters
from moto_learning.run.heldout import Evaluation, is_finished, read_evaluations
from moto_sim.setups import choose_setup

FREE = ('train.online_episodes', 'train.milestone_updates', 'train.milestone_episodes')
APART = (  # settings in which runs of a row may differ; rounds of fine-tuning are none of a sweep
    *('seed', 'train.finetune_updates', *FREE),
)
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
    """Raises ConfigError that names what differs if the folder holds another sweep than this.

    Also if it holds unfinished demonstrations that this program cannot go on with.
    """
    runs = list(_changed_runs(plan, out))
    changed = [*_changed_data(plan, out), *(f'{run.relative_to(out)}: {one}' for run, one in runs)]
    if changed:
        more = f' and {len(changed) - SHOWN} more' if len(changed) > SHOWN else ''
        raise ConfigError(
            f"'{out}' was begun otherwise (as it began, as it is asked for now): "
            f'{"; ".join(changed[:SHOWN])}{more}. Give it what it began with{_own_row(runs)}, or '
            f'take another --out; {", ".join(FREE)} alone may change'
        )
    _check_unfinished(plan, out)


def _own_row(runs: Sequence[tuple[Path, str]]) -> str:
    """Says how a run goes on whose row, of config/train/rows, is not what it was."""
    if not runs:
        return ''
    row = runs[0][0].parent.name
    return (
        f" (if it is config/train/rows/{row}.yaml that has changed since: '--rows {row}.yaml' and "
        'a file of your own of that name, with what it said)'
    )


def _check_unfinished(plan: Plan, out: Path) -> None:
    """Raises ConfigError for unfinished demonstrations that another version began."""
    for task, recipe in plan.recipes.items():
        root = unfinished_folder(out, task)
        there = [] if data_folder(out, task).exists() else _episodes(root)
        if any(record.config_hash != recipe.demonstrations().hash for record in there):
            raise ConfigError(
                f"'{root}' holds {len(there)} demonstrations of a recording that another version "
                'of the program began; this one cannot tell which of its own are there. Delete '
                'the folder, and all are recorded anew'
            )


def _changed_data(plan: Plan, out: Path) -> Iterator[str]:
    """Yields how demonstrations that are there differ, those that somebody put there as well."""
    for task, recipe in plan.recipes.items():
        whole = data_folder(out, task).exists()
        root = data_folder(out, task) if whole else unfinished_folder(out, task)
        there = _episodes(root)
        found = []
        if there and recipe_of(root).exists():
            before = load_config(Recipe, recipe_of(root))
            found = [f'recipe {one}' for one in _differences(before, recipe)]
        if there and not found:
            found = _changed_episodes(there, recipe)
        yield from (f'{task}: {one}' for one in found)
        if len(there) > plan.demonstrations or (whole and len(there) < plan.demonstrations):
            yield f'{task}: demonstrations {len(there)} and {plan.demonstrations}'


def _episodes(root: Path) -> list[Record]:
    return Dataset.open(root).episodes() if (root / 'episodes').is_dir() else []


def _changed_episodes(there: Sequence[Record], recipe: Recipe) -> list[str]:
    """Lists how episodes differ from what a recipe asks for, by what they say themselves."""
    asked = choose_setup(recipe.task, **{name: getattr(recipe, name) for name in SETUP})
    found = [f'demonstrations of {name}' for name in {one.task for one in there} - {recipe.task}]
    recorded = there[0].setup
    if is_known(recorded, asked):
        found += [f'setup {one}' for one in setup_mismatches(recorded, asked)]
    else:
        found.append(f'setup not known and {to_dict(asked)}')
    stored = read_header(there[0].path).spec.proprioception
    wanted = recipe.demonstrations().proprioception
    if wanted is not None and tuple(stored) != wanted:
        found.append(f'proprioception {list(stored)} and {list(wanted)}')
    return found


def _changed_runs(plan: Plan, out: Path) -> Iterator[tuple[Path, str]]:
    """Yields runs that are there with how each differs; other seeds and rows of a task, too."""
    rows = {cell.folder(out).parent: config for cell, config in plan.cells.items()}
    for task in {cell.task: None for cell in plan.cells}:
        for folder in (out / task).glob('*'):
            if folder not in rows and folder.name in plan.other_rows:
                rows[folder] = plan.other_rows[folder.name]
    for folder, config in rows.items():
        for run in sorted(folder.glob('seed*')):
            found = standing_of(run)
            if found is None:
                continue
            for difference in _differences(found.config, config):
                yield run, difference


def _differences(before: Any, now: Any) -> list[str]:
    """Lists the settings that differ, each with both values, but for those of APART.

    What a run's agent does not read is no difference.
    """
    ours, theirs = dict(flatten(to_dict(before))), dict(flatten(to_dict(now)))
    return [
        f'{name} {value!r} and {theirs[name]!r}'
        for name, value in ours.items()
        if value != theirs[name] and name not in APART
        if is_read(ours, name) or is_read(theirs, name)
    ]
