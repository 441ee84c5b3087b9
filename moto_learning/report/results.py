"""Results: what is kept of runs, small enough to lie in the tree as results/<name>.json.

In: Runs, or what files of results hold of them. Out: Kept runs, each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from moto_core.config import load_config
from moto_core.errors import ConfigError
from moto_learning.report.bound import read_lags, read_promises
from moto_learning.report.given import Given
from moto_learning.report.provenance import describe
from moto_learning.report.runs import Run
from moto_learning.report.settings import settings_hash
from moto_learning.run.heldout import Evaluation

Key = tuple[str, str, str, str, int]  # task, row, settings, data, seed


@dataclass(frozen=True, kw_only=True)
class About:
    """What is kept of a run beside its evaluations."""

    path: str = ''  # its folder when it was gathered
    task: str = ''
    row: str = ''  # of the paper
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)  # all that it was asked for
    preset: str = ''  # the shipped one from which its settings differ least
    differences: dict[str, str] = field(
        default_factory=dict
    )  # setting: 'the run's (the preset's)'
    data_hash: str = ''  # of the episodes that it was given, by what they are
    data_ids: str = ''  # by their names
    data_episodes: int = 0
    commit: str = ''
    torch: str = ''
    machine: str = ''
    updates: int = 0
    episodes: int = 0  # online
    finished: bool = False
    diverged: int = 0  # the update at which training was given up; 0: it was not
    wall_seconds: float = 0.0  # without pauses
    cpu_seconds: float | None = None  # None: not recorded
    evaluation_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What rollouts were promised at one checkpoint, beside one task's data (figure 4)."""

    episodes: int = 0  # online ones before it
    task: str = ''  # of the data
    data_max: float = 0.0
    imagined_max: float = 0.0
    imagined_mean: float = 0.0
    imagined_high: float = 0.0  # the 99th percentile
    above: float = 0.0  # share of the imagined steps above the data's maximum
    data_above: float | None = None  # share of the data's own rows; None: not measured
    steps: int = 0


@dataclass(frozen=True, kw_only=True)
class Lag:
    """How far one checkpoint's policy is behind an expert, and its disagreement (Theorem B.1)."""

    episodes: int = 0  # online ones before it
    explore: str = ''  # how the policy acted
    eps_u: float = 0.0  # mean disagreement along the expert's actions, a decision
    gap: float = 0.0  # the expert's mean return less the policy's
    bound: float | None = None  # 2 alpha eps_u over as many decisions; None: without a penalty


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run as results hold it."""

    origin: str  # the name of the results
    about: About
    evaluations: list[Evaluation]
    promises: list[Promise]
    lags: list[Lag] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Its folder when it was gathered, under the name of the results."""
        return Path(self.origin) / self.about.path

    @property
    def task(self) -> str:
        """Its task."""
        return self.about.task

    @property
    def row(self) -> str:
        """The row of the paper that it is of."""
        return self.about.row

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.about.seed

    @cached_property
    def settings(self) -> str:
        """A hash of what the seeds of one row have alike."""
        return settings_hash(self.about.settings)

    @property
    def given(self) -> Given:
        """The episodes that it was given."""
        return Given(self.about.data_hash, self.about.data_episodes, self.about.data_ids)


def keep(runs: Iterable[Run], origin: str) -> tuple[list[Kept], list[str]]:
    """Returns what is kept of runs, and a line for each that says too little of itself.

    A run without an evaluation is kept as well: it is a seed that is missing. One that diverged
    before its first checkpoint was given what the seeds beside it were. Gaps and promised rewards
    are those that `moto-measure --json <run>/bound.json` left.
    """
    kept, problems = [], []
    runs = list(runs)
    beside = {run.path.parent: run.given for run in runs if run.given.hash}
    for run in runs:
        given = run.given if run.given.hash else beside.get(run.path.parent, run.given)
        missing = [
            name
            for name, there in (
                ('settings', run.settings),
                ('task', run.task),
                ('data', given.hash),
            )
            if not there
        ]
        if missing:
            problems.append(f"'{run.path}' is left out: nothing says its {', '.join(missing)}")
            continue
        if given.hash == given.ids and not run.data:
            problems.append(
                f"'{run.path}': what it learned from is not there; its data are named by their "
                'ids, and another recording of the same has another name'
            )
        found = describe(run)
        about = {name: found[name] for name in About.__dataclass_fields__ if name in found} | {
            'settings': run.chosen,
            'data_hash': given.hash,
            'data_ids': given.ids,
            'data_episodes': given.episodes,
            'differences': {
                key: f'{ours} ({theirs})' for key, (ours, theirs) in found['differences'].items()
            },
        }
        kept.append(
            Kept(
                origin=origin,
                about=About(**about),
                evaluations=_once(run.evaluations),
                promises=_promises(load_config(Promise, one) for one in read_promises(run.path)),
                lags=_lags(load_config(Lag, one) for one in read_lags(run.path)),
            )
        )
    return kept, problems


