"""What moto-data's subcommands do once their arguments are read, one function each.

In: the arguments and a console. Out: episodes, tables, labels; the exit code.
"""

from __future__ import annotations

import argparse
import shutil
from functools import partial
from pathlib import Path

from rich.console import Console

from moto_core.command import importing, output_file
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import FILE
from moto_core.episodes.layout import LOCK, folder_names
from moto_core.episodes.manifest import Record
from moto_core.episodes.merge import merge
from moto_core.episodes.repair import unfinished
from moto_core.errors import ConfigError, DatasetError, counted
from moto_core.lock import is_held
from moto_core.packages import need
from moto_core.plain_file import is_plain
from moto_learning.commands.data_inspect import (
    dataset_table,
    episode_view,
    finding_table,
    write_contact_sheet,
)
from moto_learning.commands.data_parts import deed_tables, read_deeds
from moto_learning.commands.data_rerun import save_episode, show_episode
from moto_learning.commands.data_stats import count_table, sum_table
from moto_learning.commands.progress import (
    print_left_out,
    print_read_whole,
    progress_bars,
    reading_bars,
)
from moto_learning.data.cache import compile_dataset, remove_entries
from moto_learning.data.rendering import rendering_note

LAST = 'last'  # no id can end so: ids have no L


def collect(args: argparse.Namespace, console: Console) -> int:
    """Records demonstrations of a task or by a recipe: scripted ones, or tracked human ones."""
    with importing(args):
        from moto_learning.data.demonstrations import record_demonstrations
        from moto_learning.data.recipe import Recipe, load_recipe
        from moto_sim import tasks  # noqa: F401 - said here if the simulator is missing
    if args.recipe and args.human:
        raise ConfigError(
            f"--human and --recipe '{args.recipe}' both say which objects are moved; take --task, "
            'with --actuation and --view, in place of --recipe'
        )
    recipe = load_recipe(args.recipe) if args.recipe else Recipe(task=args.task)
    wanted = recipe.demonstrations(
        episodes=args.episodes,
        noise=args.noise,
        seed=args.seed,
        robot=args.robot,
        profile=args.profile,
        actuation=args.actuation,
        view=args.view,
        after_success=args.after_success,
        size=args.size,
        proprioception=None if args.proprioception is None else tuple(args.proprioception),
        workers=args.workers,
        human=args.human,
        by_recipe=bool(args.recipe),
    )
    with progress_bars(console) as progress:
        bar = progress.add_task(wanted.task, total=args.episodes, note='')
        done = record_demonstrations(args.out, wanted, lambda _: progress.advance(bar))
    good = sum(record.successful for record in done)
    rows = sum(record.rows for record in done)
    console.print(f'{len(done)} episodes, {rows} rows, {good} successful, in {args.out}')
    if wanted.numbered:
        others = wanted.episodes - len(done)
        why = 'were there already' + (', or came off in no attempt' if wanted.human else '')
        console.print(f'{others} of the {wanted.episodes} episodes {why}')
        dataset = Dataset.open(args.out)
        ours = [record.config_hash == wanted.hash for record in dataset.episodes()]
        if not all(ours):
            console.print(
                f"'{args.out}' holds {len(ours)} episodes: {ours.count(False)} are of other "
                'settings than these (noise, size, recipe, or another version of the program)',
                style='yellow',
                soft_wrap=True,
            )
        _print_parts(dataset, console)
    return 0


def inspect(args: argparse.Namespace, console: Console) -> int:
    """Shows the episodes of a dataset, or the rows and frames of one."""
    dataset = Dataset.open(args.dataset)
    if not args.episode:
        for option in ('png', 'rrd', 'rerun'):
            if getattr(args, option):
                raise ConfigError(f'--{option} needs --episode ID')
        console.print(dataset_table(dataset))
        note = rendering_note([dataset])
        if note:
            console.print(note, style='yellow', soft_wrap=True)
        return 0
    if args.rerun or args.rrd:
        need('rerun')
    for option in ('png', 'rrd'):
        if getattr(args, option):
            output_file(f'--{option}', getattr(args, option))
    record = _find(dataset, args.episode)
    episode = dataset.read(record.id)
    console.print(episode_view(record, episode, args.rows))
    if args.png:
        write_contact_sheet(episode, Path(args.png))
        console.print(f'frames: {args.png}')
    if args.rrd:
        save_episode(record, episode, Path(args.rrd))
        console.print(f'recording: {args.rrd}, for `rerun {args.rrd}`', soft_wrap=True)
    if args.rerun:
        show_episode(record, episode)
    return 0


