"""The teleoperation node, inside the test process: what it asks for, and of which services."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import Joy
from std_srvs.srv import Trigger

from moto_ros.loops.page_layout import PAGE
from moto_ros.loops.teleop import LET_GO
from moto_ros.messages import TeleopState, from_json
from moto_ros.nodes.teleop import ENDED, TeleopNode
from moto_ros.services import GUARD, RECORDER, TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import to_ns, to_time
from moto_ros.wire.joints import joint_state
from tests.ros.nodes.waiting import wait
from tests.ros.test_messages import GUARD as TOLD
from tests.ros.told import recorder_state

SUCCESS = TransitionCallbackReturn.SUCCESS
ONE_TO_ONE = {'teleop.sticks': 'joints', 'teleop.speed': 1.0, 'teleop.dead_zone': 0.0}


class Driving:
    """An active node, a person at its joystick, and what was asked for."""

    def __init__(self, node):
        self.node, self.asked, self.steady = node, [], 50.0
        node.steady_now = lambda: self.steady
        assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
        node.requests.publish = self.asked.append

    def says(self, axes=(), *buttons, after=0.05):
        self.steady += after
        down = [int(place in buttons) for place in range(11)]
        self.node.on_joy(Joy(axes=[*axes, *[0.0] * (8 - len(axes))], buttons=down))
        return self.asked[-1]

    def begins(self):
        self.says()
        self.says((), 4)
        return self

    def guard_says(self, told):
        self.steady += 0.1
        self.node.on_guard(told)

    def lets_go(self):
        for _ in range(round(LET_GO / 0.05) + 1):
            self.says()


def test_each_word_of_the_joystick_is_a_request_by_name_and_as_old_as_it(make):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    node = driving.node
    before = node.now()
    asked = driving.says((0.5, -0.25), 4)
    assert before <= to_ns(asked.header.stamp) <= node.now()
    assert list(asked.name) == [*node.robot.spec.names, 'speed_scale']
    assert list(asked.velocity) == pytest.approx([1.0, -0.5, *[0.0] * 7, 1.0])
    count = len(driving.asked)
    node.publish_status()
    assert len(driving.asked) == count, 'a silent joystick asks for nothing'


def test_a_word_of_the_page_is_read_by_its_own_layout(make):
    """The lab's joystick turns joint 1 by axis 0; the page's axis 1 is forward."""
    node = make(TeleopNode, **ONE_TO_ONE, **{'teleop.hand_signs': [-1] * 6})
    driving, home = Driving(node), np.array(node.robot.home)
    node.on_joints(joint_state(node.robot.spec.joints, node.now(), np.zeros(7), home))
    node._measured = 1e9
    for held, forward in ((0, 0.0), (1, 0.0), (1, 1.0)):
        driving.steady += 0.03
        word = Joy(axes=[0.0, forward, *[0.0] * 7], buttons=[0, 0, 0, 0, held])
        word.header.frame_id = PAGE
        node.on_joy(word)
    moved = node.robot.chain().jacobian(home) @ np.array(driving.asked[-1].velocity[:7])
    assert moved[0] > 0.1 and np.abs(moved[1:]).max() < 0.01


def test_the_hand_is_moved_by_the_joints_as_they_were_measured_just_now(make):
    node = make(TeleopNode, **{'teleop.sticks': 'hand'})
    driving = Driving(node).begins()
    names, home = node.robot.spec.joints, np.array(node.robot.home)
    forward = (0.0, 1.0)
    assert not any(driving.says(forward, 4).velocity[:7])
    node.on_joints(joint_state(names[::-1], node.now(), np.zeros(7), home[::-1]))
    asked = np.array(driving.says(forward, 4).velocity[:7])
    moved = node.robot.chain().jacobian(home) @ asked
    assert moved[0] > 0.1 and np.abs(moved[1:]).max() < 0.01
    for broken in ([np.nan] * 7, [np.inf, *[0.0] * 6]):
        node.on_joints(joint_state(names, node.now(), np.zeros(7), np.array(broken)))
        assert any(driving.says(forward, 4, after=0.001).velocity[:7]), 'the last good ones serve'
    driving.steady += 0.09
    assert not any(driving.says(forward, 4).velocity[:7]), 'the joints are 0.14 s old'


def test_between_configure_and_activate_and_after_it_nothing_is_asked_for(make):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    driving.says((1.0,), 4)
    assert driving.node.trigger_deactivate() == SUCCESS
    count = len(driving.asked)
    driving.steady += 0.05
    driving.node.on_joy(Joy(axes=[1.0] * 8, buttons=[0, 0, 0, 0, 1]))
    assert len(driving.asked) == count


def test_a_word_that_is_late_by_its_stamp_asks_for_nothing_and_its_age_goes_with_the_request(make):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    node = driving.node

    def says(age):
        driving.steady += 0.05
        word = Joy(axes=[1.0, *[0.0] * 7], buttons=[0, 0, 0, 0, 1])
        word.header.stamp = to_time(node.now() - round(age * 1e9))
        node.on_joy(word)

    says(0.1)
    asked = driving.asked[-1]
    assert node.now() - to_ns(asked.header.stamp) == pytest.approx(0.1e9, abs=0.05e9)
    count = len(driving.asked)
    for age, words in ((0.13, '0.13 s old'), (-0.3, '0.30 s ahead')):
        says(age)
        assert len(driving.asked) == count and words in node.late
    says(0.0)
    assert len(driving.asked) == count + 1 and node.late == ''


@pytest.mark.parametrize('held', [True, False])
def test_a_deadman_that_is_let_go_in_a_late_word_wants_the_sticks_at_rest_again(make, held):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    node = driving.node
    assert driving.says((0.5,), 4).velocity[0] > 0.1
    driving.steady += 0.05
    late = Joy(axes=[0.5, *[0.0] * 7], buttons=[0, 0, 0, 0, int(held)])
    late.header.stamp = to_time(node.now() - 150_000_000)
    node.on_joy(late)
    asked = driving.says((0.5,), 4).velocity[0]
    assert (asked > 0.1) is held, 'a press that was let go meanwhile is another one'
    driving.says((), 4)
    assert driving.says((0.5,), 4).velocity[0] > 0.1


@pytest.mark.parametrize(('label', 'says'), [(False, True), (True, False)])
def test_an_episode_that_ends_without_a_persons_label_is_said(make, label, says):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    node = driving.node
    driving.lets_go()
    for state in ('recording', 'idle'):
        if label and state == 'idle':
            driving.says((), 0)
        node.on_recorder(recorder_state(state=state))
    assert ('the episode has ended' in node.said) is says


def test_two_joysticks_ask_for_nothing_and_are_named(make):
    driving = Driving(make(TeleopNode, **ONE_TO_ONE)).begins()
    node = driving.node
    for _ in range(2):
        node.create_publisher(Joy, interface.JOY.name, 5)
    wait(node, lambda: bool(node.rivals))
    count = len(driving.asked)
    driving.steady += 0.05
    node.on_joy(Joy(axes=[1.0] * 8, buttons=[0, 0, 0, 0, 1]))
    assert len(driving.asked) == count and "2 publish '/joy'" in node.rivals


class Offered:
    """The services of other nodes, which say that they did what they were asked."""

    def __init__(self, node, *names):
        self.node, self.calls = node, []
        for owner, service in names:
            node.create_service(Trigger, f'{owner}/{service}', partial(self.answer, service))

    def answer(self, service, _, reply):
        self.calls.append(service)
        reply.success, reply.message = True, f'{service} done'
        return reply


def test_a_label_ends_the_episode_and_resets_the_scene_once_the_arm_rests(make):
    node = make(TeleopNode, **{'record.source': 'sim'})
    discard, reset = (RECORDER, 'discard_episode'), (TWIN, 'reset')
    offered = Offered(node, (GUARD, 'disarm'), (GUARD, 'begin_anew'), discard, reset)
    driving = Driving(node)
    states = []
    node.state.publish = lambda message: states.append(from_json(TeleopState, message.data))
    driving.lets_go()
    driving.says((), 2)
    wait(node, lambda: offered.calls == ['disarm', 'discard_episode'])
    driving.says()
    driving.says((), 0)
    assert node.said == 'success: discard is still under way; press again once it is done'
    node.on_guard(replace(TOLD, at_rest=False))
    assert node.errands
    wait(node, lambda: driving.guard_says(TOLD) or not node.errands)
    assert offered.calls == ['disarm', 'discard_episode', 'reset', 'begin_anew']
    assert node.said == 'discard: discard_episode done'
    node.publish_status()
    assert states[-1].said == node.said


def test_a_way_home_that_somebody_stopped_meanwhile_does_not_begin(make):
    node = make(TeleopNode)
    offered = Offered(node, (GUARD, 'disarm'), (GUARD, 'home'))
    driving = Driving(node)
    node.on_guard(replace(TOLD, at_rest=False, disarms=3))
    driving.lets_go()
    driving.says((), 3)
    wait(node, lambda: offered.calls == ['disarm'])
    node.on_guard(replace(TOLD, at_rest=False, disarms=4))
    assert node.errands, 'its own'
    node.on_guard(replace(TOLD, at_rest=True, disarms=5))
    assert not node.errands and offered.calls == ['disarm']
    assert node.said == 'home: somebody disarmed the guard meanwhile'


def test_a_button_that_is_pressed_as_the_deadman_slips_does_nothing_and_that_is_said(make):
    driving = Driving(make(TeleopNode)).begins()
    driving.says((), 0)
    assert not driving.node.errands
    assert driving.node.said == 'success: the deadman was let go just now; press again'


def test_the_state_says_what_a_person_has_to_know(make):
    node = make(TeleopNode, **{'teleop.input': 'joy', 'teleop.sticks': 'pairs'})
    driving, states = Driving(node), []
    node.state.publish = lambda message: states.append(from_json(TeleopState, message.data))
    node.publish_status()
    assert not states[-1].heard and 'ros2 run joy joy_node' in states[-1].problem
    driving.says()
    driving.says((0, 0.9), 4)
    node.publish_status()
    held = states[-1]
    assert (held.heard, held.held, held.moves) == (True, True, False)
    assert held.joints == ('panda_joint1', 'panda_joint2') and 'not at rest' in held.problem
    driving.says((), 4)
    node.publish_status()
    assert (states[-1].moves, states[-1].problem) == (True, '')


def test_sticks_for_a_hand_that_is_unknown_are_refused(make, tmp_path):
    from moto_core.config import share_dir

    text = (share_dir() / 'config' / 'robot' / 'fr3.yaml').read_text()
    begin, end = text.index('kinematics:'), text.index('limits:')
    (tmp_path / 'bare.yaml').write_text(text[:begin] + text[end:])
    node = make(TeleopNode, **{'robot': str(tmp_path / 'bare.yaml')})
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


@pytest.mark.parametrize(('by', 'words'), [('joy', 'ros2 run joy joy_node'), ('page', '(G)')])
def test_a_silent_joystick_is_said_with_what_makes_it_speak(make, by, words):
    node = Driving(make(TeleopNode, **{**ONE_TO_ONE, 'teleop.input': by})).node
    said = []
    node.state.publish = lambda message: said.append(from_json(TeleopState, message.data))
    node.publish_status()
    assert words in said[-1].problem and not said[-1].heard


def test_that_an_episode_has_ended_is_said_until_another_is_under_way(make):
    node = Driving(make(TeleopNode, **ONE_TO_ONE)).node
    for state, said in (('recording', ''), ('idle', ENDED), ('idle', ENDED), ('recording', '')):
        node.on_recorder(recorder_state(state=state))
        assert node.said == said
