"""What a sweep is asked for: runs with their settings, demonstrations with a recipe for each task.

    FOLDER/data/<task>                demonstrations, shared by the task's runs
    FOLDER/data/<task>.yaml           the recipe by which they are recorded
    FOLDER/<task>/<row>/seed<n>       a run of moto-train, with its log run.log

In: the arguments. Out: a Plan and where its parts lie.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError
from moto_learning.commands.setup_options import SETUP
from moto_learning.config import Config
from moto_learning.data.recipe import Recipe, load_recipe


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


def row_name(row: str) -> str:
    """Returns the name of a row of config/train/rows, or of a YAML file of one's own."""
    return Path(row).stem if row.endswith(('.yaml', '.yml')) else row


def data_folder(out: Path, task: str) -> Path:
    """Returns the folder of a task's demonstrations."""
    return out / 'data' / task


def unfinished_folder(out: Path, task: str) -> Path:
    """Returns where a task's demonstrations are until all of them are recorded."""
    return out / 'data' / f'.{task}.new'


def recipe_file(out: Path, task: str) -> Path:
    """Returns where the recipe of a task's demonstrations is kept."""
    return out / 'data' / f'{task}.yaml'


def make_plan(args: argparse.Namespace) -> Plan:
    """Returns what is asked for; raises ConfigError for a name, setting or number that is none."""
    if args.jobs < 1 or args.demonstrations < 1:
        raise ConfigError(
            f'--jobs {args.jobs}, --demonstrations {args.demonstrations}; expected 1 or more'
        )
    recipes = _recipes(args)
    for task, recipe in recipes.items():
        if not data_folder(Path(args.out), task).exists():
            _check_task(recipe)
    _check_rows(args.rows)
    cells = {}
    for task, row, seed in itertools.product(args.tasks, args.rows, args.seeds):
        sources = config_file('train', args.config), config_file('train/rows', row)
        settings = ['train.threads=1', *args.settings, f'seed={seed}']
        cells[Cell(task, row, seed)] = load_config(Config, *sources, overrides=settings)
    return Plan(cells, recipes, args.demonstrations)


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
