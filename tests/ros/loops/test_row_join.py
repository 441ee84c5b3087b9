"""Rows joined from what several topics say of one decision."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.spec import CameraSpec, Spec
from moto_ros.loops import guard_log
from moto_ros.loops.guard_log import Executed, GuardLog
from moto_ros.loops.row_join import KEEP, RowJoiner
from moto_ros.messages import Decision, GuardReasons, TaskState

MS = 1_000_000
T0 = 1_763_000_000_000 * MS
SMALL = CameraSpec(height=2, width=2)
SPEC = Spec(
    joints=['a'], gripper=['g'], action_scale=[2.0, 0.5], rate=12.5, cameras={'front': SMALL}
)
TWO = Spec(
    joints=['a'],
    gripper=['g'],
    action_scale=[2.0, 0.5],
    rate=12.5,
    cameras={'front': SMALL, 'wrist': SMALL},
)
EPISODE = '01ARZ3NDEKTSV4RRFFQ69G5FAV'


def stamp(i):
    return T0 + 80 * i * MS


def decision(i, episode=EPISODE, number=None):
    return Decision(
        stamp=stamp(i),
        episode=episode,
        number=i if number is None else number,
        action=(0.25 * i, -1.0),
        disagreement=0.5,
        surprise=2.5,
        speed_scale=0.75,
        proprioception=None,
        image_latency=5.0,
        inference_latency=2.0,
        request_latency=10.0,
        missed=0,
    )


def pixels(i):
    return np.full((2, 2, 3), i % 256, np.uint8)


def feed(joiner, count, first=0, lost=(), episode=EPISODE):
    """Feeds whole rows: image i has value i, reward i, executed velocity of joint a = i.

    `lost` are the numbers of rows whose image does not arrive.
    """
    for i in range(first, count):
        joiner.task(
            TaskState(
                stamp=stamp(i),
                reward=float(i),
                success=i >= 3,
                parts={'door': i >= 1, 'light': i >= 3},
                seed=0,
            )
        )
        joiner.decision(decision(i, episode))
        if i not in lost:
            joiner.image('front', stamp(i), pixels(i))
        joiner.reasons(
            GuardReasons(stamp=stamp(i) + 10 * MS, state='RUNNING', source='policy', reasons=())
        )
        joiner.reasons(
            GuardReasons(
                stamp=stamp(i) + 22 * MS, state='RUNNING', source='policy', reasons=('velocity',)
            )
        )
        joiner.reasons(
            GuardReasons(stamp=stamp(i) + 26 * MS, state='RUNNING', source='policy', reasons=())
        )
        for tick in range(20):
            joiner.executed(Executed(stamp(i) + (10 + 4 * tick) * MS, np.array([float(i), 0.5])))
    return joiner


def test_in_a_dry_run_nothing_is_executed_whatever_was_let_out():
    joiner = begun()
    joiner.reasons(
        GuardReasons(stamp=stamp(0), state='RUNNING', source='policy', reasons=('dry_run',))
    )
    joiner.decision(decision(0))
    joiner.image('front', stamp(0), pixels(0))
    for tick in range(20):
        joiner.executed(Executed(stamp(0) + (10 + 4 * tick) * MS, np.array([1.0, 0.5])))
    (row,) = joiner.last_rows()
    assert row.reasons == ('dry_run',) and row.executed.tolist() == [0.0, 0.0]


def begun(spec=SPEC):
    joiner = RowJoiner(spec)
    joiner.start(EPISODE)
    return joiner


def values(rows):
    return [int(row.images['front'][0, 0, 0]) for row in rows]


def test_a_row_holds_the_observation_its_reward_and_the_action_chosen_at_it():
    rows = feed(begun(), 4).rows()
    assert [row.stamp for row in rows] == [stamp(0), stamp(1), stamp(2)]
    assert [row.reward for row in rows] == [0.0, 1.0, 2.0]
    assert [row.done_parts for row in rows] == [(), ('door',), ('door',)]
    assert values(rows) == [0, 1, 2]
    assert [row.requested.tolist() for row in rows] == [[0.0, -1.0], [0.25, -1.0], [0.5, -1.0]]
    assert [row.is_first for row in rows] == [True, False, False]
    assert not any(row.gap for row in rows)
    assert rows[0].latency == {'image': 5.0, 'inference': 2.0, 'request': 10.0}
    assert (rows[0].disagreement, rows[0].surprise, rows[0].speed_scale) == (0.5, 2.5, 0.75)


def test_executed_is_the_mean_between_two_requests_over_the_scale():
    rows = feed(begun(), 4).rows()
    assert [row.executed.tolist() for row in rows] == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
    assert all(row.reasons == ('velocity',) for row in rows)


def test_after_a_missed_period_executed_is_the_mean_over_both():
    joiner = begun()
    for number, i in enumerate((0, 2, 3)):
        joiner.decision(decision(i, number=number))
        joiner.image('front', stamp(i), pixels(i))
    for tick in range(40):  # 10 to 90 ms: 1 rad/s, 90 to 170 ms: 3 rad/s
        joiner.executed(
            Executed(stamp(0) + (10 + 4 * tick) * MS, np.array([1.0 if tick < 20 else 3.0, 0.0]))
        )
    joiner.executed(Executed(stamp(3) + 10 * MS, np.zeros(2)))
    first, second = joiner.rows()
    assert first.executed.tolist() == [1.0, 0.0] and not first.gap
    assert second.executed.tolist() == [0.0, 0.0] and not second.gap


def test_reasons_are_those_in_force_over_the_period_and_no_longer_than_they_are_repeated():
    joiner = begun()
    for at, reasons in (
        (-300, ('too old',)),
        (9, ('before',)),
        (50, ('during',)),
        (90, ('after',)),
    ):
        joiner.reasons(
            GuardReasons(stamp=T0 + at * MS, state='READY', source='policy', reasons=reasons)
        )
    for i in range(7):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
    found = [row.reasons for row in joiner.rows()]
    assert found[0] == ('before', 'during')  # of [10, 90) ms
    assert found[1:3] == [('after',), ('after',)]
    assert found[5] == ('guard_silent',)  # of [410, 490) ms: nothing was said since 90 ms


def led(joiner, ticks, words=(), state='RUNNING', source='policy', count=6):
    """Feeds decisions whose periods begin at 10, 90, 170 ms, a guard's ticks and words [ms]."""
    for at in words:
        joiner.reasons(
            GuardReasons(stamp=T0 + at * MS, state=state, source=source, reasons=('its word',))
        )
    for at in ticks:
        joiner.executed(Executed(T0 + at * MS, np.array([1.0, 0.0])))
    for i in range(count):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
    return [*joiner.rows(), *joiner.last_rows()]


