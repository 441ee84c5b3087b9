"""The bars of moto-train: what stands beside the count of updates."""

from types import SimpleNamespace

import pytest
from rich.progress import Progress

from moto_learning.commands.train_bars import training_bars
from moto_learning.run.counters import ToCome


@pytest.mark.parametrize(
    'behaviour, said', [(-0.004, '0.00'), (0.004, '0.00'), (-0.006, '-0.01'), (1.006, '1.01')]
)
def test_losses_are_said_to_two_digits_and_zero_without_a_sign(behaviour, said):
    training = SimpleNamespace(
        to_come=lambda phase: ToCome(updates=1, episodes=0, starts=0),
        learner=SimpleNamespace(updates=1),
    )
    progress = Progress()
    show = training_bars(progress, training, 'offline')
    show('offline', 1, 2, {'model/loss': 2.0, 'actor/behaviour': behaviour})
    notes = {task.description: task.fields['note'] for task in progress.tasks}
    assert notes['offline'] == f'model 2.00 behaviour {said}'
