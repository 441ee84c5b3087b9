"""What a sweep says of its runs where nobody watches bars."""

import pytest

from moto_learning.commands.sweep_lines import SweepLines


@pytest.fixture
def heard():
    """Hears a line of a run at a time [s]; returns what has been said since."""
    said, now = [], [0.0]
    lines = SweepLines(said.append, lambda: now[0])

    def hear(seconds, run, line):
        now[0] = seconds
        lines.hear(run, lambda: line)
        told, said[:] = list(said), []
        return told

    return hear


def test_a_run_says_its_last_line_once_a_minute_and_not_the_same_again(heard):
    assert heard(100.0, 'a', 'update 1') == []  # it has just begun
    assert heard(159.0, 'a', 'update 9') == []
    assert heard(160.0, 'a', 'update 10') == ['a: update 10']
    assert heard(219.0, 'a', 'update 15') == []
    assert heard(220.0, 'a', 'update 10') == []
    assert heard(280.0, 'a', '') == []
    assert heard(340.0, 'a', 'update 30') == ['a: update 30']


def test_each_run_has_a_minute_of_its_own(heard):
    assert heard(0.0, 'a', '1') == heard(30.0, 'b', '1') == []
    assert heard(60.0, 'a', '2') == ['a: 2']
    assert heard(60.0, 'b', '2') == []
    assert heard(90.0, 'b', '3') == ['b: 3']
