"""moto-demo: the whole path at a small size, each stage one of the project's own commands.

In: embedded defaults (DemoConfig) and `key=value`. Out: a folder with the dataset, the training
run, the bundles, report.html and summary.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from moto_core.config import load_config, to_yaml
from moto_core.errors import MotoError
from moto_core.version import version
from moto_learning.report.demo import DemoConfig, run_demo


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demonstration; returns 0, or 2 after a one-line error."""
    args = _parser().parse_args(argv)
    console = Console()
    try:
        config = load_config(DemoConfig, overrides=args.overrides)
        if args.show_config:
            console.print(to_yaml(config), end='')
            return 0
        summary = run_demo(config, Path(args.out), console, args.resume, args.started)
    except MotoError as error:
        print(f'moto-demo: {error}', file=sys.stderr)
        return 2
    console.print(
        f'report: {Path(args.out) / "report.html"}   '
        f'after fine-tuning {summary["success"]["online"]["text"]}, '
        f'camera covered {summary["success"]["camera_covered"]["text"]}, '
        f'{summary["seconds"]["total"] / 60:.1f} minutes in all'
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='moto-demo',
        description=__doc__.split('\n\n')[0],
        epilog='example: moto-demo --out runs/kettle task=kitchen-kettle demonstrations=60',
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {version()}')
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='any field that --show-config lists'
    )
    parser.add_argument(
        '--out',
        default='runs/demo',
        help='folder of the run (default: '
        '%(default)s); an earlier run there is kept under another name',
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on with the run in --out: finished stages are not run again',
    )
    parser.add_argument('--show-config', action='store_true', help='print the defaults and stop')
    parser.add_argument(
        '--started',
        type=float,
        default=time.time(),
        metavar='UNIX_TIME',
        help='when the set-up began, so that the total includes it',
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
