"""moto-data: record demonstrations, look at a dataset, compile it, label it, recover it.

In: a dataset folder. Out: episodes, tables, labels. Needs neither torch nor ROS; `collect` needs
the simulator.
"""

from __future__ import annotations

import argparse
import getpass
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.merge import merge
from moto_core.errors import ConfigError, MotoError
from moto_core.version import version
from moto_learning.commands.data_inspect import (
    dataset_table,
    finding_table,
    row_table,
    write_contact_sheet,
)
from moto_learning.commands.data_stats import count_table, sum_table

EXAMPLES = """examples:
  moto-data collect --task kitchen-microwave --episodes 40 --out data
  moto-data collect --task metaworld-door-open --episodes 10 --out door
  moto-data collect --task kitchen-mixed --view paper --episodes 40 --out mixed
  moto-data inspect data
  moto-data inspect data --episode 7Q2M --png frames.png
  moto-data label data 7Q2M success --by anna
  moto-data verify data
  moto-data recover data
  moto-data remove data 7Q2M
  moto-data merge monday tuesday --into data
  moto-data stats data"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns 0, 1 where damage was found, 2 after a one-line error."""
    args = _parser().parse_args(argv)
    console = Console(markup=False, highlight=False)
    try:
        return args.run(args, console)
    except MotoError as error:
        print(f'moto-data {args.command}: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'moto-data {args.command}: stopped; whole episodes are kept', file=sys.stderr)
        return 130


def collect(args: argparse.Namespace, console: Console) -> int:
    """Records scripted demonstrations of a task."""
    try:
        from moto_learning.data.demonstrations import Demonstrations, record_demonstrations

        wanted = Demonstrations(
            task=args.task,
            episodes=args.episodes,
            noise=args.noise,
            seed=args.seed,
            robot=args.robot,
            profile=args.profile,
            actuation=args.actuation,
            view=args.view,
            after_success=args.after_success,
            size=args.size,
            workers=args.workers,
        )
        with _progress(console) as progress:
            bar = progress.add_task(args.task, total=args.episodes)
            done = record_demonstrations(args.out, wanted, lambda _: progress.advance(bar))
    except ImportError as error:
        raise ConfigError(f"the simulator is missing ({error}); pip install '.[sim]'") from error
    good = sum(record.successful for record in done)
    rows = sum(record.rows for record in done)
    console.print(f'{len(done)} episodes, {rows} rows, {good} successful, in {args.out}')
    return 0


def inspect(args: argparse.Namespace, console: Console) -> int:
    """Shows the episodes of a dataset, or the rows and frames of one."""
    dataset = Dataset.open(args.dataset)
    if not args.episode:
        if args.png:
            raise ConfigError('--png needs --episode ID')
        console.print(dataset_table(dataset))
        return 0
    record = dataset.find(args.episode)
    episode = dataset.read(record.id)
    console.print(row_table(record, episode, args.rows))
    if args.png:
        write_contact_sheet(episode, Path(args.png))
        console.print(f'frames: {args.png}')
    return 0


def compile_(args: argparse.Namespace, console: Console) -> int:
    """Brings the replay cache up to date."""
    from moto_learning.data.cache import compile_dataset

    with _progress(console) as progress:
        bar = progress.add_task('compile', total=None)
        result = compile_dataset(
            Dataset.open(args.dataset),
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    for name, reason in result.skipped.items():
        console.print(f'skipped {name}: {reason}', style='yellow')
    rows = sum(len(episode) for episode in result.episodes)
    console.print(
        f'{len(result.episodes)} episodes, {rows} rows ready; {len(result.built)} '
        f'compiled now, {len(result.skipped)} skipped'
    )
    return 1 if result.skipped else 0


def label(args: argparse.Namespace, console: Console) -> int:
    """Labels one episode; the last label wins and the earlier ones stay on file."""
    dataset = Dataset.open(args.dataset)
    record = dataset.find(args.episode)
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
    console.print(f'{count} episodes whole; {len(findings)} findings')
    return 1 if left else 0


def verify(args: argparse.Namespace, console: Console) -> int:
    """Reads every byte and says what is wrong; changes nothing."""
    dataset = Dataset.open(args.dataset)
    findings = dataset.verify()
    if findings:
        console.print(finding_table(findings))
    console.print(f'{len(dataset.episodes())} episodes whole; {len(findings)} findings')
    return 1 if findings else 0


def remove(args: argparse.Namespace, console: Console) -> int:
    """Moves episodes to quarantine/ with the reason beside them; --delete deletes them there."""
    with Dataset.open(args.dataset, lock=True) as dataset:
        for episode in args.episodes:
            place = dataset.quarantine(episode, args.reason)
            if args.delete:
                shutil.rmtree(place)
            console.print(f'{episode}: {"deleted" if args.delete else f"now at {place}"}')
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
                f'{source.root}: {len(done.copied)} copied, {len(done.present)} there already, '
                f'{len(done.refused)} refused'
            )
    return 1 if refused else 0


def stats(args: argparse.Namespace, console: Console) -> int:
    """Counts the episodes by task, outcome, controller and profile, and sums them up."""
    dataset = Dataset.open(args.dataset)
    records = dataset.episodes()
    console.print(count_table(records))
    console.print(sum_table(records, dataset.root))
    for name, reason in dataset.left_out.items():
        console.print(f'left out {name}: {reason}', style='yellow')
    return 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='moto-data',
        description=__doc__.split('\n\n')[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {version()}')
    commands = parser.add_subparsers(dest='command', required=True, metavar='command')
    _collect_arguments(commands.add_parser('collect', help=collect.__doc__))
    part = _add(commands, 'inspect', inspect)
    part.add_argument(
        '--episode', metavar='ID', help='one episode: an id, or its first or last characters'
    )
    part.add_argument(
        '--rows',
        type=int,
        default=20,
        help='rows to show, evenly spread; 0 shows all (default: %(default)s)',
    )
    part.add_argument('--png', metavar='FILE', help='write a contact sheet of its frames')
    _add(commands, 'compile', compile_)
    part = _add(commands, 'label', label)
    part.add_argument('episode', help='an id, or its first or last characters')
    part.add_argument('label', choices=('success', 'failure', 'unlabelled'))
    part.add_argument('--by', default=_user(), help='who says so (default: %(default)s)')
    _add(commands, 'recover', recover)
    _add(commands, 'verify', verify)
    _add(commands, 'stats', stats)
    part = _add(commands, 'remove', remove)
    part.add_argument(
        'episodes',
        nargs='+',
        metavar='ID',
        help="an id, its first or last characters, or a folder's name in episodes/",
    )
    part.add_argument('--reason', default='removed by hand', help='kept beside it')
    part.add_argument('--delete', action='store_true', help='delete for good')
    part = commands.add_parser('merge', help=merge_.__doc__, description=merge_.__doc__)
    part.set_defaults(run=merge_)
    part.add_argument('sources', nargs='+', metavar='FROM', help='datasets to read')
    part.add_argument('--into', required=True, metavar='DATASET', help='made if missing')
    return parser


def _add(commands: argparse._SubParsersAction, name: str, run: object) -> argparse.ArgumentParser:
    part = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    part.set_defaults(run=run)
    part.add_argument('dataset', help='the dataset folder')
    return part


def _collect_arguments(part: argparse.ArgumentParser) -> None:
    part.description = collect.__doc__
    part.set_defaults(run=collect)
    part.add_argument(
        '--task',
        required=True,
        help='for example kitchen-microwave, kitchen-microwave+kettle, metaworld-door-open; '
        "kitchen-mixed and kitchen-partial by the paper's names (D4RL's are the other way round)",
    )
    part.add_argument('--episodes', type=int, default=40, help='how many (default: %(default)s)')
    part.add_argument(
        '--out',
        required=True,
        metavar='DATASET',
        help='the dataset folder; made if missing, added to if it exists',
    )
    part.add_argument(
        '--noise',
        type=float,
        default=0.05,
        help='standard deviation added to each action, in [-1, 1] units (default: %(default)s)',
    )
    part.add_argument(
        '--seed',
        type=int,
        default=0,
        help='of the start states and the noise (default: %(default)s)',
    )
    part.add_argument(
        '--workers', type=int, default=1, help='simulators side by side (default: %(default)s)'
    )
    part.add_argument(
        '--after-success',
        type=int,
        metavar='N',
        help='decisions that an episode runs on after its success (default: 15 in the Kitchen, '
        'to the end in MetaWorld)',
    )
    own = " (default: the task's own)"
    part.add_argument('--robot', default='', help='a robot of config/robot, or a YAML file' + own)
    part.add_argument(
        '--profile',
        default='',
        help="the guard's profile: commissioning, normal, ceiling, or none" + own,
    )
    part.add_argument(
        '--actuation',
        default='',
        help="how the joints move: hold, or D4RL's d4rl, which no guard goes with" + own,
    )
    part.add_argument('--view', default='', help='of the camera: front, paper, wide' + own)
    part.add_argument(
        '--size', type=int, default=64, help='of the image [px] (default: %(default)s)'
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ''


if __name__ == '__main__':
    sys.exit(main())
