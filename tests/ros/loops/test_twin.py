"""The twin in simulated time: what is due when, and what a command becomes."""

from dataclasses import replace

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.guard.limits import load_robot
from moto_ros.config import (
    Disturbance,
    StreamDisturbance,
    TwinParams,
    load_ros_config,
    recorded_setup,
)
from moto_ros.loops.twin import Images, Joints, Task, TwinLoop, check_twin
from moto_ros.loops.twin_scene import TwinSim
from moto_sim.franka import IDLE, MOVE, REFLEX, USER_STOPPED, RecoveryError
from moto_sim.reflexes import ACCELERATION, NOT_FINITE, SILENCE
from moto_sim.setups import choose_setup
from moto_sim.shifted_env import shifted_env
from moto_sim.shifts import SHIFTS, picture
from moto_sim.tasks import make
from moto_sim.trajectory_controller import Points, TrajectoryController


class Still:
    """A simulation that counts its ticks."""

    def __init__(self):
        self.ticks, self.given, self.led = 0, [], []
        self.position = self.velocity = np.zeros(9)

    def set_velocity(self, velocity):
        self.given.append(velocity)

    def lead(self, position, velocity):
        self.led.append((position, velocity.copy()))

    def advance(self, ticks):
        self.ticks += ticks

    def render(self, camera, height, width):
        return np.full((height, width, 3), 9, np.uint8)

    def reward(self):
        return 0.0

    def success(self):
        return False

    def in_place(self):
        return {'door': np.bool_(True), 'light': np.bool_(False)}


ROBOT = load_robot('kitchen_sim')


def start(sim=None, **params):
    loop = TwinLoop(sim or Still(), ROBOT, TwinParams(**params))
    loop.start(10.0)
    return loop


@pytest.fixture
def twin():
    return start()


def go(twin, end):
    """Steps to a time [s] as the node does, a few ticks at a time."""
    while twin.time <= end:
        list(twin.advance(min(end, twin.time + 0.02)))


def seen(twin, kind, end):
    """What arrives of a kind until a time [s], tick by tick, and when."""
    found = []
    while (now := twin.time) < end:
        found += [(now, one) for one in twin.advance(now) if isinstance(one, kind)]
    return found


def test_the_twin_gives_a_frame_every_period_whatever_the_calls(twin):
    times = []
    for now in (10.0, 10.013, 10.1, 10.18, 10.25):
        times += [seen.time for seen in twin.advance(now) if isinstance(seen, Images)]
    assert times == pytest.approx([10.0, 10.08, 10.16, 10.24])
    assert twin.sim.ticks == 63  # 0.25 s and the tick at 10.248


def test_the_twin_leaves_time_behind_that_it_cannot_make_good(twin):
    list(twin.advance(10.0))
    list(twin.advance(12.0))
    assert twin.overruns == 1 and twin.sim.ticks in (
        51,
        52,
    )  # those of 0.2 s, and those of 10 and 12 s
    assert twin.time == pytest.approx(12.0, abs=0.005)


def test_the_twin_makes_good_a_few_ticks_at_a_time(twin):
    list(twin.advance(10.2, most=4))
    assert twin.time == pytest.approx(10.016) and twin.overruns == 0


def points(*rows):
    """A trajectory of all joints alike: (time, position, velocity) each."""
    times, positions, velocities = np.array(rows).T
    columns = [np.repeat(values[:, None], 7, axis=1) for values in (positions, velocities)]
    return Points(times, *columns)


# half way there the speed is 0.25 rad/s, the acceleration at most 5 rad/s^2; joint 4 goes down
GENTLE = points((10.1, 0.0, 0.0), (10.2, -0.0125, -0.25), (10.3, -0.025, 0.0))
JUMP = points((10.02, -0.2, 0.0), (10.05, -0.2, 0.0))


def test_the_drives_follow_the_positions_of_a_trajectory_to_its_rest(twin):
    assert twin.trajectory(GENTLE, 10.0) == ''
    go(twin, 10.4)
    position, velocity = (np.array(values) for values in zip(*twin.sim.led))
    assert position.shape == (101, 7) and velocity.shape == (101, 9)
    times = 10.0 + 0.004 * np.arange(101) + 0.004  # led to where it is at the end of the tick
    assert position[np.abs(times - 10.2).argmin()] == pytest.approx(-0.0125, abs=1e-5)
    assert velocity[np.abs(times - 10.2).argmin(), 0] == pytest.approx(-0.25, abs=0.01)
    assert position[-1] == pytest.approx(-0.025) and not velocity[-1].any()
    assert twin.sim.given == [] and (twin.arm.mode, twin.arm.errors) == (MOVE, ())


