"""The progress of moto-train: bars in a terminal, a line now and then in a log; with the end.

In: a Training, the phase that was asked for. Out: a listener for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import Progress

from moto_learning.commands.time_left import TimeLeft
from moto_learning.run.counters import ToCome
from moto_learning.run.train import Listener, Training

WHOLE = 'whole run'  # the name of the bar with every update and the time left
KINDS = {'episode': 'episodes', 'evaluation': 'starts'}  # what is told: its kind; else updates
EVERY = 30.0  # [s] between two lines of a log


def training_bars(progress: Progress, training: Training, phase: str) -> Listener:
    """Returns what shows all that a training tells of, in a bar of its own and in one for all."""
    left = TimeLeft()
    bars = {WHOLE: progress.add_task(WHOLE, total=None, note='')}

    def show(name: str, done: int, goal: int, metrics: Mapping[str, float]) -> None:
        if name not in bars:
            bars[name] = progress.add_task(name, total=goal, note='')
        progress.update(bars[name], completed=done, total=goal, note=_losses(metrics))
        left.happened(KINDS.get(name, 'updates'))
        to_come, updates = _to_come(training, phase, name, done, goal), training.learner.updates
        total = updates + to_come.updates
        progress.update(bars[WHOLE], completed=updates, total=total, note=left.text(to_come))

    return show


def training_lines(
    console: Console, training: Training, phase: str, clock: Callable[[], float] = time.monotonic
) -> Listener:
    """Returns what prints how far a training is, at most each `EVERY` seconds: for a log."""
    left, said = TimeLeft(clock), [clock()]

    def show(name: str, done: int, goal: int, metrics: Mapping[str, float]) -> None:
        left.happened(KINDS.get(name, 'updates'))
        if clock() - said[0] < EVERY:
            return
        said[0] = clock()
        to_come, updates = _to_come(training, phase, name, done, goal), training.learner.updates
        total = updates + to_come.updates
        parts = (
            left.text(to_come),
            f'update {updates} of {total}',
            f'{name} {done} of {goal}',
            _losses(metrics),
        )
        console.print(', '.join(part for part in parts if part), soft_wrap=True)

    return show


def _to_come(training: Training, phase: str, name: str, done: int, goal: int) -> ToCome:
    """Returns what is to come of the phase, without the starts evaluated just now.

    A round of fine-tuning counts no starts ahead, and tries policies at `goal` of them.
    """
    to_come = training.to_come(phase)
    if name == 'evaluation':
        to_come = to_come._replace(starts=max(to_come.starts, goal) - done)
    return to_come


def _losses(metrics: Mapping[str, float]) -> str:
    return ' '.join(
        f'{label} {round(metrics[key], 2) + 0.0:.2f}'  # + 0.0: no -0.00
        for label, key in (('model', 'model/loss'), ('behaviour', 'actor/behaviour'))
        if key in metrics
    )
