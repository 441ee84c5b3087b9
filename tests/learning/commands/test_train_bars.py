"""The bars of moto-train: what stands beside the count of updates."""

from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.progress import Progress

from moto_learning.commands.progress import running_bars
from moto_learning.commands.train_bars import EVERY, training_bars, training_lines
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


def test_a_log_has_a_line_now_and_then_of_how_far_the_run_is():
    now, log = [0.0], StringIO()
    training = SimpleNamespace(
        to_come=lambda phase: ToCome(updates=90, episodes=0, starts=4),
        learner=SimpleNamespace(updates=10),
    )
    show = training_lines(Console(file=log), training, 'all', lambda: now[0])
    for done in range(1, 11):
        now[0] += EVERY / 10
        show('offline', done, 100, {'model/loss': 2.0})
    assert log.getvalue() == 'over 0:04:30 left, update 10 of 100, offline 10 of 100, model 2.00\n'
    now[0] += EVERY - 1
    show('offline', 11, 100, {})
    assert log.getvalue().count('\n') == 1
    now[0] += 1
    show('evaluation', 1, 4, {})
    assert log.getvalue().splitlines()[1].endswith(' left, update 10 of 100, evaluation 1 of 4')


def test_a_round_that_counts_no_starts_ahead_says_what_is_left_of_those_it_tries():
    now, log = [0.0], StringIO()
    training = SimpleNamespace(
        to_come=lambda phase: ToCome(updates=0, episodes=0, starts=0),
        learner=SimpleNamespace(updates=10),
    )
    show = training_lines(Console(file=log), training, 'finetune', lambda: now[0])
    now[0] += EVERY
    show('evaluation', 4, 10, {})
    assert log.getvalue() == '0:03:00 left, update 10 of 10, evaluation 4 of 10\n'


@pytest.mark.parametrize('terminal', [False, True])
def test_what_a_run_said_last_is_shown_as_it_is_and_only_in_a_terminal(terminal):
    screen = StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80, color_system=None)
    with running_bars(console) as progress:
        progress.add_task('task [moto] seed 0', note="parts=[kettle,switch], not '[/data/x]'")
    shown = [word in screen.getvalue() for word in ('[moto]', '[kettle,switch]', '[/data/x]')]
    assert shown == [terminal] * 3
