"""What a joystick asks of the arm: by hand, and what must never make it jump."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_core.kinematics import Kinematics
from moto_ros.config import NONE, TeleopButtons, TeleopParams
from moto_ros.console.stick import Stick
from moto_ros.loops.person import PersonPolicy
from moto_ros.loops.teleop import LET_GO, Teleop

KITCHEN, FR3 = load_robot('kitchen_sim'), load_robot('fr3')
DEADMAN = 4


class Person:
    """A person at a joystick that speaks every 50 ms."""

    def __init__(self, robot=KITCHEN, sticks='joints', **params):
        self.teleop = Teleop(robot, TeleopParams(sticks=sticks, **params), DEADMAN)
        self.now, self.acts, self.home = 100.0, [], np.array(robot.home)

    def says(self, axes=(), *buttons, after=0.05):
        """Says where the axes are and which buttons are down; returns what is asked for."""
        self.now += after
        down = [int(place in buttons) for place in range(11)]
        self.acts = self.teleop.hear([*axes, *[0.0] * (8 - len(axes))], down, self.now)
        return self.teleop.request(self.home, self.now)

    def begins(self):
        """Connects, presses the deadman with the sticks at rest."""
        self.says()
        self.says((), DEADMAN)
        return self

    def lets_go(self, seconds):
        """Lets the deadman go, and says so for a while."""
        for _ in range(round(seconds / 0.05) + 1):
            self.says()


def test_axes_ask_for_their_joints_beyond_the_dead_zone_at_the_speed():
    person = Person(speed=0.5, dead_zone=0.2).begins()
    asked = person.says((0.6, -1.0, 0.2, -0.1), DEADMAN)
    # (0.6 - 0.2) / 0.8 of half of 2 rad/s; full; at and below the dead zone
    assert asked == pytest.approx([0.5, -1.0, 0, 0, 0, 0, 0, 0, 0])


LABS = {  # settings of a lab's joystick: (params, its deadman)
    'default': ({}, DEADMAN),
    'signs': ({'hand_signs': [-1] * 6}, DEADMAN),
    'axes': ({'hand_axes': [1, 0, 7, 6, 4, 3]}, DEADMAN),
    'pairs': ({'sticks': 'pairs'}, DEADMAN),
    'joints': ({'sticks': 'joints'}, DEADMAN),
    'buttons': ({'buttons': TeleopButtons(close=5, take_over=4, open=9)}, 0),
}


@pytest.mark.parametrize('lab', LABS)
def test_the_pages_keys_mean_what_they_say_whatever_joystick_a_lab_has_set_up(lab):
    given, deadman = LABS[lab]
    home, twists = np.array(KITCHEN.home), {}
    for key in ('x+', 'y-', 'z+', 'yaw+', 'close', 'open'):
        teleop = Teleop(KITCHEN, TeleopParams(**given), deadman)
        stick, now = Stick(deadman), 100.0
        stick.hear((), 0.0, now)
        for _ in range(4):
            now += 0.033
            word = stick.hear({key}, 0.0, now)
            assert teleop.hear(word.axes, word.buttons, now, page=True) == []
        asked = teleop.request(home, now)
        moved = KITCHEN.chain().jacobian(home) @ asked[:7]
        twists[key] = [*np.sign(np.where(np.abs(moved) > 0.05, moved, 0.0)), *np.sign(asked[7:])]
    assert twists == {
        'x+': [1, 0, 0, 0, 0, 0, 0, 0],
        'y-': [0, -1, 0, 0, 0, 0, 0, 0],
        'z+': [0, 0, 1, 0, 0, 0, 0, 0],
        'yaw+': [0, 0, 0, 0, 0, 1, 0, 0],
        'close': [0, 0, 0, 0, 0, 0, -1, -1],
        'open': [0, 0, 0, 0, 0, 0, 1, 1],
    }


def test_between_the_page_and_a_joystick_the_deadman_is_pressed_anew():
    person = Person(sticks='joints').begins()
    assert person.says((1.0,), DEADMAN).any()
    down = [int(place == DEADMAN) for place in range(11)]
    word = [0.0, 1.0, *[0.0] * 6], down  # as many axes as the joystick has
    for _ in range(5):
        person.now += 0.05
        person.teleop.hear(*word, person.now, page=True)
        assert not person.teleop.request(person.home, person.now).any()
    assert person.teleop.sticks == 'hand'
    assert not person.says((1.0,), DEADMAN).any() and person.teleop.sticks == 'joints'


def test_a_page_without_kinematics_says_why_nothing_moves():
    robot = replace(KITCHEN, kinematics=Kinematics())
    teleop, now = Teleop(robot, TeleopParams(sticks='joints'), DEADMAN), 100.0
    for held in (0, 1, 1):
        now += 0.033
        teleop.hear([0.0] * 9, [0, 0, 0, 0, held], now, page=True)
        assert not teleop.request(np.array(KITCHEN.home), now).any()
    assert 'no kinematics' in teleop.problem


def test_without_the_deadman_the_arm_is_asked_to_rest_at_once():
    person = Person().begins()
    assert person.says((1.0,), DEADMAN)[0] > 0
    assert not person.says((1.0,)).any()


def test_a_silent_joystick_asks_for_rest_whoever_asks_it():
    person = Person(silence=0.25).begins()
    assert person.says((1.0,), DEADMAN)[0] > 0
    assert person.teleop.request(person.home, person.now + 0.24)[0] > 0
    assert not person.teleop.request(person.home, person.now + 0.26).any()


@pytest.mark.parametrize('sticks', ['joints', 'pairs', 'hand'])
def test_a_stick_that_was_deflected_before_the_deadman_was_pressed_moves_nothing(sticks):
    person = Person(sticks=sticks)
    stuck = (0.0, 0.7)
    person.says(stuck)
    for _ in range(20):
        assert not person.says(stuck, DEADMAN).any()
    assert 'stick is not at rest' in person.teleop.problem
    person.says((), DEADMAN)
    assert person.says(stuck, DEADMAN).any()
    assert person.teleop.problem == ''


def test_a_deadman_that_is_down_when_the_joystick_connects_does_not_count():
    person = Person()
    for _ in range(3):
        assert not person.says((), DEADMAN).any()
    assert not person.says((1.0,), DEADMAN).any()
    assert 'let it go, then hold it' in person.teleop.problem


def test_a_joystick_that_reconnects_does_not_jump():
    person = Person().begins()
    assert person.says((1.0,), DEADMAN)[0] > 0
    assert not person.says((1.0,), DEADMAN, after=0.3).any()  # silent for longer than 0.25 s
    assert not person.says((1.0,), DEADMAN).any()
    person.says()
    assert not person.says((1.0,), DEADMAN).any(), 'the stick is not at rest yet'
    person.says((), DEADMAN)
    assert person.says((1.0,), DEADMAN)[0] > 0


def test_another_joystick_under_the_same_topic_begins_anew():
    person = Person().begins()
    person.now += 0.05
    person.teleop.hear([1.0] * 4, [0, 0, 0, 0, 1], person.now)
    assert not person.teleop.request(person.home, person.now).any()


def test_what_the_sticks_move_changes_from_rest_only():
    person = Person(robot=FR3, sticks='pairs', speed=1.0, dead_zone=0.0).begins()
    up = (0.0, 1.0, 0.0, 0.0, 0.5)
    asked = person.says(up, DEADMAN)
    assert asked == pytest.approx([2.0, 0.5, 0, 0, 0, 0, 0])  # of the scale: 2.0 and 1.0 rad/s
    assert not person.says(up, DEADMAN, 2).any()
    assert person.teleop.joints == ('fr3_joint3', 'fr3_joint4')
    assert not person.says(up, DEADMAN).any()
    person.says((), DEADMAN)
    assert person.says(up, DEADMAN) == pytest.approx([0, 0, 1.5, 0.625, 0, 0, 0])
    for joints in (('fr3_joint5', 'fr3_joint6'), ('fr3_joint7',), ('fr3_joint1', 'fr3_joint2')):
        person.says((), DEADMAN, 2)
        person.says((), DEADMAN)
        assert person.teleop.joints == joints
    person.says((), DEADMAN, 3)
    assert (person.teleop.sticks, person.teleop.joints) == ('hand', ())


def test_the_hand_goes_where_the_stick_points_in_the_bases_frame():
    person = Person(robot=FR3, sticks='hand', speed=0.5, dead_zone=0.0, linear=0.2).begins()
    jacobian = FR3.chain().jacobian(person.home)
    moved = {1: 0, 0: 1, 4: 2}  # axis: direction of the hand
    for axis, direction in moved.items():
        person.says((), DEADMAN)
        asked = person.says(np.eye(8)[axis], DEADMAN)
        wanted = np.zeros(6)
        wanted[direction] = 0.1
        assert jacobian @ asked == pytest.approx(wanted, abs=1e-9)
    person.says((), DEADMAN)
    turned = jacobian @ person.says(np.eye(8)[3], DEADMAN)
    assert turned == pytest.approx([0, 0, 0, 0, 0, 0.5], abs=1e-9)


def test_a_fast_hand_is_slowed_as_a_whole_to_the_scale_of_the_joints():
    person = Person(robot=FR3, sticks='hand', speed=1.0, linear=1.0, angular=3.0).begins()
    asked = person.says((1, 1, 0, 1, 1, 0, 0, 0), DEADMAN)
    assert np.max(np.abs(asked) / FR3.spec.scale) == pytest.approx(1.0)
    twist = FR3.chain().jacobian(person.home) @ asked
    assert 0.01 < twist[0] < 0.9
    assert twist / twist[0] == pytest.approx([1, 1, 1, 0, 0, 3], abs=1e-9)


def test_the_hand_stands_while_the_joints_are_unknown_and_it_says_so():
    person = Person(robot=FR3, sticks='hand').begins()
    person.says((1.0, 1.0), DEADMAN)
    assert not person.teleop.request(None, person.now).any()
    assert 'joint states are silent' in person.teleop.problem


def test_the_gripper_goes_on_until_told_otherwise_and_no_longer_than_the_deadman_is_held():
    person = Person().begins()
    assert person.says((), DEADMAN, 0)[7:] == pytest.approx([-2.0, -2.0])
    assert person.says((), DEADMAN)[7:] == pytest.approx([-2.0, -2.0])
    assert person.says((), DEADMAN, 1)[7:] == pytest.approx([2.0, 2.0])
    assert not person.says().any()
    assert not person.says((), DEADMAN).any()


def test_buttons_mean_one_thing_with_the_deadman_held_and_another_without():
    person = Person().begins()
    person.says((), DEADMAN, 0, 1, 2, 7)
    assert person.acts == []
    person.says((), DEADMAN, 5)
    assert person.acts == ['take_over']
    person.lets_go(LET_GO)
    found = {}
    for button in range(11):
        person.says((), button)
        found[button] = person.acts
        person.says((), button)
        assert person.acts == [], 'held down is not pressed again'
        person.says()
    assert found == {
        **{button: [] for button in (4, 8, 9, 10)},
        **{0: ['success'], 1: ['failure'], 2: ['discard'], 3: ['home']},
        **{5: ['take_over'], 6: ['give_back'], 7: ['start']},
    }


@pytest.mark.parametrize(
    'button, act', [(0, 'success'), (1, 'failure'), (2, 'discard'), (3, 'home'), (7, 'start')]
)
def test_a_deadman_that_slips_makes_no_verdict_of_a_button_that_was_meant_with_it(button, act):
    person = Person().begins()
    person.says((), DEADMAN, after=1.0)
    assert not person.says((), button).any()
    assert (person.acts, person.teleop.early) == ([], [act])
    person.says((), DEADMAN)
    person.lets_go(LET_GO - 0.06)
    person.says((), button)
    assert (person.acts, person.teleop.early) == ([], [act])
    person.says((), DEADMAN)
    person.lets_go(LET_GO)
    person.says((), button)
    assert (person.acts, person.teleop.early) == ([act], [])


def test_who_drives_is_changed_in_the_moment_in_which_the_deadman_is_let_go_too():
    person = Person().begins()
    person.says((), 5)
    assert (person.acts, person.teleop.early) == (['take_over'], [])


def test_after_a_silence_nobody_knows_how_long_the_deadman_was_let_go():
    person = Person().begins()
    person.lets_go(1.0)
    person.says(after=1.0)
    person.says((), 0)
    assert person.acts == []


def test_a_button_that_is_down_when_the_joystick_connects_was_not_pressed():
    person = Person()
    person.says((), 7)
    assert person.acts == []


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_an_axis_that_is_no_number_asks_for_rest_and_is_named(value):
    person = Person().begins()
    assert not person.says((1.0, value), DEADMAN).any()
    assert person.teleop.problem == 'axes 1 of joy are not finite'
    assert not person.says((1.0,), DEADMAN).any(), 'the sticks have to be seen at rest again'


words = st.lists(st.floats(width=32), max_size=9)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(['joints', 'pairs', 'hand']),
    st.lists(
        st.tuples(words, st.lists(st.integers(-1, 2), max_size=12), st.floats(0.0, 0.5)),
        max_size=12,
    ),
)
def test_whatever_a_joystick_says_what_is_asked_for_is_finite_and_in_scale(sticks, said):
    teleop, now = Teleop(FR3, TeleopParams(sticks=sticks), DEADMAN), 5.0
    for axes, buttons, after in said:
        now += after
        teleop.hear(axes, buttons, now)
        asked = teleop.request(np.array(FR3.home), now)
        assert (np.abs(asked) <= FR3.spec.scale * (1 + 1e-9)).all()
        assert teleop.stick.down or not asked.any()


def test_a_robot_without_kinematics_is_moved_by_its_joints_or_refused():
    bare = load_robot(
        'fr3', [f'kinematics.{name}=[]' for name in ('a', 'd', 'alpha')] + ['kinematics.tool=0']
    )
    with pytest.raises(ConfigError, match='no kinematics'):
        Teleop(bare, TeleopParams(), DEADMAN)
    person = Person(robot=bare, sticks='pairs').begins()
    person.says((), DEADMAN, 3)
    assert person.teleop.sticks == 'pairs'


@pytest.mark.parametrize(
    'wrong, words',
    [
        ({'hand_axes': [0, 1]}, r'teleop.hand_axes is \[0, 1\]; expected 6 entries'),
        ({'buttons': TeleopButtons(start=1)}, r'buttons.start and teleop.buttons.failure are'),
        ({'buttons': TeleopButtons(hand=5)}, r'take_over and teleop.buttons.hand are both 5'),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        TeleopParams(**wrong)
    assert TeleopParams(buttons=TeleopButtons(start=NONE, home=NONE, discard=NONE))


def test_the_policy_of_a_demonstration_says_what_the_person_asks_for_while_that_counts():
    now = [0.0]
    policy = PersonPolicy(FR3.spec, lambda: now[0])
    assert not policy.step({}, None, {}).action.any()
    backwards = list(reversed(FR3.spec.names))
    policy.hear(backwards, [0.0] * 5 + [0.25, -9.0])
    assert policy.step({}, None, {}).action == pytest.approx([-1, 0.25, 0, 0, 0, 0, 0])
    for names, velocity in ((backwards[1:], [1.0] * 6), (backwards, [np.nan] * 7)):
        policy.hear(names, velocity)
        assert policy.step({}, None, {}).action[0] == -1.0
    now[0] = 2.6 * FR3.spec.period
    assert not policy.step({}, None, {}).action.any()
