"""moto-sweep: runs of tasks x rows x seeds, as many side by side as there are cores, or by Ray.

In: tasks, rows of the paper, seeds, a preset, recipes of demonstrations. Out: one folder a run, a
table of successes, and those of every run in the folder as sweep.json. Typed again, it goes on
where it was stopped or killed, with what it began with: a preset, row, recipe or number that has
changed meanwhile is refused.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from moto_core.command import Parser, importing, run_command, whole
from moto_learning.commands.setup_options import add_proprioception, add_setup

EXAMPLES = """examples:
  moto-sweep --tasks metaworld-coffee-push --rows moto no_bc --seeds 0 1 --out runs/sweep
  moto-sweep --tasks metaworld-hammer metaworld-assembly --out runs/two evaluate.every=25"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sweep; returns 0, 1 if a run failed, 2 after a one-line error, 130 if stopped."""
    return run_command(_parser, _sweep, argv)


def _sweep(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_learning.commands import sweep_run
    return sweep_run.sweep(args)


def _parser() -> Parser:
    parser = Parser('moto-sweep', __doc__, EXAMPLES)
    parser.add_argument('--tasks', nargs='+', required=True, metavar='TASK', help='of moto_sim')
    parser.add_argument(
        '--rows',
        nargs='+',
        default=['moto'],
        metavar='ROW',
        help='config/train/rows/<name>, or a path',
    )
    parser.add_argument('--seeds', nargs='+', type=whole(0), default=[0], metavar='SEED')
    parser.add_argument(
        '--config', default='laptop', help='config/train/<name>, or a path (default: laptop)'
    )
    parser.add_argument(
        '--demonstrations', type=int, default=10, help='of each task, scripted (default: 10)'
    )
    parser.add_argument(
        '--recipes',
        nargs='+',
        default=[],
        metavar='RECIPE',
        help='of config/data, or YAML files: what the demonstrations of their tasks move '
        '(default: what the task asks for)',
    )
    add_setup(parser, "the recipe's, or the task's own")
    add_proprioception(parser)
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='runs side by side')
    parser.add_argument(
        '--engine',
        choices=('local', 'ray'),
        default='local',
        help='local: processes of this command; ray: tasks of Ray, here with --jobs processors '
        '(default: local)',
    )
    parser.add_argument(
        '--address', default='', help='of a Ray cluster that is there, or auto; with --engine ray'
    )
    parser.add_argument('--out', required=True, metavar='FOLDER', help='made, or gone on with')
    parser.add_argument(
        'settings', nargs='*', metavar='key=value', help='over the config, of every run'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
