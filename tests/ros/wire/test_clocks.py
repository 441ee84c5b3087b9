"""Two clocks beside each other: a ROS clock that stands is noticed."""

import pytest

from moto_ros.wire.clocks import StandingClock


def test_a_clock_that_goes_however_slowly_is_none_that_stands():
    clock = StandingClock()
    assert [clock.look(stamp, now) for stamp, now in ((0, 5.0), (1, 6.9), (2, 8.8))] == [''] * 3


@pytest.mark.parametrize(
    ('stamp', 'says'),
    [(0, '/clock says nothing: no decision'), (9, '/clock stands still: no dec')],
)
def test_a_clock_that_says_the_same_for_two_seconds_stands_until_it_goes(stamp, says):
    clock = StandingClock()
    assert clock.look(stamp, 5.0) == clock.look(stamp, 6.9) == ''
    assert clock.look(stamp, 7.0).startswith(says)
    assert clock.look(stamp + 1, 7.1) == ''
    assert clock.look(stamp + 1, 9.0) == ''
    assert clock.look(stamp + 1, 9.2).startswith('/clock stands still')