def test_a_trajectory_that_is_over_is_refused_and_an_array_ends_one(twin):
    assert 'ended' in twin.trajectory(points((9.0, 0.0, 0.1), (9.5, 0.1, 0.0)), 10.0)
    twin.trajectory(GENTLE, 10.0)
    twin.command(np.full(7, 0.5), 10.0)
    go(twin, 10.01)
    assert twin.sim.led == [] and twin.sim.given[0][0] == 0.5


def test_a_trajectory_is_followed_from_when_it_was_sent_though_the_twin_is_late():
    twin = start(reflexes='none')
    twin.trajectory(GENTLE, 10.0)
    go(twin, 10.1)
    twin.trajectory(points((10.0, 0.0, 0.0), (10.4, 0.0, 0.0)), 10.2)  # heard before its time
    go(twin, 10.3)
    at = {round(10.004 + 0.004 * k, 3): led[0][0] for k, led in enumerate(twin.sim.led)}
    assert at[10.2] == pytest.approx(-0.0125, abs=1e-4) and at[10.208] == 0.0


def test_a_jump_of_the_position_is_a_reflex_and_the_arm_is_recovered_on_request_only(twin):
    twin.trajectory(GENTLE, 10.0)
    go(twin, 10.15)
    before = twin.sim.led[-1][0][0]
    twin.trajectory(points((10.1, -0.1, 0.0), (10.4, -0.1, 0.0)), 10.15)
    go(twin, 10.3)
    assert twin.arm.mode == REFLEX and ACCELERATION in twin.arm.errors
    ends = twin.sim.led[-1][0][0]
    assert before - 0.01 < ends < before and not twin.sim.led[-1][1].any(), 'it braked by itself'
    told = twin.trajectory(points((10.3, ends, 0.0), (10.5, ends, 0.0)), 10.3)
    assert told.startswith('the arm is in reflex joint_motion_generator_velocity_limits_violation')
    go(twin, 10.5)
    assert twin.sim.led[-1][0][0] == ends
    assert twin.recover() == REFLEX and twin.arm.mode == IDLE
    assert twin.trajectory(points((10.6, 0.0, 0.0), (10.8, -0.002, 0.0)), 10.5) == ''
    go(twin, 10.9)
    assert twin.arm.mode == MOVE and twin.sim.led[-1][0][0] == -0.002


def test_arrays_hold_until_the_watchdog_stops_an_arm_that_moves(twin):
    go(twin, 9.996)
    twin.command(np.full(7, 0.3), 10.0)
    twin.gripper(np.full(2, 0.1), 10.0)
    go(twin, 10.098)
    assert twin.arm.mode == MOVE and twin.sim.given[-1].tolist() == [0.3] * 7 + [0.1] * 2
    go(twin, 10.104)
    assert (twin.arm.mode, twin.arm.errors) == (REFLEX, (SILENCE,))
    go(twin, 10.2)
    assert not twin.sim.given[-1].any()
    twin.command(np.full(7, 0.3), 10.2)
    go(twin, 10.25)
    assert not twin.sim.given[-1].any(), 'commands move nothing'
    twin.start(11.0)
    assert twin.arm.mode == IDLE, 'the scene begins anew, and so does the robot'


def test_a_command_that_is_not_finite_stops_the_arm_and_reaches_no_drive(twin):
    twin.command(np.array([0.1] * 6 + [np.nan]), 10.0)
    go(twin, 10.1)
    assert twin.arm.errors == (NOT_FINITE,) and not np.any(twin.sim.given)


def test_the_guards_array_stream_held_for_a_tick_is_more_than_an_arm_takes():
    twin = start(reflexes='all')
    for k in range(5):  # joint 2 takes 7.5 rad/s^2; the guard's 5 come 4 ms at once
        twin.command(np.full(7, 0.02 * (k + 1)), 10.0 + 0.004 * k)
        list(twin.advance(10.0 + 0.004 * k))
    assert ACCELERATION in twin.arm.errors


