"""The switches of people: e-stops one by one, their heartbeat, a recorder that is required."""

import pytest

from moto_core.guard.state import (
    ARMED,
    ESTOP,
    FAULT,
    HOLD,
    READY,
    RUNNING,
    GuardConfig,
    GuardRefusal,
)
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_ros.loops.inbox import Inbox
from tests.ros.loops.arm import DELAY, FR3, LED, TICK, Arm


def test_an_estop_that_is_let_go_does_not_release_another():
    arm = Arm()
    arm.guard.inbox.estop(True, arm.now, 'a')
    arm.guard.inbox.estop(True, arm.now, 'b')
    arm.go(0.1)
    arm.guard.inbox.estop(False, arm.now, 'b')
    assert arm.guard.state.mode == ESTOP
    with pytest.raises(GuardRefusal, match='still pressed'):
        arm.guard.reset_fault()
    arm.guard.inbox.estop(False, arm.now, 'a')
    arm.guard.reset_fault()
    assert arm.guard.state.mode == READY


def test_which_of_several_on_one_topic_let_go_is_not_known():
    arm = Arm()
    inbox = arm.guard.inbox
    inbox.estop(True, arm.now, 'a', alone=False)  # one presses, and stays pressed
    inbox.estop(False, arm.now, 'a', alone=False)  # the other says that it is not
    arm.go(0.1)
    for said in (False, False):  # the other, or the one, is left, and says so
        inbox.estop(said, arm.now, 'a')
        with pytest.raises(GuardRefusal, match='leave one, press it, let it go'):
            arm.guard.reset_fault()
    replace_guard(arm)
    arm.guard.inbox.estop(False, arm.now, 'a')
    with pytest.raises(GuardRefusal, match='still pressed'):
        arm.guard.reset_fault()
    arm.guard.inbox.estop(True, arm.now, 'a')
    arm.go(0.1)
    arm.guard.inbox.estop(False, arm.now, 'a')
    assert arm.guard.reset_fault() == 'disarmed'


def test_several_of_whom_none_was_pressed_stop_nothing():
    inbox = Inbox()
    for alone in (False, False, True, True):
        inbox.estop(False, 1.0, 'a', alone=alone)
    assert not inbox.switches(1.0).estop and not inbox.pressed_estops()
    inbox.estop(True, 2.0, 'a')
    inbox.estop(False, 3.0, 'a')
    inbox.forget_pulse()
    assert not inbox.switches(3.0).estop


def test_a_press_that_is_let_go_before_a_tick_saw_it_latches():
    arm = Arm()
    arm.go(1.0, ask=0.3)
    assert arm.guard.state.mode == RUNNING
    arm.guard.inbox.estop(True, arm.now, 'a')
    arm.guard.inbox.estop(False, arm.now, 'a')
    arm.tick(0.3)
    assert arm.guard.state.mode == ESTOP
    arm.go(0.5)
    assert arm.guard.reset_fault() == 'disarmed'
    arm.go(0.1)
    assert arm.guard.state.mode == READY


def test_while_an_estop_is_pressed_every_tick_is_told_so():
    inbox = Inbox()
    inbox.estop(True, 1.0, 'a')
    for now in (1.0, 2.0, 100.0):
        assert inbox.switches(now).estop
        inbox.forget_pulse()
    inbox.estop(False, 101.0, 'a')
    assert not inbox.switches(101.0).estop


def replace_guard(arm):
    """Another guard takes its place, as after cleanup and configure."""
    arm.guard = ArmGuard(FR3, 'normal', GuardConfig(), LED, before=arm.guard)
    arm.guard.activate(True)
    arm.go(0.02)


