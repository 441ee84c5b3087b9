"""moto-data: record demonstrations, look at a dataset, compile it, label it, recover it.

In: a dataset folder. Out: episodes, tables, labels. Needs neither torch nor ROS; `collect` needs
the simulator.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from importlib import import_module

from moto_core.command import Parser, importing, real, run_command, whole
from moto_learning.commands.classify_options import add_classify_options
from moto_learning.commands.setup_options import add_proprioception, add_setup
from moto_learning.exchange.names import READABLE, WRITABLE

EXAMPLES = """examples:
  moto-data collect --task kitchen-microwave --episodes 40 --out data
  moto-data collect --task metaworld-door-open --episodes 40 --out doors
  moto-data collect --task kitchen-mixed --view paper --episodes 40 --out mixed
  moto-data collect --recipe kitchen-partial --episodes 120 --workers 2 --out partial
  moto-data inspect data
  moto-data inspect data --episode last --png frames.png
  moto-data compile data
  moto-data label data last success --by anna
  moto-data classify data --label
  moto-data verify data
  moto-data recover data
  moto-data merge data --into kitchen
  moto-data remove kitchen last
  moto-data stats data --parts
  moto-data stopped data
  moto-data lineage bundles --data data --name-file bundles/use
  moto-data export data --to lerobot --out shared/kitchen
  moto-data import shared/kitchen --format lerobot --into copy"""
ROOMS = {
    'classify': 'data_classify',
    'import_': 'data_exchange',
    'export': 'data_exchange',
    'lineage': 'data_lineage',
    'stopped': 'data_stopped',
}  # action
EPISODE = "an id, its first or last characters, or 'last' for the newest"
LEAST_SIDE, LARGEST_SIDE = 8, 512  # [px] of an image that the simulators draw


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns 0, 1 if damage was found, 2 after a one-line error."""
    return run_command(_parser, _run, argv)


def _run(args: argparse.Namespace) -> int:
    with importing(args):
        from rich.console import Console

        room = import_module(f'moto_learning.commands.{ROOMS.get(args.action, "data_actions")}')
    action = getattr(room, args.action)
    return action(args, Console(markup=False, highlight=False))


def _parser() -> Parser:
    parser = Parser('moto-data', __doc__.split('\n\n')[0], EXAMPLES)
    commands = parser.add_subparsers(dest='command', required=True, metavar='command')
    _collect_arguments(
        _add(commands, 'collect', 'Records demonstrations of a task, or a dataset by a recipe.')
    )
    part = _add(commands, 'inspect', 'Shows the episodes of a dataset, or the rows of one.')
    _dataset(part)
    part.add_argument('--episode', metavar='ID', help=f'one episode: {EPISODE}')
    part.add_argument(
        '--rows',
        type=whole(0),
        default=20,
        help='rows to show, evenly spread; 0 shows all (default: %(default)s)',
    )
    part.add_argument('--png', metavar='FILE', help='write a contact sheet of its frames')
    part.add_argument('--rerun', action='store_true', help='open it in the viewer of rerun-sdk')
    part.add_argument('--rrd', metavar='FILE', help='write it for that viewer')
    _dataset(_add(commands, 'compile', 'Brings the replay cache up to date.', 'compile_'))
    part = _add(commands, 'label', 'Labels one episode; the last label is the one that counts.')
    _dataset(part)
    part.add_argument('episode', help=EPISODE)
    part.add_argument('label', choices=('success', 'failure', 'unlabelled'))
    part.add_argument('--by', default=_user(), help='who says so (default: %(default)s)')
    part = _add(
        commands, 'classify', 'Labels episodes by a classifier learned from labelled ones.'
    )
    _dataset(part)
    add_classify_options(part)
    _dataset(_add(commands, 'recover', 'Recovers unfinished episodes, moves damaged ones aside.'))
    _dataset(_add(commands, 'verify', 'Reads every byte and says what is wrong; changes nothing.'))
    part = _add(commands, 'stats', 'Counts the episodes by task, outcome, controller, profile.')
    _dataset(part)
    part.add_argument(
        '--parts',
        action='store_true',
        help='read the episodes too: how many did 0, 1, ... parts of their task, which, how long',
    )
    part = _add(commands, 'stopped', 'Says on a page why the arm was stopped.')
    _dataset(part)
    part.add_argument(
        'number', type=whole(1), nargs='?', default=1, help='which stop; 1 is the newest'
    )
    part = _add(commands, 'remove', 'Moves episodes to quarantine/ with the reason beside them.')
    _dataset(part)
    part.add_argument(
        'episodes', nargs='+', metavar='ID', help=f"{EPISODE}, or a folder's name in episodes/"
    )
    part.add_argument('--reason', default='removed by hand', help='kept beside it')
    part.add_argument('--delete', action='store_true', help='delete for good')
    part = _add(commands, 'merge', 'Copies the episodes of datasets into another one.', 'merge_')
    part.add_argument('sources', nargs='+', metavar='FROM', help='datasets to read')
    part.add_argument('--into', required=True, metavar='DATASET', help='made if missing')
    part = _add(commands, 'lineage', 'Shows which bundle came of which, and how each did.')
    part.add_argument('bundles', help='the folder of bundles')
    part.add_argument(
        '--data',
        action='append',
        default=[],
        metavar='DATASET',
        help='of episodes that they drove: how many of those with a label succeeded',
    )
    part.add_argument('--name-file', default='', metavar='FILE', help='says which is in use')
    _exchange_arguments(commands)
    return parser


