"""Keys as the words of a joystick, believed as a joystick's are."""

import pytest

from moto_ros.console.stick import AXES, BUTTONS, HAND, Stick

DEADMAN, PERIOD = 4, 1 / 30


def speak(stick, keys, count, begin=0.0):
    return [stick.hear(keys, 0.01, begin + n * PERIOD) for n in range(count)]


def test_a_joystick_that_begins_lets_go_then_holds_at_rest_then_moves():
    first, second, third = speak(Stick(DEADMAN), {'x+', 'yaw-'}, 3)
    assert first.buttons == [0] * BUTTONS and first.axes == [0.0] * AXES
    assert second.buttons[DEADMAN] == 1 and second.axes == [0.0] * AXES
    assert third.buttons[DEADMAN] == 1
    assert (third.axes[HAND[0]], third.axes[HAND[5]]) == (1.0, -1.0)
    assert sum(map(abs, third.axes)) == 2.0


def test_after_a_silence_it_begins_anew():
    stick = Stick(DEADMAN)
    speak(stick, {'z+'}, 5)
    again, _, moving = speak(stick, {'z+'}, 3, begin=1.0)
    assert again.buttons[DEADMAN] == 0 and not any(again.axes)
    assert moving.axes[HAND[2]] == 1.0


def test_a_key_that_is_let_go_lets_the_deadman_go_at_once_and_then_it_is_silent():
    stick = Stick(DEADMAN)
    speak(stick, {'z+'}, 5)
    last = stick.hear(set(), 0.0, 5 * PERIOD)
    assert last.buttons[DEADMAN] == 0 and not any(last.axes)
    assert stick.hear(set(), 0.0, 6 * PERIOD) is None
    assert stick.hear({'z+'}, 0.0, 7 * PERIOD).buttons[DEADMAN] == 0  # begins anew


@pytest.mark.parametrize('age', [0.21, 30.0, -0.3, float('nan')])
def test_a_word_that_comes_late_is_not_said(age):
    stick = Stick(DEADMAN)
    speak(stick, {'z+'}, 5)
    assert stick.hear({'z+'}, age, 5 * PERIOD) is None


def test_opposite_keys_are_rest_and_unknown_ones_nothing():
    word = speak(Stick(DEADMAN), {'x+', 'x-', 'jump'}, 3)[-1]
    assert not any(word.axes) and sum(word.buttons) == 1


def test_the_gripper_is_two_buttons():
    assert speak(Stick(DEADMAN), {'close'}, 3)[-1].buttons[0] == 1
    assert speak(Stick(DEADMAN), {'open'}, 3)[-1].buttons[1] == 1
