"""Twin, guard, policy and recorder as processes, over DDS; the tests share one bring-up."""

import time

import numpy as np
import pytest
from mcap.reader import make_reader
from rclpy.serialization import deserialize_message
from rich.console import Console
from sensor_msgs.msg import Image, JointState

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.errors import MotoError
from moto_ros.chaos import masters, people, requests
from moto_ros.chaos.running import longest_gap
from moto_ros.loops.session import Session, SessionConfig
from moto_ros.services import GUARD, POLICY, RECORDER, TWIN
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb, to_ns
from tests.ros.chaos.lent import expect_met

pytestmark = pytest.mark.ros
MOVING = 0.1  # [rad/s] the most that a stopped servo creeps
STILL = 0.03  # [rad/s] when it has settled


@pytest.fixture(scope='module')
def running(start):
    return start(policy='random', seed='5')


def begin(running):
    """Resets, arms and starts an episode; returns when the arm moves."""
    if running.latest.guard.state == 'FAULT':
        running.spin(0.6)
        running.graph.call(GUARD, 'reset_fault')
    running.reset()
    running.arm()
    identity = running.graph.call(RECORDER, 'start_episode')
    running.graph.latest.decisions.clear()
    running.wait(
        lambda: running.speed() > 0.15 and len(running.graph.latest.decisions) > 8, 15, 'motion'
    )
    return identity


def test_an_episode_recorded_through_ros_reads_back(running):
    session = Session(running.graph, SessionConfig(episodes=1, max_steps=20), Console(quiet=True))
    result = session.run()
    (told,) = result.episodes
    assert (told.seed, told.steps, told.success, told.ended) == (5, 20, False, 'timeout')
    assert len(result.latency_ms) == 21 and min(result.latency_ms) > 0
    assert result.guard_interventions['acceleration'] > 0
    running.wait(lambda: any(e.state == 'ended' for e in running.events), 5, 'the end')
    with Dataset.open(running.dataset) as dataset:
        record = dataset.find(told.id)
        assert record.rows in (21, 22)  # one more if it was decided while the call was on its way
        assert (record.outcome, record.policy_hash) == ('failure', 'random')
        assert (record.task, record.source) == ('kitchen-microwave', 'sim')
        episode, later = read_episode(record.path), record.rows - 1
    assert episode.images['front'].shape == (later + 1, 64, 64, 3)
    assert episode.images['front'][0].std() > 10
    assert not np.array_equal(episode.images['front'][0], episode.images['front'][-1])
    assert episode.requested.shape == episode.executed.shape == (later + 1, 9)
    assert np.abs(episode.requested).max() <= 1 and episode.requested.std() > 0.3
    assert 0.005 < np.abs(episode.executed[:-1, :7]).mean() < 0.5
    assert episode.is_first.tolist() == [True] + [False] * later
    assert episode.is_last.tolist() == [False] * later + [True]
    periods = np.diff(episode.stamp) / 80e6
    assert periods.min() > 0.94 and abs(np.median(periods) - 1) < 0.01
    lost = np.floor(periods + 0.06).sum() - later  # on a busy machine; each is counted
    assert lost <= result.missed_periods
    assert not episode.success.any() and episode.reward.sum() == 0
    assert not episode.gap.any() and not episode.done_parts.any()
    header = episode.header
    assert (header.seed, header.parts, header.setup.profile) == (5, ('microwave',), 'normal')
    assert abs(header.created - time.time_ns()) < 600e9 > abs(episode.stamp[0] - header.created)


def test_an_episode_holds_joints_camera_and_the_guards_state_at_their_rates(running):
    with Dataset.open(running.dataset) as dataset:
        path = dataset.episodes()[0].path
    kinds = {'/joint_states': JointState, '/camera/camera/color/image_raw': Image}
    times = {}  # by the messages' own stamps: a recorder that catches up hears them faster
    with path.open('rb') as file:
        for _, channel, message in make_reader(file).iter_messages():
            stamp = message.log_time
            if kind := kinds.get(channel.topic):
                stamp = to_ns(deserialize_message(message.data, kind).header.stamp)
            times.setdefault(channel.topic, []).append(stamp * 1e-9)
    rates = {topic: (len(t) - 1) / np.ptp(t) for topic, t in times.items() if len(t) > 2}
    assert 115 < rates['/joint_states'] < 135  # 125 Hz
    assert 10 < rates['/camera/camera/color/image_raw'] < 15
    assert 7 < rates['/moto/guard/state'] < 13


