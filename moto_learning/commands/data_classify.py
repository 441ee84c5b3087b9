"""What `moto-data classify` does once its arguments are read: learn, measure, judge, label.

In: the arguments and a console. Out: tables of what was found; labels and a classifier's file
where they are asked for; the exit code.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from moto_core.command import output_file
from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.identity import Identity
from moto_core.errors import ConfigError
from moto_learning.classifier.classifier import Classifier, learn_classifier
from moto_learning.classifier.classifier_file import read_classifier, write_classifier
from moto_learning.classifier.judgement import DOUBTFUL, Judged, decide, judge
from moto_learning.classifier.labelled import labelled_episodes, waiting_episodes, waits
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.classifier.split import KINDS, split_by_episode
from moto_learning.commands.classify_tables import confusion_table, decision_table, held_out_lines
from moto_learning.commands.progress import (
    print_left_out,
    print_read_whole,
    progress_bars,
    reading_bars,
)
from moto_learning.data.sources import Found, read_episodes
from moto_learning.run.processor import use_processor

LEARNING = ('learn_from', 'task', 'seed', 'out', 'settings')  # what --use leaves no room for


def classify(args: argparse.Namespace, console: Console) -> int:
    """Judges the episodes that nobody labelled, and labels those it is sure of if asked to."""
    _check_arguments(args)
    dataset = Dataset.open(args.dataset)
    kept = read_classifier(Path(args.use)) if args.use else None
    if kept and dataset.spec and dataset.setup:
        kept.check_robot(dataset.spec, dataset.setup, args.dataset)
    settings = kept.settings if kept else _settings(args)
    use_processor(0 if kept else settings.threads)
    teachers = [] if kept else _teachers(args, dataset)
    found = _read([dataset, *(one for one in teachers if one is not dataset)], console)
    classifier = kept or _learn(args, settings, teachers, found, console)
    threshold = settings.threshold if args.threshold is None else args.threshold
    _print_held_out(classifier, threshold, console)
    waiting = waiting_episodes(dataset, found.episodes, classifier.task)
    for why, count in waiting.left.items():
        console.print(f'{count} episodes without a label are not judged: {why}', soft_wrap=True)
    judged = judge(classifier.network, waiting.episodes, settings.last)
    if judged:
        console.print(decision_table(judged, threshold))
    given = _give(dataset, judged, threshold, classifier.name) if args.label else None
    _print_end(judged, threshold, given, console)
    return 1 if found.skipped else 0


def _check_arguments(args: argparse.Namespace) -> None:
    """Raises ConfigError for what cannot go together, before anything is read."""
    given = [name for name in LEARNING if getattr(args, name) not in (None, '', [])]
    if args.use and given:
        words = [args.settings[0] if name == 'settings' else _option(name) for name in given]
        raise ConfigError(
            f'--use takes a classifier as it was kept, and {", ".join(words)} would make another '
            'one; leave either away'
        )
    if args.out and os.path.lexists(args.out):
        raise ConfigError(f"--out '{args.out}' is there already; take another name")


def _option(name: str) -> str:
    return '--' + name.replace('_', '-')


def _settings(args: argparse.Namespace) -> ClassifierSettings:
    options = {'seed': args.seed, 'threshold': args.threshold}
    given = [f'{name}={value}' for name, value in options.items() if value is not None]
    return load_config(ClassifierSettings, overrides=[*args.settings, *given])


def _read(datasets: Sequence[Dataset], console: Console) -> Found:
    print_read_whole(datasets, console)
    with progress_bars(console) as progress:
        found = read_episodes(datasets, reading=reading_bars(progress))
    print_left_out(found.skipped, console)
    return found


def _teachers(args: argparse.Namespace, dataset: Dataset) -> list[Dataset]:
    """Opens the datasets that are learned from; the one that is judged stays what it is."""
    if args.out:
        output_file('--out', args.out)
    return [
        dataset if _is_same(root, dataset.root) else Dataset.open(root)
        for root in args.learn_from or [args.dataset]
    ]


def _is_same(root: str, other: Path) -> bool:
    return os.path.exists(root) and os.path.samefile(root, other)


def _learn(
    args: argparse.Namespace,
    settings: ClassifierSettings,
    teachers: Sequence[Dataset],
    found: Found,
    console: Console,
) -> Classifier:
    """Fits a classifier to the teachers' labelled episodes, and keeps it where the arguments say.

    Raises as `learn_classifier` does and as what comes before it.
    """
    assert found.spec is not None, args.dataset  # it has an episode
    labelled = labelled_episodes(teachers, found.episodes, args.task)
    if labelled.by_classifier:
        console.print(
            f'{labelled.by_classifier} episodes that a classifier labelled are not learned from',
            soft_wrap=True,
        )
    split = split_by_episode(labelled.episodes, settings.held_out, settings.seed)
    identity = Identity(found.spec, found.setup)
    with progress_bars(console) as progress:
        bar = progress.add_task('learn', total=settings.updates, note='')

        def told(done: int, loss: float) -> None:
            progress.update(bar, completed=done, note=f'loss {loss:.3f}')

        classifier = learn_classifier(split, identity, labelled.task, settings, told)
    if args.out:
        write_classifier(Path(args.out), classifier)
        console.print(f'classifier: {args.out}', soft_wrap=True)
    return classifier


def _print_held_out(classifier: Classifier, threshold: float, console: Console) -> None:
    console.print(
        f'{classifier.name} of {classifier.task}, learned from {len(classifier.learned)} '
        f'episodes; {len(classifier.held_out)} held out, judged by their last '
        f'{classifier.settings.last} rows, threshold {threshold:g}:',
        soft_wrap=True,
    )
    console.print(confusion_table(classifier.held_out, threshold))
    for line in held_out_lines(classifier.held_out, threshold):
        console.print(line, soft_wrap=True)


def _give(dataset: Dataset, judged: Sequence[Judged], threshold: float, by: str) -> dict[str, str]:
    """Labels what is beyond the threshold and still waits; returns the labels by id."""
    given = {}
    for one in judged:
        decision = decide(one.probability, threshold)
        if decision != DOUBTFUL and waits(dataset.find(one.id)):
            dataset.label(one.id, decision, by)
            given[one.id] = decision
    return given


def _print_end(
    judged: Sequence[Judged], threshold: float, given: dict[str, str] | None, console: Console
) -> None:
    decisions = [decide(one.probability, threshold) for one in judged]
    sure = [one for one in decisions if one != DOUBTFUL]
    labels = sure if given is None else list(given.values())
    told = ', '.join(f'{labels.count(kind)} {kind}' for kind in KINDS)
    if not judged:
        line = 'no episode waits for a label'
    else:
        word = 'would be labelled (--label does so)' if given is None else 'labelled'
        line = f'{len(labels)} {word}: {told}; {decisions.count(DOUBTFUL)} left as doubtful'
    if given is not None and len(given) < len(sure):
        line += f'; {len(sure) - len(given)} labelled by somebody else meanwhile'
    console.print(line, soft_wrap=True)
