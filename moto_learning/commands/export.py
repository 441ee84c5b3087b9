"""moto-export: a run's policy as a bundle that runs without torch.

In: the folder of a run, or of one of its checkpoints. Out: FOLDER/<hash> with encoder.onnx,
policy.onnx, manifest.json and selftest.npz, tested against torch before it is left there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from moto_core.command import Parser, importing, output_file, output_folder, run_command
from moto_core.policy.surprise import SurpriseLimits

EXAMPLES = """examples:
  moto-export runs/microwave --out bundles
  moto-export runs/microwave --out bundles --name-file bundles/microwave"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exports; returns 0, 2 after a one-line error, 130 after Ctrl-C."""
    return run_command(_parser, _export, argv)


def _export(args: argparse.Namespace) -> int:
    with importing(args):
        from rich.console import Console

        from moto_learning.export.export import export_run
        from moto_learning.rounds.publishing import Place
        from moto_learning.run.checkpoints import latest_checkpoint
    console = Console(markup=False, highlight=False)
    latest_checkpoint(Path(args.run))
    output_folder('--out', args.out)
    if args.name_file:
        output_file('--name-file', args.name_file)
    with ExitStack() as stack:
        if args.name_file:  # a moto-finetune at work has the name
            place = Place(Path(args.out), Path(args.name_file))
            stack.callback(place.hold().release)
        stack.enter_context(console.status('exporting: two networks, 50 steps compared'))
        done = export_run(args.run, args.out, [Path(path) for path in args.held_out])
        if args.name_file:
            place.publish(done.path)
    threshold = done.disagreement_threshold
    console.print(
        f'{done.path}\n'
        f'self-test: error {done.error:.1e}, step {done.latency * 1e3:.2f} ms (p90), '
        f'least margin {done.margin:.1e}; disagreement threshold '
        f'{"none" if threshold is None else f"{threshold:.3f}"}; '
        f'parent {done.parent[:12] or "none"}',
        soft_wrap=True,
    )
    if done.surprise_limits:
        console.print(_told(done.surprise_limits), soft_wrap=True)
    if done.note:
        console.print(done.note, soft_wrap=True)
    return 0


def _told(limits: SurpriseLimits) -> str:
    return (
        f'surprise over {limits.window} decisions: slower above {limits.slow:.3g} nats, held from '
        f'{limits.hold:.3g}, by the {limits.quantile:.0%} of {limits.episodes} held-out episodes '
        f'({limits.decisions} decisions)'
    )


def _parser() -> Parser:
    parser = Parser('moto-export', __doc__, EXAMPLES)
    parser.add_argument('run', metavar='RUNDIR', help='a run of moto-train, or one checkpoint')
    parser.add_argument(
        '--out', required=True, metavar='FOLDER', help='where the bundle goes, under its hash'
    )
    parser.add_argument(
        '--held-out',
        action='append',
        default=[],
        metavar='DATASET',
        help='of ordinary episodes that the run did not learn from, again for more: the '
        'successful ones say how surprised it ordinarily is, and so what slows and holds the arm',
    )
    parser.add_argument('--name-file', metavar='FILE', help="gets the bundle's path")
    return parser


if __name__ == '__main__':
    sys.exit(main())
