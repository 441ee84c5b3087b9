"""The progress bars of moto-train: one for each kind of work, one for the whole run with its end.

In: a Training, the phase that was asked for. Out: a listener for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.progress import Progress

from moto_learning.commands.time_left import TimeLeft
from moto_learning.run.train import Listener, Training

WHOLE = 'whole run'  # the name of the bar with every update and the time left
KINDS = {'episode': 'episodes', 'evaluation': 'starts'}  # what is told: its kind; else updates


def training_bars(progress: Progress, training: Training, phase: str) -> Listener:
    """Returns what shows all that a training tells of."""
    left = TimeLeft()
    bars = {WHOLE: progress.add_task(WHOLE, total=None, note='')}

    def show(name: str, done: int, goal: int, metrics: Mapping[str, float]) -> None:
        if name not in bars:
            bars[name] = progress.add_task(name, total=goal, note='')
        note = ' '.join(
            f'{label} {round(metrics[key], 2) + 0.0:.2f}'  # + 0.0: no -0.00
            for label, key in (('model', 'model/loss'), ('behaviour', 'actor/behaviour'))
            if key in metrics
        )
        progress.update(bars[name], completed=done, total=goal, note=note)
        left.happened(KINDS.get(name, 'updates'))
        to_come, updates = training.to_come(phase), training.learner.updates
        if name == 'evaluation':
            to_come = to_come._replace(starts=to_come.starts - done)
        total = updates + to_come.updates
        progress.update(bars[WHOLE], completed=updates, total=total, note=left.text(to_come))

    return show
