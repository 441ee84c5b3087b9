"""Keys as the words of a joystick, believed as a joystick's are."""

import pytest

from moto_ros.console.stick import BUTTONS, Stick
from moto_ros.loops.page_layout import AXES, GRIP, HAND

DEADMAN, PERIOD = 4, 1 / 30


def fresh():
    """A stick whose page was seen with every key up."""
    stick = Stick(DEADMAN)
    assert not any(stick.hear(set(), 0.0, -1.0).buttons)
    return stick


def speak(stick, keys, count, begin=0.0):
    return [stick.hear(keys, 0.01, begin + n * PERIOD) for n in range(count)]


def test_a_joystick_that_begins_lets_go_then_holds_at_rest_then_moves():
    first, second, third = speak(fresh(), {'x+', 'yaw-'}, 3)
    assert first.buttons == [0] * BUTTONS and first.axes == [0.0] * AXES
    assert second.buttons[DEADMAN] == 1 and second.axes == [0.0] * AXES
    assert third.buttons[DEADMAN] == 1
    assert (third.axes[HAND[0]], third.axes[HAND[5]]) == (1.0, -1.0)
    assert sum(map(abs, third.axes)) == 2.0


def test_a_key_that_was_down_before_the_page_was_heard_says_nothing_until_it_was_let_go():
    stick = Stick(DEADMAN)
    assert speak(stick, {'z+'}, 5) == [None] * 5 and 'let every key go' in stick.problem
    assert not any(stick.hear(set(), 0.0, 1.0).buttons) and stick.problem == ''
    assert speak(stick, {'z+'}, 3, begin=2.0)[-1].axes[HAND[2]] == 1.0


def test_a_silence_with_a_key_held_needs_a_new_press_and_no_word_forges_it():
    """Fault 25: who holds on through a stall of the network has not pressed anew."""
    stick = fresh()
    speak(stick, {'z+'}, 5)
    released, *others = speak(stick, {'z+'}, 20, begin=1.0)
    assert released.buttons == [0] * BUTTONS and others == [None] * 19
    assert 'silent for 0.9 s' in stick.problem and 'let every key go' in stick.problem
    speak(stick, {'z+', 'x+'}, 5, begin=2.0)  # another key beside it is no new press
    assert 'silent' in stick.problem
    stick.hear(set(), 0.0, 3.0)
    again, _, moving = speak(stick, {'z+'}, 3, begin=3.0)
    assert again.buttons[DEADMAN] == 0 and not any(again.axes)
    assert moving.axes[HAND[2]] == 1.0 and stick.problem == ''


def test_a_key_that_is_let_go_lets_the_deadman_go_at_once_and_the_stick_rests_on():
    stick = fresh()
    speak(stick, {'z+'}, 5)
    for word in speak(stick, set(), 90, begin=5 * PERIOD):  # a person looks
        assert word.buttons == [0] * BUTTONS and word.axes == [0.0] * AXES
    first, second, third = speak(stick, {'z+'}, 3, begin=95 * PERIOD)
    assert first.buttons[DEADMAN] == 0  # begins anew
    assert second.buttons[DEADMAN] == 1 and not any(second.axes)
    assert third.axes[HAND[2]] == 1.0 and stick.problem == ''


@pytest.mark.parametrize('late', [0.21, 30.0, -0.3, float('nan')])
def test_a_stick_at_rest_whose_words_come_late_is_silent_and_says_so(late):
    """What a connection holds back, or another clock dates, is not the joystick's now."""
    stick = fresh()
    assert speak(stick, set(), 1)[0] is not None
    assert stick.hear(set(), late, PERIOD) is None
    assert f'{late:.1f} s late' in stick.problem
    assert speak(stick, set(), 1, begin=1.0)[0] is not None and stick.problem == ''


@pytest.mark.parametrize('late', [0.21, 30.0, -0.3, float('nan')])
def test_a_word_that_comes_late_is_not_said_and_lets_go_until_a_new_press(late):
    stick = fresh()
    speak(stick, {'z+'}, 5)
    last = stick.hear({'z+'}, late, 5 * PERIOD)
    assert last.buttons[DEADMAN] == 0 and not any(last.axes)
    assert f'{late:.1f} s late' in stick.problem
    assert speak(stick, {'z+'}, 3, begin=6 * PERIOD) == [None] * 3
    assert not any(stick.hear(set(), 0.0, 10 * PERIOD).buttons)
    assert speak(stick, {'z+'}, 3, begin=11 * PERIOD)[-1].axes[HAND[2]] == 1.0


def test_a_key_that_is_let_go_is_heard_however_late():
    stick = fresh()
    speak(stick, {'z+'}, 5)
    assert stick.hear(set(), 5.0, 5 * PERIOD).buttons[DEADMAN] == 0
    assert stick.hear(set(), 5.0, 6 * PERIOD) is None  # once: what comes late is not said


def test_opposite_keys_are_rest_and_unknown_ones_nothing():
    word = speak(fresh(), {'x+', 'x-', 'jump'}, 3)[-1]
    assert not any(word.axes) and sum(word.buttons) == 1


def test_the_gripper_is_an_axis_and_no_button_that_a_lab_may_have_taken():
    for key, way in (('close', -1.0), ('open', 1.0)):
        word = speak(fresh(), {key}, 3)[-1]
        assert word.axes[GRIP] == way and sum(word.buttons) == 1
