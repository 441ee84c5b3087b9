"""What moto-finetune does once its arguments are read: open the run, watch, say what happened.

In: the arguments. Out: rounds; the exit code.
"""

from __future__ import annotations

import argparse
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from types import FrameType

from rich.console import Console

from moto_core.command import output_file, output_folder
from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_learning.commands.progress import print_left_out, progress_bars, reading_bars
from moto_learning.commands.round_words import begun_words, ended_words
from moto_learning.commands.train_bars import training_bars, training_lines
from moto_learning.rounds.arrivals import Arrivals
from moto_learning.rounds.publishing import Place
from moto_learning.rounds.rounds import Rounds
from moto_learning.rounds.settings import RoundSettings
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.processor import use_processor
from moto_learning.run.resume import resumed_config, tidy_run
from moto_learning.run.train import Training


def finetune(args: argparse.Namespace) -> int:
    """Runs rounds until it is stopped or, with --once, nothing is left to do."""
    console = Console(markup=False, highlight=False)
    settings = load_config(RoundSettings, overrides=args.settings)
    output_folder('--bundles', args.bundles)
    output_file('--name-file', args.name_file)
    os.nice(settings.nice)
    training = _open(Path(args.run), [Path(path) for path in args.data], settings, console)
    try:
        rounds = Rounds(
            training,
            Place(Path(args.bundles), Path(args.name_file)),
            settings,
            coming=_coming(args.data, training),
            held_out=[Path(path) for path in args.held_out],
            begun=lambda found: console.print(begun_words(found), soft_wrap=True),
            ended=lambda found: console.print(ended_words(found), soft_wrap=True),
        )
    except BaseException:
        training.close()
        raise
    try:
        return _run(rounds, args.once, console)
    finally:
        rounds.close()
        training.close()


def _open(run: Path, given: list[Path], settings: RoundSettings, console: Console) -> Training:
    tidy_run(run)
    checkpoint = load_checkpoint(run)
    updates = [f'train.finetune_updates={settings.updates}'] if settings.updates else []
    config = resumed_config(checkpoint.config, None, updates)
    use_processor(settings.threads or config.train.threads)
    data, moved = _learned_from([Path(path) for path in checkpoint.meta['data']], given)
    with progress_bars(console) as progress:
        reading = reading_bars(progress)
        training = Training(
            config, checkpoint.spec, data, run, resumed=checkpoint, reading=reading, gone=not moved
        )
    if training.gone:
        console.print(
            f'{len(training.gone)} episodes that the run learned from are gone, the first is '
            f'{training.gone[0]}; it goes on without them',
            soft_wrap=True,
        )
    return training


def _learned_from(learned: list[Path], given: list[Path]) -> tuple[list[Path], bool]:
    """Returns the datasets of a run, and whether those given stand in for one that is elsewhere.

    Raises DatasetError if one is not there and none is given.
    """
    there = [path for path in learned if path.is_dir()]
    if there == learned:
        return learned, False
    away = next(path for path in learned if path not in there)
    if not given:
        raise DatasetError(
            f"the run learned from '{away}', which is not there; say where it lies now with --data"
        )
    return there + [path for path in given if path.is_dir() and path not in there], True


def _coming(data: list[str], training: Training) -> list[Path]:
    """Returns the datasets that the run does not have; raises DatasetError for another robot's."""
    there = {root.resolve() for root in training.data}
    found = {path.resolve(): path for path in map(Path, data) if path.resolve() not in there}
    for root in list(found.values()):
        if root.exists() and not (root.is_dir() and not any(root.iterdir())):
            Dataset.open(root)  # what is no dataset is said now
    return list(found.values())


def _run(rounds: Rounds, once: bool, console: Console) -> int:
    training = rounds.training

    def stop(number: int, frame: FrameType | None) -> None:
        training.stopped = True

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        rounds.begin()
        said, told = '', set[str]()
        while not training.stopped:
            found = rounds.look()
            if rounds.is_due(found):
                _train(rounds, console)
                continue
            text, wanted = _arrived(found), rounds.settings.episodes
            _say_left_out(rounds, told, console)
            if once:
                few = f'fewer than the {wanted} that a round takes'
                console.print(f'{text}: {few if found.taken else "nothing more to learn from"}')
                break
            if text != said:
                console.print(f'{text}; waiting for {wanted} to learn from')
                said = text
            rounds.wait()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    if training.stopped:
        console.print('stopped; the same command goes on')
    return 130 if training.stopped else 0


def _say_left_out(rounds: Rounds, told: set[str], console: Console) -> None:
    """Prints what lies in the datasets and cannot be used, each once."""
    left = rounds.training.skipped | rounds.others
    for dataset in rounds.training.datasets:
        left |= dataset.left_out
    print_left_out({key: why for key, why in left.items() if key not in told}, console)
    told |= left.keys()


def _train(rounds: Rounds, console: Console) -> None:
    training = rounds.training
    with progress_bars(console, left=False) if console.is_terminal else nullcontext() as bars:
        shown = training_bars(bars, training, 'finetune') if bars else None
        rounds.listener = shown or training_lines(console, training, 'finetune')
        rounds.round()


def _arrived(found: Arrivals) -> str:
    """Says what lies in the datasets that was not learned from."""
    parts = [
        (len(found.new), 'new'),
        (len(found.labelled), 'labelled anew'),
        (len(found.unlabelled), 'without a label, which moto-data label gives'),
        (len(found.apart), 'held out to judge by'),
    ]
    return ', '.join(f'{count} {kind}' for count, kind in parts if count) or 'no new episode'