@pytest.mark.parametrize(
    'ticks, silent',
    [
        (range(10, 500, 4), []),
        (range(10, 254, 4), [3, 4]),  # it dies as the fourth period begins
        (range(10, 230, 4), [2, 3, 4]),  # it dies within the third
        ([*range(10, 190, 4), *range(280, 500, 4)], []),  # 94 ms late
        ([*range(10, 190, 4), *range(300, 500, 4)], [2, 3]),  # 114 ms: it brakes
        ([*range(10, 90, 4), *range(172, 500, 4)], [1]),  # no tick of the second
    ],
)
def test_rows_of_an_arm_that_is_led_say_where_the_guard_did_not_tick(ticks, silent):
    rows = led(begun(), ticks, words=range(10, 500, 100))
    assert [t for t, row in enumerate(rows) if 'guard_silent' in row.reasons] == silent


def test_a_guard_that_lets_the_arm_stand_says_why_without_a_tick():
    rows = led(begun(), (), words=range(10, 500, 100), state='READY')
    assert [row.reasons for row in rows] == [('its word',)] * 6
    assert not any(row.executed.any() for row in rows)


def test_where_nothing_was_heard_of_a_guard_the_rows_say_so():
    rows = led(begun(), ())
    assert [row.reasons for row in rows] == [('guard_silent',)] * 6


def test_the_last_row_does_not_wait_for_ticks_that_have_not_come():
    assert led(begun(), [8], count=1)[-1].reasons == ()
    assert led(begun(), (), words=[8], count=1)[-1].reasons == ('its word',)
    assert led(begun(), [-260], words=[-260], count=1)[-1].reasons == ('guard_silent',)


def test_on_the_way_home_rows_say_that_the_arm_did_not_do_what_was_asked():
    rows = led(begun(), range(10, 500, 4), words=range(10, 500, 100), source='home')
    assert [row.reasons for row in rows] == [('homing', 'its word')] * 6


