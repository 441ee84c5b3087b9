"""What moto-train does once its arguments are read: start or resume a run, show its progress.

In: the arguments. Out: a run's folder; the exit code.
"""

from __future__ import annotations

import argparse
import signal
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from moto_core.command import output_folder
from moto_core.config import config_file, explain_config, load_config
from moto_core.errors import ConfigError, counted, unknown_name
from moto_learning import processes
from moto_learning.agents.learner import LEARNERS
from moto_learning.agents.unread import check_read
from moto_learning.commands.progress import (
    print_left_out,
    print_read_whole,
    progress_bars,
    reading_bars,
)
from moto_learning.commands.settings import print_settings
from moto_learning.commands.sweep_summary import success_of
from moto_learning.commands.train_bars import training_bars, training_lines
from moto_learning.commands.train_lacks import lacking
from moto_learning.config import Config
from moto_learning.data.rendering import rendering_note, simulators_rendering
from moto_learning.data.sources import (
    EPISODES,
    common_spec,
    open_datasets,
    own_dataset,
    own_episodes,
)
from moto_learning.run.checkpoints import is_begun, latest_checkpoint, load_checkpoint
from moto_learning.run.heldout import read_evaluations
from moto_learning.run.journal import Journal
from moto_learning.run.processor import use_processor
from moto_learning.run.resume import names_of, resumed_config, tidy_run
from moto_learning.run.train import Training
from moto_learning.run.watch import TrainingError

PRESET = 'laptop'  # what docs/results.md is measured with


def train(args: argparse.Namespace) -> int:
    """Starts a run or resumes one, and runs its phases; returns the exit code."""
    processes.join()
    if args.phase == 'finetune' and processes.number() > 1:
        raise ConfigError('--phase finetune runs in one process: start it without torchrun')
    console = Console(markup=False, highlight=False, quiet=not processes.leads())
    training = _resume(args, console) if args.resume else _start(args, console)
    print_read_whole(training.datasets, console)
    print_left_out(training.skipped, console)
    code = _run(training, args.phase, console)
    processes.leave()
    return code


def show_config(args: argparse.Namespace) -> int:
    """Prints every setting that these arguments give with where it comes from; returns 0."""
    sources: list[Any] = []
    if args.resume:
        before = load_checkpoint(args.resume).config
        _check(
            resumed_config(before, _file(args), []),
            resumed_config(before, _file(args), args.settings),
        )
        sources.append(latest_checkpoint(Path(args.resume)) / 'config.yaml')
    else:
        _check(
            load_config(Config, *_sources(args)),
            load_config(Config, *_sources(args), overrides=args.settings),
        )
    if args.config or not args.resume:
        sources += _sources(args)
    print_settings(explain_config(Config, *sources, overrides=args.settings))
    return 0


def _start(args: argparse.Namespace, console: Console) -> Training:
    if not args.data or not args.out:
        raise ConfigError(
            'a new run needs --data DATASET and --out FOLDER (or --resume FOLDER continues one)'
        )
    out = Path(args.out)
    if is_begun(out):
        raise ConfigError(
            f"'{out}' holds a run already; --resume {out} continues it, or take another --out"
        )
    config = load_config(Config, *_sources(args), overrides=args.settings)
    _check(load_config(Config, *_sources(args)), config)
    _check_collected(out, config)
    data = open_datasets([Path(path) for path in args.data])
    spec = common_spec(data)
    output_folder('--out', out)
    use_processor(config.train.threads)
    with progress_bars(console) as progress:
        return Training(config, spec, data, out, reading=reading_bars(progress))


def _check(before: Config, after: Config) -> None:
    """Raises ConfigError for an agent that there is not, or a setting that it does not read."""
    if after.agent not in LEARNERS:
        raise ConfigError(unknown_name('agent', after.agent, LEARNERS))
    check_read([(before, after)])


def _check_collected(out: Path, config: Config) -> None:
    """Raises ConfigError if a run that begins anew would set aside what one collected there."""
    others = set(Journal(out, names_of(config, None)).superseded(0))
    lost = others & own_episodes(out)
    if lost:
        raise ConfigError(
            f"'{out}' has no checkpoint, but {len(lost)} episodes that it collected under other "
            f'settings: --config {out / "config.yaml"} takes them in, if it holds those; or move '
            f"'{out / EPISODES}' elsewhere and give it as one more --data"
        )


