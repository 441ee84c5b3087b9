"""moto-demo: the whole path at a small size, each stage one of the project's own commands.

In: embedded defaults (DemoConfig) and `key=value`. Out: a folder with the dataset, the training
run, the bundles, report.html and summary.json.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from moto_core.command import Parser, importing, run_command
from moto_core.packages import need

EXAMPLES = """examples:
  moto-demo --out runs/microwave task=kitchen-microwave demonstrations=10
  moto-demo --out runs/microwave --resume
  moto-demo --out runs/two --config kitchen_two
  moto-demo --show-config seed=1"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demonstration; returns 0, 2 after a one-line error, 130 after Ctrl-C."""
    return run_command(_parser, _demonstrate, argv)


def _demonstrate(args: argparse.Namespace) -> int:
    with importing(args):
        from rich.console import Console

        from moto_core.config import explain_config
        from moto_learning.commands.settings import print_settings
        from moto_learning.report.demo import run_demo
        from moto_learning.report.demo_folder import DemoConfig, demo_sources, open_demo
    if args.show_config:
        sources = demo_sources(args.config)
        print_settings(explain_config(DemoConfig, *sources, overrides=args.overrides))
        return 0
    need('torch', 'onnx', 'mujoco', 'onnxruntime', 'rclpy')  # now, rather than when its turn comes
    console, out = Console(), Path(args.out)
    demo = open_demo(out, args.overrides, args.resume, args.config)
    args.stopped = f'stopped; moto-demo --out {out} --resume goes on with it'
    earlier = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        summary = run_demo(demo.config, out, console, args.started)
    finally:
        signal.signal(signal.SIGTERM, earlier)
        demo.lock.release()
    console.print(
        f'report: {out / "report.html"}   '
        f'before {summary["success"]["before"]["text"]}, '
        f'after {summary["success"]["after"]["text"]}, '
        f'camera covered {summary["success"]["covered"]["text"]}, '
        f'{summary["seconds"]["total"] / 60:.1f} minutes in all',
        soft_wrap=True,
    )
    return 0


def _parser() -> Parser:
    parser = Parser('moto-demo', __doc__.split('\n\n')[0], EXAMPLES)
    parser.add_argument(
        'overrides', nargs='*', metavar='key=value', help='any setting that --show-config lists'
    )
    parser.add_argument(
        '--config',
        default='',
        metavar='NAME',
        help='settings of config/demo/NAME.yaml, or of a YAML file, below those that are typed',
    )
    parser.add_argument(
        '--out',
        default='runs/demo',
        help='folder of the demonstration (default: %(default)s); an earlier one there is kept '
        'under another name, a folder with anything else is refused',
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on with the demonstration in --out, with its settings: finished stages are not '
        'run again',
    )
    parser.add_argument(
        '--show-config',
        action='store_true',
        help='print every setting with its value and where it comes from, and stop',
    )
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
