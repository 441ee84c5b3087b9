"""Topics that are silent are named, and those only."""

from moto_ros.loops.streams import SILENT, Streams


def test_a_topic_is_silent_half_a_second_after_it_was_expected_or_last_spoke():
    streams = Streams(['camera', 'joints'])
    streams.begin(10.0)
    assert streams.silent(10.0 + SILENT) == []
    streams.heard('camera', 10.4)
    streams.heard('another', 10.4)
    assert streams.silent(10.6) == ['joints']
    assert streams.silent(11.0) == ['camera', 'joints']
    streams.begin(20.0)
    assert streams.silent(20.1) == []
