"""moto-report: one page about runs and sweeps, beside the paper's curves.

In: folders of moto-train and of moto-sweep, finished or not. Out: report.html, which holds its
pictures and videos, and report.json with every number of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from moto_core.command import Parser, importing, output_folder, run_command, whole

EXAMPLES = """examples:
  moto-report runs/sweep --out runs/report
  moto-report runs/microwave runs/no_bc --videos 0 --out runs/two_runs"""
PAGE, NUMBERS = 'report.html', 'report.json'


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the report; returns 0, 2 after a one-line error, 130 after Ctrl-C."""
    return run_command(_parser, _report, argv)


def _report(args: argparse.Namespace) -> int:
    with importing(args):
        from rich.console import Console

        from moto_core.durable import replace_synced
        from moto_learning.commands.progress import counting_bars, progress_bars
        from moto_learning.report.report import make_report, numbers
        from moto_learning.report.run_page import run_page
        from moto_learning.run.processor import use_processor
    console, out = Console(markup=False, highlight=False), output_folder('--out', args.out)
    use_processor(args.threads)
    with progress_bars(console) as progress:
        folders = [Path(folder) for folder in args.runs]
        report = make_report(folders, args.starts, args.videos, counting_bars(progress))
    for line in report.problems:
        console.print(line, soft_wrap=True)
    found = numbers(report)
    replace_synced(out / NUMBERS, (json.dumps(found, allow_nan=False) + '\n').encode())
    replace_synced(out / PAGE, run_page(found, report.examined))
    console.print(f'report: {out / PAGE}', soft_wrap=True)
    return 0


def _parser() -> Parser:
    parser = Parser('moto-report', __doc__, EXAMPLES)
    parser.add_argument('runs', nargs='+', metavar='RUN', help='folder of a run, or of a sweep')
    parser.add_argument('--out', default='runs/report', help='(default: %(default)s)')
    parser.add_argument(
        '--videos',
        type=whole(0, 100),
        default=2,
        metavar='N',
        help='successes, and as many failures, filmed of each task and row; 0: none, recorded '
        'episodes are looked at and no simulator is needed (default: %(default)s)',
    )
    parser.add_argument(
        '--starts',
        type=whole(1, 1000),
        default=10,
        metavar='N',
        help='held-out episodes run for them (default: %(default)s)',
    )
    parser.add_argument(
        '--threads', type=whole(0, 1024), default=0, help='of torch; 0: one for each core'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