def test_the_user_stop_stops_the_arm_until_it_is_released_and_recovered(twin):
    twin.command(np.full(7, 0.01), 10.0)
    go(twin, 10.02)
    twin.arm.user_stop(True)
    go(twin, 10.05)
    assert twin.arm.mode == USER_STOPPED and not twin.sim.given[-1].any()
    with pytest.raises(RecoveryError):
        twin.recover()
    twin.arm.user_stop(False)
    assert twin.recover() == USER_STOPPED


def test_time_that_the_twin_loses_itself_is_judged_by_nobody():
    twin = start()
    far = points((10.1, 0.0, 0.0), (10.2, -0.0125, -0.25), (12.0, -0.4625, -0.25), (12.2, -0.5, 0))
    twin.trajectory(far, 10.0)
    go(twin, 10.3)
    twin.trajectory(far, 11.8)  # sent while the twin stood still
    list(twin.advance(11.9))
    assert twin.overruns == 1 and twin.arm.mode == MOVE
    assert abs(twin.sim.led[-1][0][0] - -0.4375) < 0.002


def test_a_frame_says_which_parts_of_the_task_are_in_place(twin):
    task = next(seen for seen in twin.advance(10.0) if isinstance(seen, Task))
    assert task.parts == {'door': True, 'light': False}
    assert all(type(done) is bool for done in task.parts.values())  # JSON knows no numpy


class Moving(Still):
    """A simulation whose joints and images show the number of ticks."""

    @property
    def position(self):
        return np.full(9, self.ticks)

    @position.setter
    def position(self, _):
        pass

    def render(self, camera, height, width):
        return np.full((height, width, 3), self.ticks % 200, np.uint8)


def disturbed(stream='camera', **settings):
    wrong = Disturbance(**{stream: StreamDisturbance(**settings)}, seed=3)
    return start(Moving(), disturbance=wrong)


def test_a_cameras_latency_delays_its_images_and_neither_their_stamps_nor_the_task():
    twin = disturbed(latency=0.05)
    images = seen(twin, Images, 10.3)
    assert [one.time for _, one in images] == pytest.approx([10.0, 10.08, 10.16, 10.24])
    assert [now - one.time for now, one in images] == pytest.approx([0.052] * 4)
    assert [one.images['front'][0, 0, 0] for _, one in images] == [0, 20, 40, 60]
    twin.start(10.3)
    assert [now - one.time for now, one in seen(twin, Task, 10.5)] == pytest.approx([0, 0, 0])


def test_jitter_is_drawn_for_each_message_and_none_overtakes_another():
    late = [
        [now - one.time for now, one in seen(disturbed('joints', jitter=0.03), Joints, 10.8)]
        for _ in range(2)
    ]
    assert late[0] == late[1], 'the same seed draws the same'
    assert 0.0 <= min(late[0]) < 0.008 and 0.02 < max(late[0]) < 0.04
    twin = disturbed('joints', jitter=0.03)
    seen(twin, Joints, 10.4)
    for seed in (4, 3):
        twin.disturb(replace(twin.disturbance, seed=seed))
    again = [now - one.time for now, one in seen(twin, Joints, 10.8)]
    assert again[8:40] == pytest.approx(late[0][8:40]), 'from the beginning'
    order = [one.time for _, one in seen(disturbed('joints', jitter=0.03), Joints, 10.8)]
    assert order == sorted(order)


@pytest.mark.parametrize('stream, kind, sent', [('camera', Images, 126), ('joints', Joints, 1251)])
def test_a_share_of_the_messages_is_lost(stream, kind, sent):
    count = len(seen(disturbed(stream, drop=0.3), kind, 20.0))
    assert abs(count / sent - 0.7) < 0.1
    assert seen(disturbed(stream, drop=1.0), kind, 11.0) == []


def test_a_frozen_camera_shows_its_last_image_with_new_stamps_while_the_joints_go_on():
    twin = disturbed()
    seen(twin, Images, 10.1)
    twin.disturb(replace(twin.disturbance, camera=StreamDisturbance(frozen=True)))
    images = seen(twin, Images, 10.3)
    assert [one.images['front'][0, 0, 0] for _, one in images] == [20, 20]
    assert [one.time for _, one in images] == pytest.approx([10.16, 10.24])
    twin.disturb(Disturbance())
    ((_, image),) = seen(twin, Images, 10.34)
    assert image.images['front'][0, 0, 0] == 80


