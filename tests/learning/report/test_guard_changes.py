"""How much the guard changed, by numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from moto_learning.report.demo_drives import read_drive
from moto_learning.report.guard_changes import change, count_changes, joint_changes, read_rows
from moto_learning.report.motion_section import (
    changes_sentence,
    joint_figure,
    joint_words,
    motion_section,
)
from tests.learning.report.written_demo import rows


@pytest.fixture
def four():
    return rows(
        [[0.5, 0.0], [0.1, -0.3], [0.01, 0.0], [0.0, 0.0]],
        [('jerk', 'jerk', 'speed'), ('jerk',), ('jerk',), ()],
    )


def test_a_change_is_that_of_the_joint_that_is_changed_most(four):
    assert change(four) == pytest.approx([0.5, 0.3, 0.01, 0.0])


def test_what_was_asked_and_is_no_number_was_changed_beyond_every_mark():
    broken = rows([[0.0, 0.0]], [('not_finite',)], requested=[[np.nan, 0.0]])
    assert count_changes([broken])['all decisions'] == (1, (1, 1))


def test_decisions_are_counted_once_a_reason(four):
    counts = count_changes([four, rows([[0.06, 0.0]], [()])])
    assert counts == {
        'all decisions': (5, (3, 2)),
        'with any reason': (3, (2, 2)),
        'jerk': (3, (2, 2)),
        'speed': (1, (1, 1)),
    }
    assert list(counts)[2:] == ['jerk', 'speed'], 'the most frequent first'
    said = changes_sentence(counts)
    assert 'a reason at 3 of 5 decisions (60.0%)' in said
    assert (
        "5% of the joint's scale in 60.0%, by more than 20% of the joint's scale in 40.0%" in said
    )


def test_each_joint_has_its_shares_and_its_largest(four):
    found = joint_changes([four])
    assert found['a'] == ([0.5, 0.25], pytest.approx(0.5))
    assert found['g'] == ([0.25, 0.25], pytest.approx(0.3))
    assert joint_changes([]) == {}


def test_rows_of_a_drive_are_without_the_last_at_which_the_arm_is_held(written):
    found = read_rows(read_drive(written, 'after'))
    assert [one.about.outcome for one in found] == ['success', 'success', 'failure']
    assert {len(one.requested) for one in found} == {8}
    assert count_changes(found)['all decisions'] == (24, (6, 3))  # .3 and .1 in each of three
    assert 'not_armed' not in count_changes(found)


def test_a_joint_is_drawn_in_its_unit(four):
    arm, gripper = (joint_figure(four, joint).axes[0] for joint in (0, 1))
    assert (arm.get_ylabel(), gripper.get_ylabel()) == ('[rad/s]', '[m/s]')
    asked, done = (line.get_ydata() for line in arm.lines)
    assert list(asked) == [0, 0, 0, 0]
    assert done == pytest.approx([1.0, 0.2, 0.02, 0.0])
    assert arm.lines[1].get_xdata() == pytest.approx([0, 0.08, 0.16, 0.24])
    said = 'Joint g over 4 decisions: requested 0.00 to 0.00, executed -0.15 to 0.00'
    assert joint_words(four, 1) == f'{said}, apart by at most 0.15 [m/s] at decision 1'


def test_fingers_at_the_simulators_scale_of_action_are_said_to_be_drawn_at_it(four):
    assert 'Fingers' not in motion_section([four])
    simulated = replace(four, spec=replace(four.spec, action_scale=[2.0, 2.0]))
    arm, gripper = (joint_figure(simulated, joint).axes[0] for joint in (0, 1))
    assert (arm.get_ylabel(), gripper.get_ylabel()) == ('[rad/s]', '[m/s], scale of action')
    assert 'Fingers: 2 m/s is what the simulator' in motion_section([simulated])


def test_a_drive_without_rows_says_so(four):
    assert 'No episode of this drive was recorded' in motion_section([])
    assert motion_section([four]).count('<img') == 2