def test_a_row_is_an_intervention_if_a_person_drove_at_some_time_of_it():
    joiner = begun()
    for at, source in ((5, 'policy'), (120, 'teleop'), (200, 'teleop'), (255, 'policy')):
        joiner.reasons(
            GuardReasons(stamp=T0 + at * MS, state='RUNNING', source=source, reasons=())
        )
    for i in range(6):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
    found = [row.intervention for row in joiner.rows()]
    assert found == [False, True, True, True, False]  # of [10, 90) ms, [90, 170) ms, ...


def test_the_last_row_is_marked_and_has_its_own_reward():
    joiner = begun()
    feed(joiner, 4).rows()
    (last,) = joiner.last_rows()
    assert (last.stamp, last.is_last, last.reward, last.success) == (stamp(3), True, 3.0, True)
    assert last.done_parts == ('door', 'light')


def test_decisions_of_another_episode_are_not_rows_of_this_one():
    joiner = begun()
    for i in range(3):
        joiner.decision(decision(i, 'another'))
        joiner.image('front', stamp(i), pixels(i))
    assert joiner.rows() == [] and joiner.last_rows() == []


def test_a_row_waits_for_its_image():
    joiner = begun()
    joiner.decision(decision(0))
    joiner.decision(decision(1))
    assert joiner.rows() == [] and not joiner.complete()
    joiner.image('front', stamp(0), pixels(0))
    joiner.image('front', stamp(1), pixels(1))
    assert len(joiner.rows()) == 1 and joiner.complete()


def test_a_reward_between_frames_belongs_to_the_next_observation():
    joiner = begun()
    for offset, reward in ((-1, 1.0), (1, 2.0)):
        joiner.task(
            TaskState(stamp=stamp(0) + offset, reward=reward, success=False, parts={}, seed=None)
        )
    for i in (0, 1):
        joiner.image('front', stamp(i), pixels(i))
        joiner.decision(decision(i))
    assert joiner.rows()[0].reward == 1.0


def test_one_lost_image_costs_one_row_and_the_next_one_says_so():
    joiner, rows = begun(), []
    for i in range(600):
        feed(joiner, i + 1, i, lost={5})
        rows += joiner.rows()
    rows += joiner.last_rows()
    assert len(rows) == 599 and joiner.dropped == 1
    assert [t for t, row in enumerate(rows) if row.gap] == [5]
    assert values(rows[4:7]) == [4, 6, 7]
    assert [row.is_first for row in rows] == [True] + [False] * 598
    assert [row.is_last for row in rows] == [False] * 598 + [True]


def test_before_a_lost_row_executed_ends_at_the_lost_rows_request():
    rows = feed(begun(), 4, lost={2}).rows()
    assert values(rows) == [0, 1]
    assert rows[1].executed.tolist() == [0.5, 1.0]  # not the mean with row 2


def test_a_lost_decision_is_a_gap_too():
    joiner = begun()
    for i in (0, 1, 4, 5):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert [row.gap for row in rows] == [False, False, True, False]
    assert joiner.dropped == 2


def test_a_row_waits_for_what_was_executed_over_it_and_not_for_a_guard_that_is_silent():
    joiner, rows = begun(), []
    for i in range(50):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
        if i == 0:  # a recorder that fell behind hears only this much
            for tick in range(30):  # up to 126 ms
                joiner.executed(Executed(stamp(0) + (10 + 4 * tick) * MS, np.array([1.0, 0.0])))
        if i == 30:
            assert len(rows) == 1 and not joiner.complete()
        rows += joiner.rows()
    assert rows[0].executed[0] == 0.5 and rows[1].executed[0] == 0.5
    assert len(rows) == 11, 'the newest decision is 3 s after them'
    joiner.executed(Executed(stamp(60), np.array([1.0, 0.0])))
    rows += joiner.rows()
    assert len(rows) == 49 and joiner.complete()


def test_a_row_says_that_it_waits_for_the_end_of_what_was_executed_and_for_nothing_else():
    joiner = begun()
    assert not joiner.rows() and not joiner.waits
    for i in range(2):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
        joiner.executed(Executed(stamp(i), np.zeros(2)))
        assert not joiner.rows() and joiner.waits == (i == 1)
    joiner.executed(Executed(stamp(1) + 10 * MS, np.zeros(2)))  # when the second was requested
    assert len(joiner.rows()) == 1 and not joiner.waits


