"""moto-finetune: learns from what a robot logs, beside it, and publishes what is no worse.

In: a run of moto-train, datasets that episodes and labels come to. Out: bundles, and the file that
names the one to use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from moto_core.command import Parser, importing, run_command
from moto_core.fields import keys_help
from moto_learning.rounds.settings import RoundSettings

EXAMPLES = """examples:
  moto-finetune runs/microwave --data data --bundles bundles --name-file bundles/use
  moto-finetune runs/microwave --bundles bundles --name-file bundles/use --once
  moto-finetune runs/microwave --bundles bundles --name-file bundles/use episodes=5 starts=0
beside it, and afterwards:
  moto-up sim:=true policy:=bundles/use policy.follow:=true dataset:=data
  moto-data lineage bundles --data data --name-file bundles/use"""


def main(argv: Sequence[str] | None = None) -> int:
    """Fine-tunes; returns 0, 2 after a one-line error, 130 after Ctrl-C (all is kept)."""
    return run_command(_parser, _finetune, argv)


def _finetune(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_learning.commands import finetune_run
    return finetune_run.finetune(args)


def _parser() -> Parser:
    parser = Parser('moto-finetune', __doc__, f'{EXAMPLES}\n\n{keys_help(RoundSettings())}')
    parser.add_argument('run', metavar='RUNDIR', help='a run of moto-train, which goes on in it')
    parser.add_argument(
        '--data',
        action='append',
        default=[],
        metavar='DATASET',
        help='a dataset to watch beside those that the run learned from; it may not be there yet',
    )
    parser.add_argument(
        '--bundles', required=True, metavar='FOLDER', help='where bundles go, under their hashes'
    )
    parser.add_argument(
        '--name-file',
        required=True,
        metavar='FILE',
        help='names the bundle to use; moves on when one is published',
    )
    parser.add_argument(
        '--held-out',
        action='append',
        default=[],
        metavar='DATASET',
        help="of ordinary episodes, for the limits of the surprise: moto-export's",
    )
    parser.add_argument(
        '--once', action='store_true', help='end when nothing more has come, rather than watch'
    )
    parser.add_argument('settings', nargs='*', metavar='key=value', help='listed below')
    return parser


if __name__ == '__main__':
    sys.exit(main())