def compile_(args: argparse.Namespace, console: Console) -> int:
    """Brings the replay cache up to date, and the manifest if nobody records."""
    dataset = Dataset.open(args.dataset)
    dataset.write_index()
    print_read_whole([dataset], console)
    with progress_bars(console) as progress:
        result = compile_dataset(dataset, partial(reading_bars(progress), dataset.root))
    print_left_out(result.skipped, console)
    rows = sum(len(episode) for episode in result.episodes)
    console.print(
        f'{len(result.episodes)} episodes, {rows} rows ready; {len(result.built)} '
        f'compiled now, {len(result.skipped)} left out'
    )
    return 1 if result.skipped else 0


def label(args: argparse.Namespace, console: Console) -> int:
    """Labels one episode; the last label wins and the earlier ones stay on file."""
    dataset = Dataset.open(args.dataset)
    if args.episode == LAST:
        _refuse_unfinished(dataset)
    record = _find(dataset, args.episode)
    dataset.label(record.id, args.label, args.by)
    console.print(f'{record.id}: {record.outcome} -> {args.label}')
    return 0


def recover(args: argparse.Namespace, console: Console) -> int:
    """Recovers unfinished episodes, checks every byte, quarantines damaged files."""
    with Dataset.open(args.dataset, lock=True) as dataset:
        repaired = dataset.verify(repair=True)
        seen = {(found.id, found.reason) for found in repaired}
        opening = [item for item in dataset.findings if (item.id, item.reason) not in seen]
        findings = list(dict.fromkeys([*opening, *repaired]))
        count, left = len(dataset.episodes()), dataset.left_out
    if findings:
        console.print(finding_table(findings))
    console.print(_whole(count, len(findings)))
    return 1 if left else 0


def verify(args: argparse.Namespace, console: Console) -> int:
    """Reads every byte and says what is wrong; changes nothing."""
    dataset = Dataset.open(args.dataset)
    findings = dataset.verify()
    if findings:
        console.print(finding_table(findings))
    console.print(_whole(len(dataset.episodes()), len(findings)))
    return 1 if findings else 0


def remove(args: argparse.Namespace, console: Console) -> int:
    """Moves episodes to quarantine/ with the reason beside them; --delete deletes them there."""
    with Dataset.open(args.dataset, lock=True) as dataset:
        for episode in args.episodes:
            exact = episode in folder_names(dataset.root)  # it need not be a whole episode
            name = episode if exact else _find(dataset, episode).id
            place = dataset.quarantine(name, args.reason)
            if args.delete:
                remove_entries(dataset.root, name)
                shutil.rmtree(place)
            console.print(f'{name}: {"deleted" if args.delete else f"now at {place}"}')
    return 0


def merge_(args: argparse.Namespace, console: Console) -> int:
    """Copies the episodes of datasets into another one; ids and labels stay."""
    sources = [Dataset.open(root) for root in args.sources]
    refused = 0
    with Dataset.create_or_open(args.into) as target:
        for source in sources:
            done = merge(source, target)
            refused += len(done.refused)
            if done.refused:
                console.print(finding_table(done.refused))
            console.print(
                f'{source.root}: {len(done.copied)} copied, {len(done.present)} there already '
                f'({done.labels} labels came), {len(done.refused)} refused'
            )
    return 1 if refused else 0


def stats(args: argparse.Namespace, console: Console) -> int:
    """Counts the episodes by task, outcome, controller and profile, and sums them up."""
    dataset = Dataset.open(args.dataset)
    records = dataset.episodes()
    console.print(count_table(records))
    console.print(sum_table(records, dataset.root))
    if args.parts:
        _print_parts(dataset, console)
    print_left_out(dataset.left_out, console)
    return 0


def _whole(episodes: int, findings: int) -> str:
    return f'{counted(episodes, "episode")} whole; {counted(findings, "finding")}'


def _refuse_unfinished(dataset: Dataset) -> None:
    """Raises DatasetError if an episode is not closed: the last closed one may not be meant."""
    left = unfinished(dataset.root, frozenset())
    left = [path for path in left if not is_plain(path.with_name(FILE))]  # beside one: a leftover
    if not left:
        return
    why = "was never ended: its recorder died, or half of it was copied ('moto-data recover')"
    if is_held(dataset.root / LOCK):
        why = 'is being recorded'
    records = dataset.episodes()
    closed = f'the last closed one is {records[-1].id}' if records else 'no other one is closed'
    raise DatasetError(
        f"'{LAST}' may mean another episode: {left[-1].parent.name} {why}; {closed}. Give "
        'the id of the one that is meant'
    )


def _print_parts(dataset: Dataset, console: Console) -> None:
    with progress_bars(console) as progress:
        deeds = list(read_deeds(dataset, partial(reading_bars(progress, 'read'), dataset.root)))
    for table in deed_tables(deeds):
        console.print(table)


def _find(dataset: Dataset, name: str) -> Record:
    """Returns the episode of an id, of a part of one, or the newest for LAST."""
    records = dataset.episodes()
    return records[-1] if name == LAST and records else dataset.find(name)