def test_an_estop_stays_pressed_in_the_guard_that_takes_its_place_until_it_is_let_go():
    arm = Arm()
    arm.guard.inbox.estop(True, arm.now, 'a')
    for topic in ('b', 'c'):
        arm.guard.inbox.estop(False, arm.now, topic)
    arm.go(0.02)
    for _ in range(2):
        replace_guard(arm)
        assert arm.guard.state.mode == ESTOP
        arm.guard.inbox.estop(False, arm.now, 'b')
        with pytest.raises(GuardRefusal, match="the e-stop on 'a' is still pressed"):
            arm.guard.reset_fault()
    arm.guard.inbox.estop(False, arm.now, 'a')
    assert arm.guard.reset_fault() == 'disarmed'
    arm.go(0.02)
    assert arm.guard.state.mode == READY


@pytest.mark.parametrize('by', ['topic', 'service'])
def test_a_press_that_no_tick_saw_latches_in_the_guard_that_takes_its_place(by):
    arm = Arm()
    if by == 'service':
        arm.guard.inbox.stop()
    else:
        arm.guard.inbox.estop(True, arm.now, 'a')
        arm.guard.inbox.estop(False, arm.now, 'a')
    assert arm.guard.state.mode == READY
    replace_guard(arm)
    assert arm.guard.state.mode == ESTOP
    assert arm.guard.reset_fault() == 'disarmed'


def heard(arm, topics, seconds, ask=None):
    for _ in range(round(seconds / TICK)):
        for topic in topics:
            arm.guard.inbox.estop(False, arm.now, topic)
        arm.tick(ask)


def test_an_estop_that_has_to_speak_and_falls_silent_is_a_fault():
    settings = ArmSettings(delay=DELAY, estops=('a', 'b'), heartbeat=0.2)
    arm = Arm(settings=settings, home=[0, -0.785, 0, -2.356, 0, 1.571, 0.785])
    heard(arm, ['a'], 0.1)
    with pytest.raises(GuardRefusal, match="no e-stop speaks on 'b'"):
        arm.guard.arm()
    heard(arm, ['a', 'b'], 0.1)
    arm.guard.arm()
    heard(arm, ['a', 'b'], 1.0, ask=0.3)
    assert arm.guard.state.mode == RUNNING
    heard(arm, ['b'], 0.19, ask=0.3)
    assert arm.guard.state.mode == RUNNING
    heard(arm, ['b'], 0.5, ask=0.3)
    assert arm.guard.state.mode == FAULT and arm.guard.state.cause == ('estop_silent',)
    assert not arm.velocity.any()
    with pytest.raises(GuardRefusal, match="no e-stop speaks on 'a'"):
        arm.guard.reset_fault()
    heard(arm, ['a', 'b'], 0.1)
    arm.guard.reset_fault()
    arm.guard.intervene(True)
    assert arm.guard.arm() == 'armed'


def test_without_a_heartbeat_an_estop_may_be_silent():
    arm = Arm()
    arm.guard.inbox.estop(False, arm.now, 'a')
    arm.go(2.0, ask=0.2)
    assert arm.guard.state.mode == RUNNING


def test_where_recording_is_required_nothing_moves_that_is_not_recorded():
    arm = Arm(settings=ArmSettings(delay=DELAY, record_required=True))

    def record(recorded, seconds):
        for _ in range(round(seconds / TICK)):
            if recorded:
                arm.guard.inbox.recording(arm.now)
            arm.tick(ask=0.3)

    record(False, 0.5)
    assert arm.guard.state.mode == ARMED and 'not_recording' in arm.outputs[-1].reasons
    record(True, 1.0)
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()
    record(False, 1.2)
    assert arm.guard.state.mode == HOLD and arm.guard.state.cause == ('not_recording',)
    assert not arm.velocity.any()
    record(True, 1.0)
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()


def test_the_way_home_need_not_be_recorded():
    settings = ArmSettings(delay=DELAY, record_required=True)
    arm = Arm(settings=settings, home=[0.3, -0.785, 0, -2.356, 0, 1.571, 0.785])
    arm.guard.home()
    arm.go(1.0)
    assert arm.guard.state.mode == RUNNING and arm.velocity.any()
