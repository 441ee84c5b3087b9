"""Whose keys are the one joystick of a console."""

import pytest

from moto_core.errors import MotoError
from moto_ros.console.driving import Driving
from moto_ros.loops.page_layout import PAGE
from tests.ros.console.played import PlayedNode

ONE, OTHER, DEADMAN = 'one page', 'another', 4


def press(driving, who, count=4):
    """A page whose keys were up presses one."""
    driving.hear(who, set(), 0.0)
    return [driving.hear(who, {'x+'}, 0.0) for _ in range(count)]


def test_a_page_drives_once_it_asked_for_it():
    node = PlayedNode()
    driving = Driving(node, DEADMAN)
    with pytest.raises(MotoError, match='turn driving on'):
        driving.hear(ONE, {'x+'}, 0.0)
    driving.take(ONE)
    assert press(driving, ONE) == [''] * 4 and len(node.moving()) == 2
    assert {joy.header.frame_id for _, joy in node.said} == {PAGE}


def test_driving_stays_with_a_page_that_lets_its_keys_go_until_it_turns_it_off():
    node = PlayedNode()
    driving = Driving(node, DEADMAN)
    driving.take(ONE)
    press(driving, ONE)
    driving.hear(ONE, set(), 0.0)
    said = len(node.said)
    with pytest.raises(MotoError, match='another page drives'):
        driving.take(OTHER)
    for _ in range(9):  # it holds a key and waits
        with pytest.raises(MotoError, match='does not drive'):
            driving.hear(OTHER, {'y+'}, 0.0)
    driving.leave(OTHER)  # it never drove
    assert len(node.said) == said and node.publishers == 1
    driving.leave(ONE)
    assert node.publishers == 0
    with pytest.raises(MotoError, match='turn driving on'):
        driving.hear(OTHER, {'y+'}, 0.0)


def test_a_page_that_takes_over_from_another_lifts_its_keys_first():
    node = PlayedNode()
    driving = Driving(node, DEADMAN)
    driving.take(ONE)
    press(driving, ONE)
    driving.leave(ONE)
    driving.take(OTHER)
    said = len(node.said)
    assert all('let every key go' in driving.hear(OTHER, {'y+'}, 0.0) for _ in range(5))
    assert len(node.said) == said
    press(driving, OTHER)
    assert len(node.said) > said


def test_what_comes_late_or_after_a_silence_is_told():
    driving = Driving(PlayedNode(), DEADMAN)
    driving.take(ONE)
    press(driving, ONE)
    assert '0.3 s late' in driving.hear(ONE, {'x+'}, 0.3)


def test_nobody_drives_without_the_node_that_makes_requests_of_it():
    with pytest.raises(MotoError, match='teleop:=page'):
        Driving(PlayedNode('moto_guard'), DEADMAN).take(ONE)
