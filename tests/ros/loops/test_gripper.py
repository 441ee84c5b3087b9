"""A gripper that is opened and closed: hysteresis, one goal at a time, and no harm to the arm."""

import numpy as np
import pytest

from moto_ros.loops.gripper import AGAIN, PATIENCE, GripperLoop

SCALE = np.array([0.05, 0.05])


class Driver:
    """A gripper's driver that keeps what it was sent."""

    def __init__(self):
        self.ready, self.sent, self.fails = True, [], False

    def is_ready(self):
        return self.ready

    def send(self, opened, over):
        if self.fails:
            raise RuntimeError('no transport')
        self.sent.append(opened)
        self.over = over


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def gripper(driver):
    return GripperLoop(driver, SCALE)


def test_it_opens_and_closes_with_hysteresis_and_not_unless_asked(gripper, driver):
    wanted = []
    for share in (0.0, 0.2, -0.24, -0.3, 0.1, -0.1, 0.24, 0.26, 0.0, -1.0):
        gripper.take(share * SCALE)
        wanted.append(gripper.wanted)
    assert wanted == [None] * 3 + [False] * 4 + [True] * 2 + [False]


def test_one_goal_is_under_way_and_the_newest_wish_follows_it(gripper, driver):
    gripper.poll(0.0, driven=True)
    assert driver.sent == []
    gripper.take(SCALE)
    gripper.poll(0.0, driven=True)
    gripper.take(-SCALE)
    gripper.poll(0.1, driven=True)
    assert driver.sent == [True]
    driver.over('')
    gripper.poll(0.2, driven=True)
    gripper.poll(0.3, driven=True)
    assert driver.sent == [True, False] and gripper.problem == ''
    driver.over('')
    gripper.poll(0.4, driven=True)
    assert driver.sent == [True, False], 'said once'


def test_a_goal_that_never_ends_is_given_up_and_its_late_end_says_nothing(gripper, driver):
    gripper.take(SCALE)
    gripper.poll(0.0, driven=True)
    first = driver.over
    gripper.poll(PATIENCE, driven=True)
    assert gripper.problem == '' and driver.sent == [True]
    gripper.poll(PATIENCE + 0.1, driven=True)
    assert 'did not answer within 5 s' in gripper.problem and driver.sent == [True, True]
    first('too late')
    gripper.poll(PATIENCE + 0.2, driven=True)
    assert driver.sent == [True, True], 'the second is still under way'
    driver.over('')
    assert gripper.problem == ''


def test_a_driver_that_is_not_there_or_fails_is_a_problem_and_no_error(gripper, driver):
    gripper.take(SCALE)
    driver.ready = False
    gripper.poll(0.0, driven=True)
    assert 'takes no goals' in gripper.problem
    driver.ready = driver.fails = True
    gripper.poll(0.1, driven=True)
    assert gripper.problem == 'RuntimeError: no transport'
    driver.fails = False
    gripper.take(-SCALE)
    gripper.poll(0.2, driven=True)
    assert driver.sent == [], 'it failed just now'
    gripper.poll(0.1 + AGAIN + 0.2, driven=True)
    assert driver.sent == [False]
    driver.over('the gripper refused the goal')
    assert gripper.problem == 'the gripper refused the goal'


def test_a_goal_that_failed_is_sent_again_while_it_is_wanted(gripper, driver):
    gripper.take(-SCALE)
    for now in np.arange(0.0, 3.5 * AGAIN, 0.1):
        gripper.poll(now, driven=True)
        if gripper._since is not None:
            driver.over('aborted')
    assert driver.sent == [False] * 4
    gripper.poll(4.0 * AGAIN, driven=True)
    driver.over('')
    gripper.poll(9.0 * AGAIN, driven=True)
    assert driver.sent == [False] * 5 and gripper.problem == ''


def test_what_a_person_opened_between_two_episodes_is_closed_again(gripper, driver):
    gripper.take(-SCALE)
    gripper.poll(0.0, driven=True)
    driver.over('')
    gripper.poll(1.0, driven=False)
    gripper.poll(2.0, driven=True)
    assert driver.sent == [False], 'nothing is asked for'
    gripper.take(-SCALE)
    gripper.poll(3.0, driven=True)
    assert driver.sent == [False, False]


def test_what_was_not_sent_before_the_arm_stopped_is_not_sent_after_it(gripper, driver):
    gripper.take(SCALE)
    gripper.poll(0.0, driven=True)
    gripper.take(-SCALE)  # while the first goal is under way
    gripper.poll(0.1, driven=False)
    driver.over('')
    for now in (0.2, 1.0, PATIENCE + 1.0):
        gripper.poll(now, driven=now > 0.5)
    assert driver.sent == [True]
    gripper.take(-SCALE)
    gripper.poll(PATIENCE + 1.1, driven=True)
    assert driver.sent == [True, False]


def test_a_goal_that_is_given_up_while_the_arm_is_stopped_is_not_sent_again(gripper, driver):
    gripper.take(SCALE)
    gripper.poll(0.0, driven=True)
    gripper.poll(PATIENCE + 0.1, driven=False)
    assert driver.sent == [True] and 'did not answer' in gripper.problem
