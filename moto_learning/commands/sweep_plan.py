"""What a sweep is asked for: runs with their settings, demonstrations with a recipe for each task.

    FOLDER/data/<task>                demonstrations, shared by the task's runs
    FOLDER/data/<task>.yaml           the recipe by which they were recorded
    FOLDER/data/.<task>.new{,.yaml}   both, until all of them are recorded
    FOLDER/<task>/<row>/seed<n>       a run of moto-train, with its log run.log

In: the arguments. Out: a Plan and where its parts lie.
"""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from moto_core.config import config_file, load_config, share_dir
from moto_core.errors import ConfigError
from moto_learning.agents.unread import check_read
from moto_learning.commands.setup_options import SETUP
from moto_learning.config import Config
from moto_learning.data.recipe import NONE, Recipe, load_recipe


@dataclass(frozen=True)
class Cell:
    """One run of the sweep."""

    task: str
    row: str
    seed: int

    def folder(self, out: Path) -> Path:
        """Returns the run's folder."""
        return out / self.task / row_name(self.row) / f'seed{self.seed}'

    @property
    def name(self) -> str:
        """Returns the run's name as it is printed."""
        return f'{self.task} {row_name(self.row)} seed {self.seed}'


class Plan(NamedTuple):
    """What a sweep is asked for."""

    cells: dict[Cell, Config]
    recipes: dict[str, Recipe]  # by task
    demonstrations: int  # of each task
    other_rows: dict[str, Config]  # what rows of config/train/rows that are there would be asked


def cells_there(out: Path) -> list[Cell]:
    """Returns the runs that lie in a sweep's folder, whoever asked for them, in order."""
    runs = [
        Cell(path.parts[-3], path.parts[-2], int(path.name.removeprefix('seed')))
        for path in out.glob('*/*/seed*')
        if re.fullmatch('seed[0-9]+', path.name) and path.is_dir()
    ]
    return sorted(runs, key=lambda cell: (cell.task, cell.row, cell.seed))


def row_name(row: str) -> str:
    """Returns the name of a row of config/train/rows, or of a YAML file of one's own."""
    return Path(row).stem if row.endswith(('.yaml', '.yml')) else row


def data_folder(out: Path, task: str) -> Path:
    """Returns the folder of a task's demonstrations."""
    return out / 'data' / task


def unfinished_folder(out: Path, task: str) -> Path:
    """Returns where a task's demonstrations are until all of them are recorded."""
    return out / 'data' / f'.{task}.new'


def recipe_of(data: Path) -> Path:
    """Returns where the recipe of demonstrations is kept, whole or unfinished: beside them."""
    return data.with_name(f'{data.name}.yaml')


def make_plan(args: argparse.Namespace) -> Plan:
    """Returns what is asked for; raises ConfigError for a name, setting or number that is none."""
    if args.jobs < 1 or args.demonstrations < 1:
        raise ConfigError(
            f'--jobs {args.jobs}, --demonstrations {args.demonstrations}; expected 1 or more'
        )
    if args.address and args.engine != 'ray':
        raise ConfigError(f"--address '{args.address}' is a Ray cluster's: give --engine ray too")
    recipes = _recipes(args)
    _check_settings(args.settings)
    for task, recipe in recipes.items():
        if not data_folder(Path(args.out), task).exists():
            _check_task(recipe)
    _check_rows(args.rows)
    cells = {
        Cell(task, row, seed): _config(args, row, seed)
        for task, row, seed in itertools.product(args.tasks, args.rows, args.seeds)
    }
    shipped = [path.stem for path in (share_dir() / 'config' / 'train' / 'rows').glob('*.yaml')]
    there = {row for row in shipped for task in args.tasks if Path(args.out, task, row).exists()}
    others = {row: _config(args, row, 0) for row in sorted(there - set(args.rows))}
    asked = {cell.row: made for cell, made in cells.items()} | others  # a row's seeds read alike
    check_read([(_config(args, row, made.seed, []), made) for row, made in asked.items()])
    return Plan(
        cells=cells, recipes=recipes, demonstrations=args.demonstrations, other_rows=others
    )


def _config(
    args: argparse.Namespace, row: str, seed: int, given: Sequence[str] | None = None
) -> Config:
    sources = config_file('train', args.config), config_file('train/rows', row)
    typed = args.settings if given is None else given
    settings = ['train.threads=1', *typed, f'seed={seed}']
    return load_config(Config, *sources, overrides=settings)


def _check_settings(settings: Sequence[str]) -> None:
    for one in settings:
        if one.partition('=')[0] == 'seed':
            raise ConfigError(f"'{one}' is no setting of a whole sweep; use --seeds")


def _recipes(args: argparse.Namespace) -> dict[str, Recipe]:
    """Returns the recipe of each task: the one of --recipes, or the task alone, with the setup."""
    found: dict[str, Recipe] = {}
    for name in args.recipes:
        recipe = load_recipe(name)
        if recipe.task not in args.tasks:
            raise ConfigError(
                f"the recipe '{name}' is of '{recipe.task}', which is not among --tasks"
            )
        if found.setdefault(recipe.task, recipe) is not recipe:
            raise ConfigError(f"two of --recipes are of '{recipe.task}'; give one of a task")
    chosen = {name: getattr(args, name) for name in SETUP if getattr(args, name)}
    if args.proprioception is not None:
        chosen['proprioception'] = args.proprioception or [NONE]
    return {task: replace(found.get(task, Recipe(task=task)), **chosen) for task in args.tasks}


def _check_task(recipe: Recipe) -> None:
    """Makes the task's simulator once; raises ConfigError for an unknown task or setup."""
    from moto_sim import tasks
    from moto_sim.setups import choose_setup

    choices = {name: getattr(recipe, name) for name in SETUP}
    tasks.make(recipe.task, choose_setup(recipe.task, **choices)).close()


def _check_rows(rows: Sequence[str]) -> None:
    named: dict[str, str] = {}
    for row in rows:
        other = named.setdefault(row_name(row), row)
        if other != row:
            raise ConfigError(
                f"the rows '{other}' and '{row}' have one name, '{row_name(row)}', and so one "
                'folder; rename one of the files'
            )
