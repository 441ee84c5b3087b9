"""Rates and the strip of the disagreement."""

import pytest

from moto_ros.console.tally import Stream, Strip
from tests.ros.told import decided


def test_a_stream_has_its_rate_and_loses_it_in_silence():
    stream = Stream()
    assert stream.age(0.0) is None and stream.rate(0.0) == 0.0
    for beat in range(26):
        stream.heard(beat * 0.08)
    assert stream.rate(2.0) == pytest.approx(12.5)
    assert stream.age(2.5) == pytest.approx(0.5)
    assert 5.0 < stream.rate(3.0) < 7.0  # 12 of them are still within two seconds
    assert stream.rate(9.0) == 0.0


def test_the_strip_holds_the_newest_and_says_where_an_episode_begins():
    strip = Strip()
    for number in range(1000):
        episode = 'a' if number < 600 else 'b'
        strip.take(decided(episode, number, number, disagreement=number / 10), number * 0.08)
    points = strip.points()
    assert len(points) == 750 and points[-1].number == 1000
    assert points[-1].disagreement == 99.9
    assert [point.number for point in points if point.first] == [601]
