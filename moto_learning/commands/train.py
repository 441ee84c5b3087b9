"""moto-train: world model, critics and policy from a dataset; then from its own episodes.

In: a preset or YAML, datasets, `key=value`. Out: a run's folder with checkpoints and metrics.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from moto_core.config import config_file, load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError, MotoError
from moto_core.version import version
from moto_learning.config import Config
from moto_learning.run.checkpoint import load_checkpoint
from moto_learning.run.processor import use_processor
from moto_learning.run.resume import resumed_config
from moto_learning.run.train import Training

EXAMPLES = """examples:
  moto-train --config small --data data --out runs/door
  moto-train --config small --data data --out runs/door train.offline_updates=2000 seed=1
  moto-train --resume runs/door
  moto-train --resume runs/door --phase online train.online_episodes=50
  moto-train --resume runs/door --phase finetune train.finetune_updates=500"""
NO_REWARD = (
    'no row of the data has a reward: world model and behaviour are learned, but no value. '
    "A robot's episodes get theirs from labels: moto-data label {data} EPISODE success"
)
PHASES = ('all', 'offline', 'online', 'finetune')


def main(argv: Sequence[str] | None = None) -> int:
    """Trains; returns 0, 2 after a one-line error, 130 where it was stopped (and saved)."""
    args = _parser().parse_args(argv)
    console = Console(markup=False, highlight=False)
    try:
        training = _open(args, console)
        return _run(training, args.phase, console)
    except MotoError as error:
        print(f'moto-train: {error}', file=sys.stderr)
        return 2


def _open(args: argparse.Namespace, console: Console) -> Training:
    """Starts a run or resumes one, as the arguments say."""
    wrong = [text for text in args.settings if '=' not in text]
    if wrong:
        raise ConfigError(f"'{wrong[0]}' is not 'key=value'; for example train.offline_updates=10")
    if args.resume:
        return _resume(args, console)
    if not args.data or not args.out:
        raise ConfigError(
            'a new run needs --data DATASET and --out FOLDER (or --resume FOLDER continues one)'
        )
    out = Path(args.out)
    if (out / 'checkpoints').exists():
        raise ConfigError(
            f"'{out}' holds a run already; --resume {out} continues it, or take another --out"
        )
    config = load_config(
        Config, config_file('train', args.config or 'small'), overrides=args.settings
    )
    spec = Dataset.open(args.data[0]).spec
    if spec is None:
        raise DatasetError(
            f"the dataset '{args.data[0]}' has no episodes; record some with 'moto-data collect'"
        )
    use_processor(config.train.threads)
    return Training(config, spec, [Path(path) for path in args.data], out)


def _resume(args: argparse.Namespace, console: Console) -> Training:
    run = Path(args.resume)
    if args.out and Path(args.out) != run:
        raise ConfigError(
            f"--out '{args.out}' differs from --resume '{run}'; a resumed run stays "
            'in its folder: copy it first'
        )
    checkpoint = load_checkpoint(run)
    file = config_file('train', args.config) if args.config else None
    config = resumed_config(checkpoint.config, file, args.settings)
    use_processor(config.train.threads)
    data = [Path(path) for path in (args.data or checkpoint.meta['data'])]
    training = Training(config, checkpoint.spec, data, run, resumed=checkpoint)
    console.print(f'continuing {run} at update {training.learner.updates}')
    if training.left_out and args.phase != 'finetune':
        console.print(
            f'{len(training.left_out)} episodes came later and are not used; '
            '--phase finetune takes them in'
        )
    return training


def _run(training: Training, phase: str, console: Console) -> int:
    """Runs the phases with a progress bar; a signal stops after the update, and saves."""

    def stop(number: int, frame: FrameType | None) -> None:
        training.stopped = True

    if not training.replay.rewarded:
        console.print(NO_REWARD.format(data=training.data[0]), soft_wrap=True)
    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}'),
    )
    try:
        with Progress(*columns, console=console) as progress:
            bars: dict[str, TaskID] = {}

            def show(name: str, done: int, goal: int, metrics: Mapping[str, float]) -> None:
                if name not in bars:
                    bars[name] = progress.add_task(name, total=goal, note='')
                note = ' '.join(
                    f'{label} {metrics[key]:.2f}'
                    for label, key in (('model', 'model/loss'), ('behaviour', 'actor/behaviour'))
                    if key in metrics
                )
                progress.update(bars[name], completed=done, total=goal, note=note)

            training.listener = show
            if phase in ('all', 'offline'):
                training.offline()
            if phase == 'online' or (phase == 'all' and training.config.train.online_episodes):
                training.online()
            if phase == 'finetune':
                training.finetune()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        training.close()
    skipped = f', {training.learner.skipped} skipped' if training.learner.skipped else ''
    console.print(
        f'{"stopped" if training.stopped else "done"} at update '
        f'{training.learner.updates}{skipped}: {training.out}'
    )
    return 130 if training.stopped else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        'moto-train',
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {version()}')
    parser.add_argument(
        '--config', default='', help='config/train/<name>, or a path to a .yaml (default: small)'
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
        help='all: offline, then online where train.online_episodes is not 0; '
        'finetune: a round on what the datasets hold by now',
    )
    parser.add_argument('settings', nargs='*', metavar='key=value', help='over the config')
    return parser


if __name__ == '__main__':
    sys.exit(main())
