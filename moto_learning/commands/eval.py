"""moto-eval: episodes of a policy in the simulator, counted and filmed.

In: a bundle, a run, or 'zero', 'random', 'scripted'; a task. Out: a table, JSON, a video.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from moto_core.command import Parser, importing, run_command, whole
from moto_learning.commands.setup_options import add_setup

EXAMPLES = """examples:
  moto-eval --policy bundles/microwave --task kitchen-microwave --json microwave.json
  moto-eval --policy runs/microwave --task kitchen-microwave --video microwave.mp4
  moto-eval --policy scripted --task kitchen-kettle --episodes 20 --seed 5
  moto-eval --policy scripted --task metaworld-door-open --video door.mp4
  moto-eval --policy scripted --task kitchen-mixed --view paper --profile none
  moto-eval --policy bundles/microwave --task kitchen-microwave --cover-camera"""


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluates; returns 0, 2 after a one-line error, 130 after Ctrl-C."""
    return run_command(_parser, _evaluate, argv)


def _evaluate(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_learning.commands.eval_run import evaluate_policy
    return evaluate_policy(args)


def _parser() -> Parser:
    parser = Parser('moto-eval', __doc__, EXAMPLES)
    parser.add_argument(
        '--policy',
        required=True,
        metavar='NAME',
        help="a bundle's folder (or a file with its path), a run's folder, or "
        "'zero', 'random', 'scripted'",
    )
    parser.add_argument(
        '--task',
        required=True,
        help='for example kitchen-microwave, metaworld-door-open; kitchen-mixed and '
        "kitchen-partial by the paper's names (D4RL's are the other way round)",
    )
    parser.add_argument('--episodes', type=whole(1), default=10, help='(default: %(default)s)')
    parser.add_argument(
        '--seed',
        type=whole(0, 2**32 - 1),
        default=1000,
        help='episode i resets with seed + i (default: %(default)s)',
    )
    parser.add_argument(
        '--max-steps',
        type=whole(0),
        default=0,
        help="decisions an episode (default: the task's own)",
    )
    add_setup(parser, "the policy's, or the task's own")
    parser.add_argument(
        '--cover-camera',
        action='store_true',
        help='show the policy black images: what it does without its eyes',
    )
    parser.add_argument('--video', metavar='FILE.mp4', help='of all the episodes')
    parser.add_argument('--json', metavar='FILE', help='gets the table as JSON')
    return parser


if __name__ == '__main__':
    sys.exit(main())
