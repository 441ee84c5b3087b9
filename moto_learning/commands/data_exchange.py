"""What `moto-data import` and `moto-data export` do once their arguments are read.

In: the arguments and a console. Out: episodes, or a file of somebody else's format; the exit code.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from moto_core.episodes.dataset import Dataset
from moto_learning.commands.progress import progress_bars
from moto_learning.exchange.formats import export_dataset, open_source
from moto_learning.exchange.taking import Taken, take_episodes

FEW = 0.03  # of all action entries may be cut off without a question


def import_(args: argparse.Namespace, console: Console) -> int:
    """Takes the episodes of another format into a dataset, each whole and once."""
    source = open_source(args.format, Path(args.place), args.mapping, args.settings)
    with progress_bars(console) as progress:
        bar = progress.add_task(args.format, total=len(source.places), note='')

        def told(done: Taken) -> None:
            counts = len(done.new), len(done.present), len(done.refused)
            progress.update(bar, completed=sum(counts))

        done = take_episodes(source, args.into, told)
    for line in _refusals(done.refused):
        console.print(f'refused: {line}', soft_wrap=True)
    for note in source.notes if done.new or done.refused else []:
        console.print(note, soft_wrap=True)
    rows = sum(record.rows for record in done.new)
    if done.clipped:
        console.print(_cut_off(done.clipped, rows * source.spec.action_size), soft_wrap=True)
    good = sum(record.successful for record in done.new)
    console.print(
        f'{len(done.new)} episodes, {rows} rows, {good} successful, in {args.into}; '
        f'{len(done.present)} were there already, {len(done.refused)} refused',
        soft_wrap=True,
    )
    if done.new:
        console.print(f'moto-data inspect {args.into} shows them')
    return 1 if done.refused else 0


def _refusals(refused: Mapping[str, str]) -> list[str]:
    """Returns a line for each reason: where, of several their number, the first and the last."""
    places: dict[str, list[str]] = {}
    for where, why in refused.items():
        places.setdefault(why.removeprefix(f'{where}: '), []).append(where)
    lines = []
    for why, found in places.items():
        where = found[0]
        if len(found) > 1:
            where = f'{len(found)} episodes, {found[0]} to {found[-1]}'
        lines.append(why if why.startswith(where) else f'{where}: {why}')
    return lines


def _cut_off(clipped: int, entries: int) -> str:
    line = f'{clipped} of {entries} action entries lay beyond action_scale and were cut off at it'
    if clipped <= FEW * entries:
        return line
    return f"{line}: are action_scale and action_means in the file's units?"


def export(args: argparse.Namespace, console: Console) -> int:
    """Writes a dataset in another format."""
    dataset = Dataset.open(args.dataset)
    with progress_bars(console) as progress:
        bar = progress.add_task(args.to, total=len(dataset.episodes()), note='')
        count, lost = export_dataset(
            args.to,
            dataset,
            Path(args.out),
            args.videos,
            lambda done: progress.update(bar, completed=done),
        )
    console.print(f'{count} episodes in {args.out}. {lost}', soft_wrap=True)
    return 0