def test_executed_belongs_to_the_row_of_its_request(running):
    with Dataset.open(running.dataset) as dataset:
        episode = read_episode(dataset.episodes()[0].path)
    requested, executed = episode.requested[:-1, 7:], episode.executed[:-1, 7:]
    assert np.abs(requested - executed).mean() < 0.15  # fingers follow at once, but for a tick
    assert np.abs(requested[1:] - executed[:-1]).mean() > 0.4


def test_between_episodes_the_policy_asks_for_rest(running):
    running.reset()
    running.arm()
    running.graph.latest.decisions.clear()
    running.wait(lambda: running.latest.guard.state == 'RUNNING', 5, 'RUNNING')
    running.spin(0.5)
    assert running.graph.latest.decisions == [] and running.speed() < STILL
    running.graph.call(GUARD, 'disarm')


def test_a_rogue_nan_never_reaches_the_robot_and_latches_a_fault(running):
    expect_met(requests.not_finite, running)
    assert not any(m.header.frame_id for m in running.executed)


def test_a_second_publisher_on_the_command_topic_is_two_masters(running):
    expect_met(masters.two_masters, running)
    expect_met(masters.reset_beside_another, running)


def test_an_estop_survives_cleanup_and_configure(running):
    expect_met(people.estop_survives, running)


def test_an_estop_latches_until_it_is_released_and_reset(running):
    expect_met(people.estop, running)


def test_a_person_takes_over_within_an_episode_and_the_rows_say_so(running):
    identity = begin(running)
    asked_for = time.monotonic()
    running.graph.call(GUARD, 'set_intervention', True)
    taken = time.monotonic()
    running.drive([0.0] * 9, 1.0)
    assert running.latest.guard.source == 'teleop' and running.speed() < STILL
    given = time.monotonic()
    running.graph.call(GUARD, 'set_intervention', False)
    back = time.monotonic()
    running.wait(lambda: running.speed() > 0.15, 5, "the policy's motion")
    running.spin(0.5)
    running.graph.call(GUARD, 'disarm')
    running.graph.call(RECORDER, 'end_episode', False)
    running.wait(lambda: running.latest.recorder.state == 'idle', 5, 'the end')
    with Dataset.open(running.dataset) as dataset:
        episode = read_episode(dataset.find(identity).path)
    marked = np.flatnonzero(episode.intervention)
    period = running.robot.spec.period
    least, most = (given - taken) / period - 2, (back - asked_for) / period + 2
    assert least <= len(marked) <= most and np.ptp(marked) == len(marked) - 1
    assert least > 9 and marked[0] > 0 and marked[-1] < len(episode.intervention) - 1
    held = episode.executed[marked[0] + 5 : marked[-1] - 1]
    asked = episode.requested[marked[0] + 5 : marked[-1] - 1]
    assert np.abs(held).max() < 0.01 < 0.3 < np.abs(asked).mean()


@pytest.mark.parametrize(
    'encoding, size, texts',
    [
        ('16UC1', 64, ["'16UC1'", 'expected one of rgb8']),
        ('rgb8', 32, ['32 x 32 px', '64 x 64 px']),
    ],
)
def test_a_wrong_image_is_an_error_that_names_found_and_expected(running, encoding, size, texts):
    camera = running.node.create_publisher(
        Image, '/camera/camera/color/image_raw', interface.SENSOR
    )
    message = from_rgb(np.zeros((size, size, 3), np.uint8), running.graph.now(), 'front')
    message.encoding = encoding
    end = time.monotonic() + 10
    problem = ''
    while texts[0] not in problem and time.monotonic() < end:
        camera.publish(message)
        running.spin(0.01)
        problem = running.latest.policy.problem
    running.node.destroy_publisher(camera)
    assert all(text in problem for text in texts), problem


def test_a_covered_camera_is_black_but_not_frozen(running):
    seen = []
    topic = '/camera/camera/color/image_raw'
    heard = running.node.create_subscription(Image, topic, seen.append, interface.SENSOR)
    running.graph.call(TWIN, 'cover_camera', True)
    running.spin(0.5)
    seen.clear()
    running.wait(lambda: len(seen) >= 3, 10, 'images')
    running.graph.call(TWIN, 'cover_camera', False)
    running.node.destroy_subscription(heard)
    images = [np.frombuffer(m.data, np.uint8) for m in seen[:3]]
    assert max(image.max() for image in images) < 3
    assert not np.array_equal(images[0], images[1])