def _resume(args: argparse.Namespace, console: Console) -> Training:
    run = Path(args.resume)
    if args.row:
        raise ConfigError(
            f"--row '{args.row}' begins a run; the one in '{run}' keeps its own: leave --row away"
        )
    if args.out and Path(args.out) != run:
        raise ConfigError(
            f"--out '{args.out}' differs from --resume '{run}'; a resumed run stays "
            'in its folder: copy it first'
        )
    processes.from_first(lambda: tidy_run(run))
    checkpoint = load_checkpoint(run)
    config = resumed_config(checkpoint.config, _file(args), args.settings)
    _check(resumed_config(checkpoint.config, _file(args), []), config)
    output_folder('--resume', run)
    use_processor(config.train.threads)
    data = [Path(path) for path in (args.data or checkpoint.meta['data'])]
    with progress_bars(console) as progress:
        reading = reading_bars(progress)
        training = Training(
            config, checkpoint.spec, data, run, resumed=checkpoint, reading=reading
        )
    console.print(f'continuing {run} at update {training.learner.updates}')
    if training.left_out and args.phase != 'finetune':
        console.print(
            f'{len(training.left_out)} episodes came later and are not used; '
            '--phase finetune takes them in'
        )
    return training


def _sources(args: argparse.Namespace) -> list[Path]:
    """Returns the files of a new run's settings, the later ones over the earlier."""
    rows = [config_file('train/rows', args.row)] if args.row else []
    return [config_file('train', args.config or PRESET), *rows]


def _file(args: argparse.Namespace) -> Path | None:
    return config_file('train', args.config) if args.config else None


def _run(training: Training, phase: str, console: Console) -> int:
    """Runs the phases with a progress bar; a signal stops after the update, and saves."""

    def stop(number: int, frame: FrameType | None) -> None:
        training.stopped = True

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if phase == 'finetune':
            before = set(training.skipped)
            console.print(_new_data(training.begin_round()))
            left = {key: why for key, why in training.skipped.items() if key not in before}
            print_left_out(left, console)
        for line in lacking(training):
            console.print(line, soft_wrap=True)
        if training.unsimulated and training.config.evaluate.every:
            console.print(f'nothing is evaluated: {training.unsimulated}', soft_wrap=True)
        if processes.leads():
            training.prepare(phase)
            _warn_of_rendering(training, phase, console)
        with progress_bars(console, left=False) if console.is_terminal else nullcontext() as bars:
            shown = training_bars(bars, training, phase) if bars else None
            training.listener = shown or training_lines(console, training, phase)
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
        for episode, reason in training.discarded.items():
            console.print(f'set aside {episode}: {reason}')
    if training.learner.skipped == training.learner.updates > 0:
        raise TrainingError(
            f'none of {training.learner.updates} updates had finite gradients: nothing was '
            f"learned. Look at penalty.alpha and the rates, and at '{training.out}/nonfinite'"
        )
    skipped = f', {training.learner.skipped} skipped' if training.learner.skipped else ''
    last = read_evaluations(training.out)[-1:]
    found = f', {success_of(last[0])}' if last else ''
    console.print(
        f'{"stopped" if training.stopped else "done"} at update '
        f'{training.learner.updates}{skipped}{found}: {training.out}',
        soft_wrap=True,
    )
    if training.stopped:
        console.print(f'moto-train --resume {training.out} goes on', soft_wrap=True)
    elif last:
        console.print(f'moto-report {training.out} makes a page of it', soft_wrap=True)
    return 130 if training.stopped else 0


def _warn_of_rendering(training: Training, phase: str, console: Console) -> None:
    """Prints a line if the run's images were not all drawn alike, those yet to come too."""
    to_come = training.to_come(phase)
    simulator = simulators_rendering() if to_come.episodes or to_come.starts else ''
    note = rendering_note([*training.datasets, *own_dataset(training.out)], simulator)
    if note:
        console.print(note, style='yellow', soft_wrap=True)


def _new_data(new: tuple[int, int] | None) -> str:
    """Says in a line what a round of fine-tuning takes in."""
    if new is None:
        return 'going on with the round that was stopped'
    return ', '.join(map(counted, new, ('new episode', 'new label')))
