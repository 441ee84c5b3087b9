"""moto-measure: what a run's world model says, at every checkpoint it kept.

In: a run, expert episodes. Out: a table and JSON: the mean disagreement along the expert's actions
(eps_u of Theorem B.1), the bound 2 alpha eps_u, the expert's return less the policy's, and the
reward that rollouts are promised beside the data's maximum.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moto_core.command import Parser, importing, output_file, run_command, whole
from moto_core.durable import replace_synced

if TYPE_CHECKING:
    from rich.table import Table

    from moto_learning.report.measure import Gap, Measured

COLUMNS = (
    'updates',
    'episodes',
    'eps_u\na decision',
    'gap of 2 alpha eps_u\nreturn an episode',
    'predicted, data\nreward a decision',
)
EXAMPLES = """examples:
  moto-measure runs/microwave --json bound.json
  moto-measure runs/microwave --data data --episodes 5 --horizon 5"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures; returns 0, 2 after a one-line error, 130 after Ctrl-C."""
    return run_command(_parser, _measure, argv)


def _measure(args: argparse.Namespace) -> int:
    with importing(args):
        from dataclasses import asdict

        from rich.console import Console

        from moto_learning.commands.progress import progress_bars
        from moto_learning.report.measure import measure_run
        from moto_learning.run.processor import use_processor
    console = Console(markup=False, highlight=False)
    if args.json:
        output_file('--json', args.json)
    use_processor(args.threads)
    with progress_bars(console) as progress:
        bar = progress.add_task('checkpoints', total=None, note='', visible=False)
        found = measure_run(
            Path(args.run),
            [Path(path) for path in args.data or []],
            most=args.episodes,
            horizon=args.horizon or 0,
            seed=args.seed,
            listener=lambda done, goal: progress.update(
                bar, completed=done, total=goal, visible=True
            ),
        )
    console.print(_table(found))
    if all(point.eps_u is None for point in found.points):
        console.print(
            f'no eps_u: no expert episode has H = {found.horizon} decisions in a row, of which it '
            f'is the mean (they have {found.expert.decisions:.0f} on average); give a smaller '
            '--horizon'
        )
    if args.json:
        replace_synced(Path(args.json), (json.dumps(asdict(found), indent=1) + '\n').encode())
        console.print(args.json)
    return 0


def _table(found: Measured) -> Table:
    from rich.table import Table

    expert = found.expert
    table = Table(
        title=f'{expert.episodes} expert episodes: return {expert.return_:.1f} in '
        f'{expert.decisions:.0f} decisions; H = {found.horizon}'
    )
    for name in COLUMNS:
        table.add_column(name)
    for point in found.points:
        table.add_row(
            str(point.updates),
            str(point.episodes),
            '-' if point.eps_u is None else f'{point.eps_u:.3f}',
            '\n'.join(_gap(gap) for gap in point.gaps) or '-',
            _promised(point.reward),
        )
    return table


def _gap(gap: Gap) -> str:
    """Says a gap, and its bound if there is one."""
    return f'{gap.explore} {gap.gap:.1f}' + ('' if gap.bound is None else f' of {gap.bound:.1f}')


def _promised(reward: Mapping[str, Mapping[str, float]]) -> str:
    """Says the largest predicted reward and the data's, of each task if there are several."""
    name = '{task} ' if len(reward) > 1 else ''
    line = name + '{imagined_max:.2f}, {data_max:.2f}'
    return '\n'.join(line.format(task=task, **found) for task, found in reward.items())


def _parser() -> Parser:
    parser = Parser('moto-measure', __doc__, EXAMPLES)
    parser.add_argument('run', help="a run's folder")
    parser.add_argument(
        '--data',
        action='append',
        metavar='DATASET',
        help='of expert episodes, again for more; held-out demonstrations are fairer (default: '
        'what the run learned from)',
    )
    parser.add_argument(
        '--episodes',
        type=whole(1),
        default=20,
        help='at most of each task, and of the expert, drawn by --seed; the largest reward of the '
        'data is of all (default: %(default)s)',
    )
    parser.add_argument(
        '--horizon',
        type=whole(1),
        help="H, steps of replays and rollouts (default: the run's own)",
    )
    parser.add_argument('--seed', type=whole(0), default=0, help='of what is drawn (default: 0)')
    parser.add_argument(
        '--threads', type=whole(0), default=1, help='of torch; 0: all cores (default: 1)'
    )
    parser.add_argument('--json', metavar='FILE', help='gets everything as JSON')
    return parser


if __name__ == '__main__':
    sys.exit(main())