def test_frozen_joints_repeat_their_values_with_new_stamps():
    joints = [one for _, one in seen(disturbed('joints', frozen=True), Joints, 10.1)]
    assert [one.position[0] for one in joints] == [0] * 13
    assert np.diff([one.time for one in joints]) == pytest.approx(0.008)


def test_a_clock_that_is_ahead_stamps_so_and_follows_a_trajectory_so_much_earlier():
    twin = start(disturbance=Disturbance(clock_offset=0.05))
    kinds = [(type(one), one.time) for one in twin.advance(10.0)]
    assert kinds == [(Task, 10.05), (Joints, 10.05), (Images, 10.05)]
    assert twin.time == pytest.approx(10.004)
    twin.trajectory(GENTLE, 10.0)
    go(twin, 10.148)
    assert twin.sim.led[-1][0][0] == pytest.approx(-0.0125, abs=1e-3)  # at 10.2 by its clock


@pytest.mark.parametrize('lag', [0.005, 0.04])
def test_the_drives_follow_late_by_the_lag(lag):
    twin = start(disturbance=Disturbance(lag=lag))
    twin.trajectory(GENTLE, 10.0)
    go(twin, 10.4)
    positions = np.array([position[0] for position, _ in twin.sim.led])
    begins = 10.4 - 0.004 * len(positions) + 0.004
    times = begins + 0.004 * np.arange(1, len(positions) + 1) - 0.001  # the last millisecond
    exact = TrajectoryController(np.zeros(7))
    exact.receive(GENTLE, 10.0)
    whole = [exact.update(now)[0][0] for now in np.arange(10.0, 10.4, 0.001)]
    wanted = np.interp(times - lag, np.arange(10.0, 10.4, 0.001), whole)
    assert positions == pytest.approx(wanted, abs=2e-6) and positions.min() == pytest.approx(
        -0.025
    )


@pytest.mark.parametrize('view', ['front', 'paper'])
def test_the_twin_sees_what_the_training_environment_sees_under_the_same_views(view):
    robot, task = load_robot('kitchen_sim'), 'kitchen-microwave'
    config = load_ros_config('franka_kitchen', {'twin.views.front': view, 'record.source': 'sim'})
    setup = recorded_setup(config, robot)
    env, twin = make(task, setup=setup), TwinSim(task, robot, config.twin.views)
    seen, _ = env.reset(seed=3)
    twin.start(3)
    assert np.array_equal(twin.render('front', 64, 64), seen['front'])
    assert setup == choose_setup(task, view=view)
    env.close()
    twin.close()


@pytest.mark.parametrize(
    'name', ['camera turned 5 degrees', 'lamp at 75 %', 'unseen object, large']
)
def test_the_twin_sees_a_shift_as_the_environment_that_measured_the_gate_does(name):
    robot, task = load_robot('kitchen_sim'), 'kitchen-microwave'
    env = shifted_env(task, choose_setup(task), SHIFTS[name], size=64)
    twin, plain = TwinSim(task, robot, shift=name), TwinSim(task, robot)
    seen, _ = env.reset(seed=3)
    twin.start(3)
    plain.start(3)
    wanted = picture(SHIFTS[name], seen['front'], 0, None)
    assert np.array_equal(twin.render('front', 64, 64), wanted)
    assert not np.array_equal(plain.render('front', 64, 64), wanted)
    for one in (env, twin, plain):
        one.close()


def test_a_shift_that_is_not_there_is_refused_before_anything_is_made():
    with pytest.raises(ConfigError, match="'lamp at 70 %'. Did you mean 'lamp at 75 %'"):
        check_twin(TwinParams(shift='lamp at 70 %'), load_robot('kitchen_sim'))
    with pytest.raises(ConfigError, match='unknown twin.shift'):
        check_twin(TwinParams(shift="another episode's picture"), load_robot('kitchen_sim'))


@pytest.mark.parametrize('views', [{'front': 'papr'}, {'side': 'paper'}])
def test_a_view_or_a_camera_that_is_not_there_is_refused(views):
    with pytest.raises(ConfigError, match='unknown camera'):
        TwinSim('kitchen-microwave', load_robot('kitchen_sim'), views)
