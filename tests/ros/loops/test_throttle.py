"""A stream is bounded over time and not cut by jitter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_ros.loops.throttle import Throttle


def passed(throttle, times, amount=1.0):
    """The times of those that pass."""
    found = []
    for now in times:
        if throttle.credit(now) > 0.0:
            throttle.take(now, amount)
            found.append(now)
    return found


def test_a_thousand_a_second_become_125():
    times = 100.0 + np.arange(2000) * 1e-3
    assert len(passed(Throttle(125.0), times)) == pytest.approx(250, abs=2)


def test_a_stream_at_the_bound_passes_whole_although_it_jitters():
    random = np.random.default_rng(0)
    times = 100.0 + np.arange(500) * 0.08 + random.uniform(-0.01, 0.01, 500)
    assert len(passed(Throttle(12.5), times)) >= 495


def test_a_pause_gives_no_more_than_the_burst_and_one():
    throttle = Throttle(10.0)
    assert passed(throttle, [1.0]) == [1.0]
    assert passed(throttle, [9.0, 9.001, 9.002, 9.003]) == [9.0, 9.001]


def test_what_is_larger_than_the_burst_passes_and_is_waited_for():
    throttle = Throttle(20e6, burst=20e6)
    times = 1.0 + np.arange(100) * 0.1
    found = passed(throttle, times, amount=50e6)
    assert np.diff(found).min() >= 1.5 and len(found) == pytest.approx(10 * 20 / 50, abs=1)


@given(
    st.floats(0.5, 500.0),
    st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 20.0)), max_size=80),
)
def test_no_stream_passes_more_than_the_rate_the_burst_and_one_amount(rate, stream):
    throttle, now, total = Throttle(rate, burst=2.0), 50.0, 0.0
    for pause, amount in stream:
        now += pause
        if throttle.credit(now) > 0.0:
            throttle.take(now, amount)
            total += amount
    assert total <= rate * (now - 50.0) + 2.0 + 20.0 + 1e-6
