"""moto-train: world model, critics and policy from a dataset; then from its own episodes.

In: a preset or YAML, datasets, `key=value`. Out: a run's folder with checkpoints and metrics.
Started by torchrun, several processes train one run (docs/scale.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from moto_core.command import Parser, importing, run_command
from moto_core.fields import list_keys
from moto_learning.config import Config

EXAMPLES = """examples:
  moto-train --data data --out runs/microwave
  moto-train --config demo --data data --out runs/short train.offline_updates=2000 seed=1
  moto-train --row no_bc --data data --out runs/no_bc
  moto-train --phase offline --data data --out runs/offline
  moto-train --config small --show-config model.rssm.deter=512
  moto-train --resume runs/microwave
  moto-train --resume runs/microwave --phase online train.online_episodes=50
  moto-train --resume runs/microwave --phase finetune train.finetune_updates=500"""
MARKS = """  Marks say where a number or choice is from: [P] the paper (MOTO), [D] DreamerV2,
  whose code it builds on, [L] LOMPO's published code, [C] ours, as the paper is silent or can be
  read in two ways; [D: 0]: DreamerV2 has 0. Units stand in brackets too: [px]. Equations are those
  of docs/method.md."""
PHASES = ('all', 'offline', 'online', 'finetune')


def main(argv: Sequence[str] | None = None) -> int:
    """Trains; returns 0, 2 after a one-line error, 130 after Ctrl-C (saved once it trains)."""
    return run_command(_parser, _train, argv)


def _train(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_learning.commands import train_run
    return train_run.show_config(args) if args.show_config else train_run.train(args)


def _parser() -> Parser:
    parser = Parser('moto-train', __doc__, f'{EXAMPLES}\n\n{_keys()}')
    parser.add_argument(
        '--config', default='', help='config/train/<name>, or a path to a .yaml (default: laptop)'
    )
    parser.add_argument(
        '--row', default='', help='a row of the paper over the config: config/train/rows/<name>'
    )
    parser.add_argument(
        '--data',
        action='append',
        metavar='DATASET',
        help='a dataset to learn from; may be given several times',
    )
    parser.add_argument('--out', metavar='FOLDER', help='of the new run')
    parser.add_argument('--resume', metavar='FOLDER', help='a run to continue, in its own folder')
    parser.add_argument(
        '--phase',
        choices=PHASES,
        default='all',
        help='all: offline, then online if train.online_episodes is not 0; '
        'finetune: a round on what the datasets hold by now',
    )
    parser.add_argument(
        '--show-config',
        action='store_true',
        help='print every setting with its value and where it comes from, and stop',
    )
    parser.add_argument('settings', nargs='*', metavar='key=value', help='over the config')
    return parser


def _keys() -> str:
    """Returns the list of settings, with default and meaning, one a line."""
    lines = ['settings (key=default: meaning); --config has others, --show-config all:', MARKS]
    group = None
    for key in list_keys(Config()):
        if key.group != group:
            group = key.group
            lines.append('')
        default = str(key.default).lower() if isinstance(key.default, bool) else key.default
        shown = "''" if default == '' else default
        lines.append(f'  {key.name}={shown}: {key.about}')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