def test_a_recorder_killed_in_an_episode_loses_at_most_a_step_and_stops_nothing(running):
    identity = begin(running)
    running.wait(lambda: len(running.graph.latest.decisions) >= 12, 10, 'steps')
    killed = running.kill(RECORDER)
    seen = len(running.graph.latest.decisions)
    running.wait(lambda: len(running.graph.latest.decisions) >= seen + 5, 10, 'more steps')
    seen = sum(decision.stamp <= killed for decision in running.graph.latest.decisions)
    assert running.latest.guard.state == 'RUNNING', running.latest.guard
    running.start(RECORDER)
    running.graph.call(GUARD, 'disarm')
    with Dataset.open(running.dataset) as dataset:
        record = dataset.find(identity)
    assert record.ended == 'recovered'
    assert seen - 2 <= record.rows <= seen  # the kill may fall between a step and its row


def test_the_policy_is_swapped_between_episodes_only(running):
    begin(running)
    with pytest.raises(MotoError, match='stop the episode'):
        running.graph.call(POLICY, 'reload_policy')
    running.graph.call(RECORDER, 'stop_episode')
    running.wait(lambda: running.latest.policy.waiting, 5, 'the end of the episode')
    assert running.graph.call(POLICY, 'reload_policy') == 'random'
    assert running.graph.call(POLICY, 'rollback_policy') == 'random'
    running.graph.call(RECORDER, 'discard_episode')


def kill_policy(running):
    """Kills the policy in an episode; returns what moved after it, and starts it again.

    Times [s] since the kill and speeds [rad/s] of the arm, the same of the commands, and when the
    guard first refused a request as stale.
    """
    identity = begin(running)
    running.joints.clear()
    running.executed.clear()
    running.reasons.clear()
    killed = running.kill(POLICY)
    running.spin(1.0)
    stamps, _, velocity = running.motion()
    ticks = np.array([to_ns(m.header.stamp) for m in running.executed])
    sent = np.array([np.abs(m.velocity[:7]).max() for m in running.executed])
    stale = min(c.stamp for c in running.reasons if 'request_stale' in c.reasons)
    assert max(longest_gap(stamps, killed), longest_gap(ticks, killed)) < 0.15  # heard whole
    running.wait(
        lambda: any(e.state == 'ended' and e.episode == identity for e in running.events),
        5,
        "the episode's end",
    )
    with Dataset.open(running.dataset) as dataset:
        record = dataset.find(identity)
        assert record.ended == 'policy_died' and record.rows >= 8
    running.start(POLICY)
    running.wait(lambda: running.latest.guard.state in ('FAULT', 'READY'), 5, 'a fault')
    assert running.latest.guard.cause[0] == 'request_timeout'
    running.spin(0.6)
    running.graph.call(GUARD, 'reset_fault')
    return (
        (stamps - killed) * 1e-9,
        np.abs(velocity).max(axis=1),
        (ticks - killed) * 1e-9,
        sent,
        (stale - killed) * 1e-9,
    )


@pytest.mark.parametrize(
    'repetition', [0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))]
)
def test_the_arm_brakes_to_rest_from_0_2_s_after_the_policys_last_image(running, repetition):
    after, speed, ticks, sent, stale = kill_policy(running)
    assert speed[after <= 0.05].max() > 0.1 and after[-1] > 0.8
    assert 0.1 < stale < 0.22  # 2.5 periods from the image's stamp, which the kill followed
    begin_speed = sent[ticks <= stale].max(initial=0.0, where=ticks[ticks <= stale] > stale - 0.02)
    rest = ticks[sent > 0.0].max()  # every command after it is exactly 0
    brake = 5.0  # [rad/s^2] of kitchen_sim's profile 'normal'
    assert stale < rest < stale + begin_speed / brake + 0.06  # the jerk's share and the last ticks
    assert after[speed > MOVING].max() < rest + 0.05
    assert after[speed > STILL].max() < rest + 0.35  # the Kitchen's servos creep for 0.1 s


def test_a_signal_brings_the_arm_to_rest_before_the_guard_ends(running):
    begin(running)
    running.joints.clear()
    guard = running.children.running[GUARD]
    running.executed.clear()
    for _ in range(3):
        guard.send_signal(2)
    running.wait(lambda: guard.poll() is not None, 10, "the guard's end")
    running.spin(0.3)
    assert guard.returncode == 0
    commanded = [np.abs(m.velocity[:7]).max() for m in running.executed]
    assert max(commanded) > 0.1 and commanded[-1] == 0.0
    assert np.abs(np.diff([m.velocity[:7] for m in running.executed], axis=0)).max() < 0.04
    assert running.speed() < STILL