def merge(kept: Iterable[Kept]) -> list[Kept]:
    """Returns the runs in order, each once: the evaluations of all that are kept of it.

    Raises ConfigError if two say other numbers of one evaluation.
    """
    found: dict[Key, Kept] = {}
    for one in _same_data(kept):
        key = _key(one)
        found[key] = _together(found[key], one) if key in found else one
    return sorted(found.values(), key=_order)


def add(
    before: Iterable[Kept], new: Iterable[Kept], replaced: bool = False
) -> tuple[list[Kept], list[str]]:
    """Returns what `merge` does, and a line for each new run that contradicts what is kept.

    Such a run is left out; if `replaced`, it stays and all that was kept of it before goes. Raises
    ConfigError if what was kept contradicts itself.
    """
    found, lines = merge(before), []
    for one in new:
        try:
            found = merge([*found, one])
        except ConfigError as error:
            if replaced:
                alike = [_key(run) for run in _same_data([one, *found])]
                others = [run for run, key in zip(found, alike[1:]) if key != alike[0]]
                found = merge([*others, one])
            lines.append(f'{"replaced" if replaced else "left out"}: {error}')
    return found, lines


def grown(before: Sequence[Kept], merged: Sequence[Kept]) -> tuple[int, int]:
    """Returns how many of the merged runs were not there before, and how many have more of them.

    More evaluations, that is, than what was kept of the same run before.
    """
    alike = _same_data([*before, *merged])
    known = {_key(one): len(one.evaluations) for one in alike[: len(before)]}
    now = [(known.get(_key(one)), len(one.evaluations)) for one in alike[len(before) :]]
    new = sum(earlier is None for earlier, _ in now)
    return new, sum(earlier is not None and count > earlier for earlier, count in now)


def _key(one: Kept) -> Key:
    """Returns what two records of one run have alike."""
    return one.task, one.row, one.settings, one.given.hash, one.seed


def _order(one: Kept) -> tuple[object, ...]:
    """Returns what runs are listed by: a new setting of the schema moves none of them."""
    return one.task, one.row, sorted(one.about.differences.items()), _key(one)


def _same_data(kept: Iterable[Kept]) -> list[Kept]:
    """Returns the runs, those of the same episodes alike even if some could not read them."""
    runs = list(kept)
    read = {run.given.ids: run.given.hash for run in runs if run.given.hash != run.given.ids}
    return [
        replace(run, about=replace(run.about, data_hash=read.get(run.given.ids, run.given.hash)))
        if run.given.ids
        else run
        for run in runs
    ]


def _once(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Returns the last evaluation of each place and number of starts, more starts later."""
    last = {_place(one): one for one in evaluations}
    return [last[key] for key in sorted(last)]


def _promises(found: Iterable[Promise]) -> list[Promise]:
    """Returns the last of each place: of checkpoints within the offline phase, that at its end."""
    last = {(one.episodes, one.task): one for one in found}
    return [last[key] for key in sorted(last)]


def _lags(found: Iterable[Lag]) -> list[Lag]:
    """Returns the last of each place and way to act."""
    last = {(one.episodes, one.explore): one for one in found}
    return [last[key] for key in sorted(last)]


def _place(one: Evaluation) -> tuple[int, str, int, int]:
    return one.episodes, one.explore, one.starts, one.seed


def _said(one: Evaluation) -> tuple[int, list[int], int, int, str]:
    """Returns what two evaluations at one place of one training have alike."""
    return one.successes, one.parts, one.updates, one.decisions, one.policy


def _together(one: Kept, other: Kept) -> Kept:
    """Returns what two say of one run, in all else as the one that was further, or told later."""
    known = {_place(found): found for found in one.evaluations}
    for found in other.evaluations:
        same = known.get(_place(found), found)
        if _said(same) != _said(found):
            raise ConfigError(
                f'seed {one.seed} of {one.row} on {one.task} after {found.episodes} episodes by '
                f"{found.explore}: {same.successes} of {same.starts} in '{one.path}', "
                f"{found.successes} in '{other.path}', of two trainings by their weights or "
                'numbers; leave one of them out'
            )
    further = max(other, one, key=lambda kept: kept.about.updates)  # of equals the first
    return replace(
        further,
        evaluations=_once([*one.evaluations, *other.evaluations]),
        promises=_promises([*one.promises, *other.promises]),
        lags=_lags([*one.lags, *other.lags]),
    )