def _exchange_arguments(commands: argparse._SubParsersAction) -> None:
    part = _add(commands, 'import', "Takes other people's episodes into a dataset.", 'import_')
    part.add_argument('place', help='the file or folder to read')
    part.add_argument('--format', required=True, choices=READABLE, help=_list(READABLE))
    part.add_argument('--into', required=True, metavar='DATASET', help='made if missing')
    part.add_argument(
        '--mapping',
        default='',
        metavar='FILE',
        help='YAML that says which of its names are cameras, action, joints, and in which units '
        '(docs/data.md); key=value goes over it. What this project exported needs none',
    )
    part.set_defaults(settings=[])
    part.usage = part.format_usage().removeprefix('usage: ').strip() + ' [key=value ...]'
    part = _add(commands, 'export', 'Writes a dataset in a format of other people.')
    _dataset(part)
    part.add_argument('--to', required=True, choices=WRITABLE, help=_list(WRITABLE))
    part.add_argument('--out', required=True, metavar='PLACE', help='which is not there yet')
    part.add_argument(
        '--videos',
        action='store_true',
        help='lerobot: images as H.264, smaller and not byte for byte (default: PNG)',
    )


def _list(formats: dict[str, str]) -> str:
    return '; '.join(f'{name}: {about}' for name, about in formats.items())


def _add(
    commands: argparse._SubParsersAction, name: str, about: str, action: str = ''
) -> argparse.ArgumentParser:
    part = commands.add_parser(name, help=about, description=about)
    part.set_defaults(action=action or name, stopped='stopped; whole episodes are kept')
    return part


def _dataset(part: argparse.ArgumentParser) -> None:
    part.add_argument('dataset', help='the dataset folder')


def _collect_arguments(part: argparse.ArgumentParser) -> None:
    what = part.add_mutually_exclusive_group(required=True)
    what.add_argument(
        '--task',
        help='for example kitchen-microwave, kitchen-microwave+kettle, metaworld-door-open; '
        "kitchen-mixed and kitchen-partial by the paper's names (D4RL's are the other way round)",
    )
    what.add_argument(
        '--recipe',
        default='',
        help='a recipe of config/data, or a YAML file: task, setup, which objects the episodes '
        'move; kitchen-mixed and kitchen-partial mirror the human data. Stopped, it goes on',
    )
    part.add_argument(
        '--human',
        default='',
        metavar='FILE',
        help='track the human demonstrations of an .npz (docs/kitchen.md) in place of scripted '
        'ones, in turn; those that do what the person did are kept',
    )
    part.add_argument(
        '--episodes',
        type=whole(1),
        default=40,
        help='how many; by a recipe, how many there are in the end (default: %(default)s)',
    )
    part.add_argument(
        '--out',
        required=True,
        metavar='DATASET',
        help='the dataset folder; made if missing, added to if it exists',
    )
    part.add_argument(
        '--noise',
        type=real(0, below=1),
        help="standard deviation added to each action, in [-1, 1] units (default: the recipe's, "
        'or 0.05)',
    )
    part.add_argument(
        '--seed',
        type=whole(0),
        default=0,
        help='of the start states and the noise (default: %(default)s)',
    )
    part.add_argument(
        '--workers',
        type=whole(1, 256),
        default=1,
        help='simulators side by side (default: %(default)s)',
    )
    part.add_argument(
        '--after-success',
        type=whole(0),
        metavar='N',
        help='decisions that an episode runs on after its success (default: 15 in the Kitchen, '
        'to the end in MetaWorld)',
    )
    add_setup(part, "the recipe's, or the task's own")
    part.add_argument(
        '--size',
        type=whole(LEAST_SIDE, LARGEST_SIDE),
        default=64,
        help='of the image [px] (default: %(default)s)',
    )
    add_proprioception(part)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ''


if __name__ == '__main__':
    sys.exit(main())
