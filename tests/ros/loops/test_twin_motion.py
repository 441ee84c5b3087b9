"""The twin moves as the training environment does, and stops when nobody commands it."""

import os
import signal
import time

import numpy as np
import pytest

from moto_core.errors import MotoError
from moto_ros.chaos.acting import person
from moto_ros.chaos.running import longest_gap
from moto_ros.config import CommandConfig
from moto_ros.services import GUARD, TWIN
from moto_sim.tasks import make

pytestmark = pytest.mark.ros
ACTIONS = 25
ATTEMPTS = 5  # on a busy machine a process may not get its turn
TOLERANCE = 0.02  # [rad] over a path of up to 0.8 rad
STILL = 0.03  # [rad/s]
BEGUN = 5.0  # [s] within which the guard leads the arm
LAG = 0.004  # [s] of a tick: the drives are led to its end


def action(t):
    """A smooth action (9,) of decision t, below the guard's cap in every joint."""
    phase = np.arange(7)
    return np.concatenate([0.22 * np.sin(2 * np.pi * t / 20 + phase), [0.0, 0.0]])


@pytest.fixture(scope='module')
def env():
    env = make('kitchen-microwave')
    yield env
    env.close()


@pytest.fixture(scope='module')
def arrays(start):
    return start({TWIN, GUARD}, seed='7')


@pytest.fixture
def trajectories(start):
    return start({TWIN, GUARD}, seed='7', command_mode='trajectory')


def env_path(env, seed):
    """Arm positions (ACTIONS + 1, 7) at each decision, and the finger-free actions' velocities."""
    env.reset(seed=seed)
    path = [env.task.joints()[0][:7]]
    for t in range(ACTIONS):
        env.step(action(t).astype(np.float32))
        path.append(env.task.joints()[0][:7])
    return np.array(path)


def goes_on(running):
    return running.latest.guard.state == 'RUNNING' and running.speed() > 0.25


def stand(running):
    """Asks for rest until the guard leads the arm by what is asked: a beginning takes its time."""
    running.reasons.clear()
    end = time.monotonic() + BEGUN
    while not (running.reasons and led(running.reasons[-1])) and time.monotonic() < end:
        running.drive(np.zeros(9), 0.1)
    assert led(running.reasons[-1]), running.reasons[-1]


def led(change):
    return change.state == 'RUNNING' and 'beginning' not in change.reasons


def ros_path(running):
    """Arm positions heard while the same actions are requested; stamps [s] from the first one.

    The last value says whether the machine kept time: each request sent within 15 ms of its time,
    joints every 40 ms, and the guard never held.
    """
    running.take_over()
    period, scale = running.robot.spec.period, running.robot.spec.scale
    stand(running)
    running.joints.clear()
    running.reasons.clear()
    begin, late = running.graph.now(), []
    for t in range(ACTIONS):
        late.append((running.graph.now() - begin) * 1e-9 - t * period)
        running.request(action(t) * scale)
        running.spin(max(0.0, (t + 1) * period - (running.graph.now() - begin) * 1e-9))
    running.request(np.zeros(9))
    running.spin(0.15)
    running.graph.call(GUARD, 'disarm')
    if running.latest.guard.state == 'FAULT':  # by requests that came late
        running.graph.call(GUARD, 'reset_fault')
    stamps, position, _ = running.motion()
    held = any(
        'stale' in reason or 'rest' in reason
        for change in running.reasons
        for reason in change.reasons
        if begin <= change.stamp < begin + ACTIONS * period * 1e9
    )
    steady = max(late) < 0.015 and np.diff(stamps).max() < 40e6 and not held
    return (stamps - begin) * 1e-9, position, steady


def paths(env, running, lag=0.0):
    """Arm positions (ACTIONS + 1, 7) of one action sequence, in training and through ROS."""
    for _ in range(ATTEMPTS):
        told = running.reset()
        wanted = env_path(env, told.seed)
        running.wait(lambda: len(running.joints) > 2)
        assert np.abs(np.array(running.joints[0].position[:7]) - wanted[0]).max() < 2e-3
        times, position, steady = ros_path(running)
        if steady:
            break
    assert steady, f'the machine kept no time in any of {ATTEMPTS} attempts'
    decisions = np.arange(ACTIONS + 1) * running.robot.spec.period + lag
    found = np.array([np.interp(decisions, times, column) for column in position.T]).T
    return wanted, found


def test_one_action_sequence_gives_one_motion_in_training_and_through_ros(env, arrays):
    wanted, found = paths(env, arrays)
    assert np.ptp(wanted, axis=0).min() > 0.2
    assert np.abs(found - wanted).max() < TOLERANCE


def test_resets_are_the_training_environments(env, arrays):
    starts = []
    for _ in range(2):
        told = arrays.reset()
        arrays.wait(lambda: len(arrays.joints) > 0)
        env.reset(seed=told.seed)
        starts.append(np.array(arrays.joints[0].position[:7]))
        assert np.abs(starts[-1] - env.task.joints()[0][:7]).max() < 2e-3
    assert np.abs(starts[0] - starts[1]).max() > 0.02


