"""Reads what a run has written so far.

In: Places. Out: Runs, and a line for each thing that is missing or damaged. Nothing is written
and nothing locked: a run may be trained meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import MotoError, one_line
from moto_learning.config import Config
from moto_learning.data.sources import EPISODES
from moto_learning.report.given import Given, given_episodes
from moto_learning.report.places import CONFIG, Place, seed_number
from moto_learning.report.settings import read_settings, settings_hash
from moto_learning.rounds import journal as rounds_journal
from moto_learning.rounds.journal import Round, read_rounds
from moto_learning.run import heldout, journal, metrics
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.heldout import Evaluation, read_evaluations
from moto_learning.run.journal import Entry, read_journal
from moto_learning.run.metrics import read_metrics


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it is now."""

    path: Path
    origin: str
    task: str  # '' if nothing says it
    row: str  # the sweep's, else by its settings
    config: Config | None  # None if it cannot be read
    chosen: dict[str, Any]  # its settings by dotted key; {} if they are not known
    meta: dict[str, Any]  # of the last checkpoint; {} without one
    data: list[Path]  # datasets that are there
    given: Given  # what it learned from and did not make itself
    evaluations: list[Evaluation]
    journal: list[Entry]
    metrics: list[dict[str, Any]]
    rounds: list[Round]  # of moto-finetune
    problems: list[str]

    @property
    def seed(self) -> int:
        """The run's seed; the one that its folder is named after if its settings are unknown."""
        return self.config.seed if self.config else seed_number(self.path)

    @property
    def settings(self) -> str:
        """A hash of what the seeds of one row have alike: all but seed and length; '' unknown."""
        return settings_hash(self.chosen)


def read_run(place: Place) -> Run:
    """Reads a run; what is missing or damaged becomes a line of its problems."""
    path = place.path
    problems: list[str] = []
    config, chosen = _config(path, problems)
    meta = _meta(path, problems)
    evaluations, entries, rows, rounds = _files(path, problems)
    if not evaluations and not rounds:  # rounds try starts of their own
        asked = config is not None and config.evaluate.every
        more = '' if asked else ': evaluate.every makes them'
        problems.append(f'it has no evaluations yet{more}')
    evaluations = evaluations_of(evaluations, meta, problems)
    data = [Path(one) for one in meta.get('data', ())]
    beside = path.parents[2] / 'data' / place.task if place.task else None
    if beside is not None and not all(one.is_dir() for one in data):
        data = [beside]  # a sweep that was moved
    there = [one for one in data if one.is_dir()]
    return Run(
        path=path,
        origin=place.origin,
        task=place.task or _task(config, [path / EPISODES, *there], problems),
        row=place.row or _row(config),
        config=config,
        chosen=chosen,
        meta=meta,
        data=there,
        given=_given(meta, entries, there, problems),
        evaluations=evaluations,
        journal=entries,
        metrics=rows,
        rounds=rounds,
        problems=problems,
    )


def _config(path: Path, problems: list[str]) -> tuple[Config | None, dict[str, Any]]:
    """Returns the settings as the program has them now, if it can, and as the run wrote them."""
    if not (path / CONFIG).exists():
        problems.append(f'{CONFIG} is not there yet')
        return None, {}
    chosen: dict[str, Any] = {}
    try:
        chosen = read_settings(path / CONFIG)
        return load_config(Config, path / CONFIG), chosen
    except (MotoError, OSError) as error:
        problems.append(f'its settings are of another version: {one_line(error, 200)}')
        return None, chosen


def _meta(path: Path, problems: list[str]) -> dict[str, Any]:
    """Returns what the last checkpoint says; asks twice, as one may be removed meanwhile."""
    said = ''
    for _ in range(2):
        try:
            return load_checkpoint(path).meta
        except (MotoError, OSError) as error:
            said = one_line(error, 300)
    problems.append(said)
    return {}


def _given(
    meta: dict[str, Any], entries: Sequence[Entry], data: Sequence[Path], problems: list[str]
) -> Given:
    own = [entry.id for entry in entries]
    try:
        return given_episodes(meta, own, data)
    except (MotoError, OSError) as error:
        problems.append(one_line(error, 200))
        return given_episodes(meta, own, ())


def _files(
    path: Path, problems: list[str]
) -> tuple[list[Evaluation], list[Entry], list[dict[str, Any]], list[Round]]:
    found: list[Any] = []
    for name, read in (
        (heldout.FILE, read_evaluations),
        (journal.FILE, read_journal),
        (metrics.FILE, read_metrics),
        (rounds_journal.FILE, read_rounds),
    ):
        try:
            lines = _whole_lines(path / name)  # first: more may come meanwhile
            found.append(read(path))
            damaged = lines - len(found[-1])
            if damaged > 0:
                problems.append(f'{name}: {damaged} damaged lines are left out')
        except OSError as error:
            found.append([])
            problems.append(f'{name} cannot be read: {error.strerror or error}')
    return found[0], found[1], found[2], found[3]


def evaluations_of(
    found: Sequence[Evaluation], meta: Mapping[str, Any], problems: list[str]
) -> list[Evaluation]:
    """Returns the evaluations under the run's settings of now, of each place the first training's.

    A place is a number of online episodes: what was fine-tuned after it is not there any more.
    """
    name = meta.get('settings', '')
    ours = [one for one in found if '' in (name, one.settings) or one.settings == name]
    first: dict[int, int] = {}
    for one in ours:
        first[one.episodes] = min(one.updates, first.get(one.episodes, one.updates))
    kept = [one for one in ours if one.updates == first[one.episodes]]
    for number, why in (
        (len(found) - len(ours), 'under settings that the run has left'),
        (len(ours) - len(kept), 'of weights that were trained on without new online episodes'),
    ):
        if number:
            problems.append(f'{heldout.FILE}: {number} evaluations {why} are left out')
    return kept


def _whole_lines(path: Path) -> int:
    """Counts the lines that are not empty; one that does not end yet is being written."""
    if not path.exists():
        return 0
    lines = path.read_bytes().split(b'\n')
    return sum(bool(line.strip()) for line in lines[:-1])


def _task(config: Config | None, roots: Sequence[Path], problems: list[str]) -> str:
    if config is not None and config.collect.task:
        return config.collect.task
    for root in roots:
        if not (root / 'episodes').is_dir():
            continue
        try:
            tasks = sorted({record.task for record in Dataset.open(root).episodes()})
        except (MotoError, OSError) as error:
            problems.append(one_line(error, 200))
            continue
        if len(tasks) == 1:
            return tasks[0]
    problems.append('nothing says which task it learns: its data is gone, or of several')
    return ''


def _row(config: Config | None) -> str:
    """Returns the row of the paper that settings are of: their learner and its two weights."""
    if config is None:
        return 'unknown'
    if config.agent == 'latent_replay':
        return 'combo' if config.latent.conservatism else 'lompo'
    if config.agent != 'moto':
        return config.agent
    without = [
        name
        for name, weight in (
            ('bc', config.actor_critic.actor.beta),
            ('unc', config.actor_critic.penalty.alpha),
        )
        if not weight
    ]
    return '_'.join(f'no_{name}' for name in without) or 'moto'
