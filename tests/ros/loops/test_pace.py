"""When the guard ticks."""

from __future__ import annotations

import pytest

from moto_core.guard.state import GuardConfig
from moto_ros.loops.pace import Pace

CONFIG = GuardConfig(rate=250.0, gap=0.05)
TICK = CONFIG.tick


def test_nominal_ticks_are_as_long_as_they_should_be_however_they_are_called():
    pace, made = Pace(CONFIG, nominal=True), []
    for call in (0.0, 0.0035, 0.0085, 0.0121, 0.0125):
        made.append(list(pace.times(call)))
    first = made[0][0]
    assert first == pytest.approx(-0.5 * TICK)
    assert [len(times) for times in made] == [1, 1, 1, 1, 0]
    assert [time for times in made for time in times] == pytest.approx(
        [first + n * TICK for n in range(4)]
    )
    assert pace.ticks == 4 and pace.late == 0


def test_a_late_call_makes_the_ticks_that_are_due_and_counts():
    pace = Pace(CONFIG, nominal=True)
    list(pace.times(0.0))
    assert len(list(pace.times(4 * TICK))) == 4
    assert pace.late == 1 and pace.now == pytest.approx(3.5 * TICK)


def test_after_a_gap_one_tick_is_made_and_none_is_made_up_for():
    pace = Pace(CONFIG, nominal=True)
    list(pace.times(0.0))
    assert not pace.gapped(0.04) and pace.gapped(0.06)
    assert list(pace.times(0.06)) == pytest.approx([0.06 - 0.5 * TICK])
    assert not pace.gapped(0.06)


def test_an_arm_that_follows_velocities_has_one_tick_a_call():
    pace = Pace(CONFIG, nominal=False)
    assert [list(pace.times(now)) for now in (0.0, 0.004, 0.5)] == [[0.0], [0.004], [0.5]]
    assert pace.late == 1 and not pace.gapped(5.0)


def test_what_is_due_at_a_rate_is_due_again_whatever_calls_make_two_ticks():
    pace, said = Pace(CONFIG, nominal=True), []
    now = 0.0
    for _ in range(50):
        now += 2 * TICK  # each call makes two ticks, the first one
        list(pace.times(now))
        said.append(pace.due('one', 125.0))
        pace.due('other', 10.0)
    assert all(said)
    list(pace.times(now + TICK))
    assert not pace.due('one', 125.0)
    list(pace.times(now + 2 * TICK))
    assert pace.due('one', 125.0) and not pace.due('one', 125.0)