def test_a_camera_that_stood_for_long_leaves_a_gap_and_one_missed_period_does_not():
    joiner = begun()
    for number, i in enumerate((0, 1, 3, 5, 8, 9)):  # two periods, two, three
        joiner.decision(decision(i, number=number))
        joiner.image('front', stamp(i), pixels(i))
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert [row.gap for row in rows] == [False, False, False, False, True, False]
    assert joiner.gaps == 1 and joiner.dropped == 0
    assert joiner.rate == pytest.approx(5 / (9 * 0.08))
    joiner.start(EPISODE)
    assert (joiner.gaps, joiner.rate) == (0, 0.0)


def test_two_policies_in_one_episode_leave_gaps_and_too_many_rows_a_second():
    joiner = begun()
    for i in range(6):
        for late in (0, 7 * MS):
            joiner.decision(replace(decision(i), stamp=stamp(i) + late))
            joiner.image('front', stamp(i) + late, pixels(i))
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert sum(row.gap for row in rows) == 6 and joiner.rate > 25


def test_a_lost_first_row_leaves_an_episode_that_begins_with_a_gap():
    joiner = feed(begun(), 4, lost={0})
    rows = joiner.rows()
    assert values(rows) == [1, 2]
    rows += joiner.last_rows()
    assert [(row.is_first, row.gap) for row in rows] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert joiner.dropped == 1


def test_lost_last_rows_are_counted_and_the_last_whole_one_is_marked():
    joiner = feed(begun(), 5, lost={3, 4})
    early = joiner.rows()
    late = joiner.last_rows()
    assert (values(early), values(late)) == ([0, 1], [2])
    assert late[0].is_last and joiner.dropped == 2


def test_with_two_cameras_a_row_needs_both_images():
    joiner = begun(TWO)
    for i in range(4):
        joiner.decision(decision(i))
        joiner.image('front', stamp(i), pixels(i))
        if i != 1:
            joiner.image('wrist', stamp(i), pixels(i))
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert values(rows) == [0, 2, 3] and [row.gap for row in rows] == [False, True, False]


def test_a_policy_that_starts_again_in_an_episode_leaves_a_gap():
    joiner = begun()
    for i, number in enumerate((0, 1, 2, 0, 1)):
        joiner.decision(decision(i, number=number))
        joiner.image('front', stamp(i), pixels(i))
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert [(row.is_first, row.gap) for row in rows] == [
        (True, False),
        (False, False),
        (False, False),
        (True, True),
        (False, False),
    ]
    assert joiner.dropped == 0


def test_without_any_image_what_waits_is_bounded_and_counted():
    joiner = feed(begun(), KEEP + 50, lost=range(KEEP + 50))
    assert joiner.rows() == [] and len(joiner._pending) == KEEP
    assert joiner.last_rows() == [] and joiner.dropped == KEEP + 50


@pytest.mark.parametrize('lost', [(), (2,)])
def test_a_new_episode_counts_anew(lost):
    joiner = feed(begun(), 4, lost=lost)
    joiner.rows()
    joiner.last_rows()
    joiner.start('another')
    feed(joiner, 2, episode='another')
    rows = [*joiner.rows(), *joiner.last_rows()]
    assert joiner.dropped == 0 and [row.gap for row in rows] == [False, False]


def test_what_was_told_before_a_clock_was_set_back_is_forgotten():
    log = GuardLog(2)
    log.executed(Executed(T0 + 500 * MS, np.array([1.0, 0.0])))
    log.executed(Executed(T0 + 100 * MS, np.array([3.0, 0.0])))
    assert log.newest == T0 + 100 * MS
    assert log.over(T0, T0 + 600 * MS, None).velocity == pytest.approx([3.0, 0.0])


@pytest.mark.parametrize('rate', [10, 250, 1000])
def test_what_is_held_is_what_a_row_can_ask_for_and_no_more(rate):
    """At the ten reasons a second that a guard always gives, eight thousand are 13 minutes."""
    log, period = GuardLog(1), 10**9 // rate
    for tick in range(100 * rate):
        log.executed(Executed(tick * period, np.array([float(tick)])))
        held = len(log._executed)
        seconds = min(guard_log.KEEP * 1e-9, guard_log.MOST / 2 / rate)
        assert min(tick + 1, seconds * rate) <= held <= min(2 * seconds * rate + 2, tick + 1)
    last = 100 * rate - 1
    done = log.over((last - rate) * period, last * period, None)
    assert done.velocity == pytest.approx([last - rate / 2 - 0.5])