def test_without_its_guard_the_twins_watchdog_stops_an_array_command(arrays):
    person(arrays)
    arrays.kill(GUARD)
    arrays.spin(1.0)
    assert arrays.speed() < STILL
    assert abs(arrays.joints[-1].position[0] - arrays.joints[0].position[0]) < 0.15


def test_trajectories_give_the_same_motion_later_by_their_delay(env, trajectories):
    wanted, found = paths(env, trajectories, lag=CommandConfig().delay + LAG)
    assert np.abs(found - wanted).max() < TOLERANCE
    assert not trajectories.latest.guard.cause


@pytest.mark.parametrize(
    'ended',
    [
        *('DEACTIVATE', 'ACTIVE_SHUTDOWN', signal.SIGTERM),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_guard_that_ends_leads_the_arm_to_rest_and_never_back(trajectories, ended):
    running = trajectories
    running.changer(GUARD)  # found while the arm is at rest: discovery takes its time
    person(running)
    before = running.joints[-1].position[0]  # what comes next may be missing on a busy machine
    running.joints.clear()
    if isinstance(ended, str):
        assert running.change(GUARD, ended)
    else:
        os.kill(running.children.running[GUARD].pid, ended)
    running.spin(1.5)
    stamps, position, velocity = running.motion()
    speed = np.diff(position[:, 0]) / (np.diff(stamps) * 1e-9)  # messages may be missing between
    assert min(speed.min(), velocity[:, 0].min()) > -STILL, 'never back'
    assert 0.02 < position[-1, 0] - before < 0.15
    assert running.speed() < STILL


@pytest.mark.parametrize('seconds', [0.5, pytest.param(3.0, marks=pytest.mark.slow)])
def test_a_guard_that_stood_still_makes_no_jump_when_it_goes_on(trajectories, seconds):
    running = trajectories
    asked = person(running)
    running.joints.clear()
    process = running.children.running[GUARD]
    os.kill(process.pid, signal.SIGSTOP)
    running.drive(asked, seconds)
    os.kill(process.pid, signal.SIGCONT)
    running.drive(asked, 1.0)
    stamps, position, velocity = running.motion()
    speed = np.diff(position[:, 0]) / (np.diff(stamps) * 1e-9)
    assert speed.min() > -STILL and speed.max() < 0.5, 'never back, never fast'
    assert np.abs(velocity[:, 0]).min() < STILL, 'it came to rest'
    end = time.monotonic() + BEGUN  # requests come late on a busy machine, and it holds again
    while not goes_on(running) and time.monotonic() < end:
        running.drive(asked, 0.1)
    assert goes_on(running), 'and went on'


def test_an_arm_away_from_home_is_led_there_before_a_policy_may_drive(trajectories):
    running = trajectories
    running.reset()
    running.take_over()
    for _ in range(40):  # on a busy machine the first requests may come too late
        running.drive([0.4, 0.0, 0.0, 0.4] + [0.0] * 5, 0.25)
        if running.latest.guard.from_home > 0.25:
            break
    running.graph.call(GUARD, 'disarm')
    running.latest.guard = None
    running.graph.call(GUARD, 'set_intervention', False)
    running.wait(lambda: running.latest.guard and running.latest.guard.at_rest, 5, 'rest')
    assert running.latest.guard.from_home > 0.2
    with pytest.raises(MotoError, match='panda_joint[14] is .* from home, beyond 0.1 rad'):
        running.graph.call(GUARD, 'arm')
    running.joints.clear()
    running.graph.call(GUARD, 'home')
    running.wait(lambda: running.latest.guard.source == 'home', 5, 'the way home')
    running.wait(lambda: running.latest.guard.source == 'policy', 15, 'home')
    _, _, velocity = running.motion()
    assert 0.2 < np.abs(velocity).max() < 0.55  # a quarter of 2 rad/s
    running.wait(lambda: running.latest.guard.at_rest, 5, 'rest')
    assert running.latest.guard.from_home < 0.05
    assert running.graph.call(GUARD, 'arm') == 'armed'
    running.graph.call(GUARD, 'disarm')


def kill_guard(start):
    """Kills the guard while the arm follows trajectories; times [s] since, speeds [rad/s]."""
    running = start({TWIN, GUARD}, command_mode='trajectory')
    running.drive(person(running), 0.2)
    assert all(not any(m.points[-1].velocities) for m in running.commands if hasattr(m, 'points'))
    killed = running.kill(GUARD)
    running.spin(1.0)
    stamps, _, velocity = running.motion()
    assert longest_gap(stamps, killed) < 0.15  # heard whole
    return (stamps - killed) * 1e-9, np.abs(velocity).max(axis=1)


def test_a_trajectory_ends_at_rest_when_its_guard_dies(start):
    after, speed = kill_guard(start)
    assert after[speed > 0.1].max() < 0.4
    assert speed[-1] < STILL
