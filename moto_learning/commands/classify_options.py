"""The arguments of `moto-data classify`, and what its --help adds to them.

In: its parser. Out: its options, settings, examples.
"""

from __future__ import annotations

import argparse

from moto_core.command import real, whole
from moto_core.fields import keys_help
from moto_learning.classifier.settings import ClassifierSettings

EXAMPLES = """examples:
  moto-data classify data
  moto-data classify data --learn-from data others --out success.pt
  moto-data classify data --use success.pt --threshold 0.95 --label
  moto-data classify data --seed 1 updates=1000 last=3"""


def add_classify_options(part: argparse.ArgumentParser) -> None:
    """Adds everything but the dataset."""
    part.add_argument(
        '--learn-from',
        nargs='+',
        action='extend',
        metavar='DATA',
        help='datasets whose labelled episodes it learns from (default: the dataset itself)',
    )
    part.add_argument(
        '--task', default='', help='of the episodes, where they are of several (default: theirs)'
    )
    part.add_argument(
        '--label',
        action='store_true',
        help='label the episodes that it is sure of; without it nothing is written',
    )
    part.add_argument(
        '--threshold',
        type=real(0.5, below=1),
        help='probability from which an episode is a success; up to 1 minus it, a failure; '
        f'between them nothing (default: {ClassifierSettings.threshold})',
    )
    part.add_argument(
        '--seed', type=whole(0, 2**31), help='of the split, the weights and the draws (default: 0)'
    )
    part.add_argument('--out', metavar='FILE', help='keep it in a file that is not there yet')
    part.add_argument('--use', metavar='FILE', help='take one that was kept; nothing is learned')
    part.formatter_class = argparse.RawDescriptionHelpFormatter
    part.epilog = f'{EXAMPLES}\n\n{keys_help(ClassifierSettings())}'
    part.set_defaults(settings=[], stopped='stopped; the labels that were given are kept')
