"""The recorder's node, inside the test process: whose rows it writes, and when it stops."""

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from moto_core.episodes import messages
from moto_core.episodes.black_box import black_boxes, read_black_box
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.messages import decode
from moto_core.episodes.reader import read_episode, salvage
from moto_core.errors import EpisodeError
from moto_ros.loops.hearing import SILENT
from moto_ros.messages import TaskState
from moto_ros.nodes.raw_topics import JOINT_QUEUE
from moto_ros.nodes.recorder import RecorderNode
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from moto_ros.wire.joints import joint_state
from tests.ros.nodes.waiting import speaking, wait
from tests.ros.test_messages import GUARD as GUARD_TOLD
from tests.ros.told import decided, guarded, policy_status

SUCCESS = TransitionCallbackReturn.SUCCESS
PERIOD = 80_000_000  # [ns]


def recorder(make, tmp_path, **given):
    """A recorder that has just heard a policy and begun an episode; its id.

    A guard speaks, whatever else it is made to say.
    """
    node = listening(make, tmp_path, **given)
    node.on_status(None)
    speaking(node)
    return node, node.start()


def listening(make, tmp_path, **given):
    """A recorder that is active and has heard nobody."""
    given = {'record.dataset': tmp_path / 'd', 'record.task': 'door', **given}
    node = make(RecorderNode, **given)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    return node


def feed(node, identity, rows, begin, ticks=20, told=lambda number: guarded()):
    """Gives decisions with their images, what the guard says at each, and its ticks at 250 Hz.

    Their velocities are a quarter of the scale.
    """
    spec = node.robot.spec
    for number in rows:
        stamp = begin + number * PERIOD
        word = told(number)
        if word is not None:
            node.on_reasons(guarded(word.state, word.reasons, stamp, word.source))
        node.on_image('front', from_rgb(np.full((64, 64, 3), number, np.uint8), stamp))
        node.on_decision(decided(identity, number, stamp, action=(0.5,) * 9))
        for tick in range(ticks):
            velocity = 0.25 * np.array(spec.scale)
            node.on_executed(joint_state(spec.names, stamp + tick * 4_000_000, velocity))


def recorded(node, tmp_path, identity):
    """The record and the rows of an episode that ends."""
    wait(node, lambda: node.recording.state == 'idle')
    with Dataset.open(tmp_path / 'd') as dataset:
        record = dataset.find(identity)
        return record, read_episode(record.path)


def test_an_episode_whose_policy_says_nothing_more_ends_as_policy_died(make, tmp_path):
    node, _ = recorder(make, tmp_path, **{'record.policy_timeout': 0.3})
    node.publish_status()
    assert node.recording.state == 'recording'
    wait(node, lambda: node.recording.state != 'recording')
    assert node.recording._ended == 'policy_died'


@pytest.mark.parametrize('longest', [0.0, 0.3])
def test_an_episode_that_nobody_ends_is_not_for_ever(make, tmp_path, longest):
    node, identity = recorder(make, tmp_path, **{'record.longest': longest})
    feed(node, identity, range(3), node.now())
    node.publish_status()
    assert node.recording.state == 'recording'
    until = node.steady_now() + 0.4
    wait(node, lambda: node.on_status(None) or node.steady_now() > until)
    if not longest:
        assert node.recording.state == 'recording'
        node.stop()
    record, _ = recorded(node, tmp_path, identity)
    assert record.ended == ('too_long' if longest else 'done')
    assert record.outcome == 'unlabelled' and record.rows


def test_a_start_that_is_refused_makes_the_running_episode_no_longer(make, tmp_path):
    node, _ = recorder(make, tmp_path)
    began = node.began
    with pytest.raises(EpisodeError):
        node.start()
    assert node.began == began


@pytest.mark.parametrize(
    'state, reasons, end, ended, outcome',
    [
        ('RUNNING', (), 'time_out', 'timeout', 'failure'),
        ('RUNNING', ('uncertain',), 'stop', 'done', 'unlabelled'),  # slower, not held
        ('HOLD', ('joints_stale',), 'end', 'done', 'failure'),
        ('HOLD', ('uncertain',), 'stop', 'held', 'unlabelled'),
        ('HOLD', ('uncertain',), 'end', 'held', 'failure'),
        ('HOLD', ('uncertain',), 'time_out', 'timeout', 'failure'),
    ],
)
def test_an_episodes_end_says_that_its_time_was_up_or_its_arm_held_for_doubt(
    make, tmp_path, state, reasons, end, ended, outcome
):
    node, identity = recorder(make, tmp_path)
    node.on_reasons(guarded('HOLD', ('uncertain',)))
    feed(node, identity, range(2), node.now(), told=lambda number: None)
    node.on_reasons(guarded(state, reasons))
    asked = {'stop': node.stop, 'time_out': node.time_out, 'end': lambda: node.end(False)}
    assert asked[end]() == identity
    wait(node, lambda: node.recording.state == 'idle')
    (record,) = node.recording.dataset.episodes()
    assert (record.ended, record.outcome) == (ended, outcome)
    with pytest.raises(EpisodeError, match='no episode is being recorded'):
        node.time_out()


@pytest.mark.parametrize('end', ['stop', 'time_out', 'end'])
def test_an_episode_without_a_row_is_announced_where_it_is_ended(make, tmp_path, end):
    node, identity = recorder(make, tmp_path)
    asked = {'stop': node.stop, 'time_out': node.time_out, 'end': lambda: node.end(True)}
    said = asked[end]()
    assert said == f'{identity}: no decision was heard; without a row it goes to quarantine'
    wait(node, lambda: node.recording.state == 'idle')
    assert node.recording.dataset.episodes() == []


def test_a_success_is_said_of_all_rows_that_have_arrived(make, tmp_path, monkeypatch):
    node, identity = recorder(make, tmp_path)
    arrive = node.now()
    monkeypatch.setattr(node.ears.polling, 'poll', lambda: feed(node, identity, range(3), arrive))
    assert node.end(True) == identity
    assert node.recording.writer.rows == 3
    monkeypatch.undo()
    record, _ = recorded(node, tmp_path, identity)
    assert (record.rows, record.outcome) == (3, 'success')


def test_rows_say_who_drove_and_why_the_guard_changed_them(make, tmp_path):
    node, identity = recorder(make, tmp_path)
    source, reasons = ('policy', 'teleop', 'policy'), ((), (), ('velocity',))
    feed(
        node,
        identity,
        range(3),
        node.now(),
        told=lambda number: guarded('RUNNING', reasons[number], source=source[number]),
    )
    node.end(True)
    _, episode = recorded(node, tmp_path, identity)
    assert episode.intervention.tolist() == [False, True, False]
    assert [list(reasons) for reasons in episode.reasons] == [[], [], ['velocity']]
    assert episode.executed == pytest.approx(0.25)


@pytest.mark.parametrize('labels_only', [False, True])
def test_of_a_twin_that_stands_for_a_robot_only_the_label_says_how_it_went(
    make, tmp_path, labels_only
):
    given = {'record.source': 'sim', 'record.labels_only': labels_only}
    node, identity = listening(make, tmp_path, **given), ''
    node.on_status(None)
    speaking(node)
    begin = node.now()
    for number in range(3):
        stamp = begin + number * PERIOD
        state = TaskState(stamp=stamp, reward=1.0, success=True, parts={'door': True}, seed=7)
        node.on_task(state)
        identity = identity or node.start()
        node.on_task(state)
    feed(node, identity, range(3), begin)
    node.end(True)
    record, episode = recorded(node, tmp_path, identity)
    assert (record.source, record.outcome) == ('twin' if labels_only else 'sim', 'success')
    assert episode.header.seed == 7
    assert episode.reward.any() == episode.success.any() == (not labels_only)
    assert episode.header.parts == (() if labels_only else ('door',))


@pytest.mark.parametrize('state, reason', [('READY', 'not_armed'), ('ARMED', 'deadman')])
def test_rows_of_an_arm_that_the_guard_lets_stand_say_why(make, tmp_path, state, reason):
    node, identity = recorder(make, tmp_path)
    told = guarded(state, (reason,))
    feed(node, identity, range(6), node.now(), ticks=0, told=lambda number: told)
    node.end(True)
    record, episode = recorded(node, tmp_path, identity)
    assert record.ended == 'done'
    assert [*episode.reasons] == [(reason,)] * 6
    assert not episode.executed.any() and np.all(episode.requested == 0.5)


def test_a_guard_that_falls_silent_ends_the_episode_and_its_last_rows_say_so(make, tmp_path):
    node = listening(make, tmp_path)
    node.on_status(None)
    node.on_reasons(guarded())
    identity, begin = node.start(), node.now()
    feed(node, identity, range(3), begin)
    feed(node, identity, range(3, 9), begin, ticks=0, told=lambda number: None)
    node.publish_status()
    assert node.recording.state == 'recording'
    node.hearing.guard_heard -= SILENT
    node.publish_status()
    assert node.recording.state == 'draining'
    record, episode = recorded(node, tmp_path, identity)
    assert record.ended == 'guard_silent'
    assert [*episode.reasons] == [(), ()] + [('guard_silent',)] * 7  # the third lost its end
    assert episode.executed[:, 0].tolist() == [0.25] * 3 + [0.0] * 6


def test_a_disk_that_stalls_is_no_silence_of_the_guard(make, tmp_path):
    node, _ = recorder(make, tmp_path)
    for late, state in ((0.4, 'recording'), (0.6, 'recording')):
        node.hearing.guard_heard -= late
        node.hearing.looked -= late  # it has not looked since
        node.publish_status()
        assert node.recording.state == state
    node.hearing.guard_heard -= 0.6
    node.publish_status()
    assert node.recording._ended == 'guard_silent' and node.recording.state != 'recording'


def test_without_a_guard_no_episode_begins(make, tmp_path):
    node = listening(make, tmp_path)
    node.on_status(None)
    for _ in range(2):
        with pytest.raises(EpisodeError, match="no guard speaks on 'moto/guard/reasons' for 0.5"):
            node.start()
        node.on_reasons(guarded('READY', ('not_armed',)))
        node.hearing.guard_heard -= SILENT
    node.on_reasons(guarded('READY', ('not_armed',)))
    assert node.start()


@pytest.mark.parametrize('state, cause', [('ESTOP', 'estop'), ('FAULT', 'joints_frozen')])
def test_no_episode_begins_while_a_stop_is_latched(make, tmp_path, state, cause):
    node = listening(make, tmp_path)
    node.on_status(None)
    node.on_reasons(guarded(state, (cause,)))
    with pytest.raises(EpisodeError, match=f'the guard is in {state} .{cause}.: .*reset_fault'):
        node.start()
    assert node.recording.state == 'idle'
    node.on_reasons(guarded('READY', ('not_armed',)))
    assert node.start()


def test_a_decision_that_does_not_say_when_it_was_requested_stops_nothing(make, tmp_path):
    node, identity = recorder(make, tmp_path)
    begin = node.now()
    for number in range(3):
        late = float('nan' if number == 1 else 0.0)
        node.on_decision(decided(identity, number, begin, request_latency=late))
    node.end(False)
    node.on_decision(decided(identity, 3, begin, request_latency=float('inf')))
    assert node.recording.state == 'draining'


def test_a_fault_without_an_episode_leaves_a_black_box_of_what_was_heard(make, tmp_path):
    node = listening(make, tmp_path)
    names = node.robot.spec.names
    asks = node.create_publisher(JointState, 'moto/policy/command_request', interface.COMMAND)
    tells = node.create_publisher(String, 'moto/guard/reasons', interface.LOG)
    sees = node.create_publisher(Image, 'moto/policy/observation/front', interface.LOG)
    wait(node, lambda: asks.get_subscription_count() and tells.get_subscription_count())
    wait(node, lambda: sees.get_subscription_count())
    asks.publish(joint_state(names, node.now(), np.full(9, 0.5)))
    sees.publish(from_rgb(np.full((64, 64, 3), 7, np.uint8), node.now()))
    tells.publish(interface.to_string(guarded('RUNNING')))
    wait(node, lambda: len(node.ears.black_box.ring.messages()) >= 3)
    tells.publish(interface.to_string(guarded('FAULT', ('joints_frozen',))))
    root = tmp_path / 'd'
    wait(node, lambda: black_boxes(root) and (black_boxes(root)[0] / 'episode.mcap').exists())
    box = read_black_box(black_boxes(root)[0])
    assert (box.stop.causes, box.stop.reasons, box.damage) == (('fault',), ('joints_frozen',), '')
    found = {message.topic: message for message in box.messages}
    assert set(found) == {
        '/moto/policy/command_request',
        '/moto/guard/reasons',
        '/moto/policy/observation/front',
    }
    asked = decode(messages.JOINT_STATE, found['/moto/policy/command_request'].cdr)
    assert asked.name == names and asked.velocity == [0.5] * 9
    assert abs(found['/moto/guard/reasons'].stamp - box.stop.at) < 1e9
    assert node.recording.dataset.episodes() == []


def test_a_full_disk_loses_the_black_box_and_not_the_episode(make, tmp_path, monkeypatch):
    node, identity = recorder(make, tmp_path, **{'record.policy_timeout': 60.0})
    feed(node, identity, range(2), node.now())

    def refuse(*_):
        raise EpisodeError('no space left')

    monkeypatch.setattr('moto_ros.loops.black_box.keep_black_box', refuse)
    node.on_reasons(guarded('HOLD', ('uncertain',)))
    wait(node, lambda: 'its black box is not whole: no space left' in node.problem)
    assert node.recording.state == 'recording' and not black_boxes(tmp_path / 'd')
    node.end(True)
    assert recorded(node, tmp_path, identity)[0].rows == 2


def test_no_black_box_is_held_where_none_is_to_be_kept(make, tmp_path):
    node = listening(make, tmp_path, **{'record.black_boxes': 0})
    node.on_reasons(guarded('FAULT', ('joints_frozen',)))
    node.publish_status()
    assert node.ears.black_box is None


def test_messages_that_did_not_arrive_are_counted_by_topic_and_published(make, tmp_path):
    node, identity = recorder(make, tmp_path, **{'record.joint_rate': 1000.0})
    heard, told = [], []
    topic, names = interface.RECORDER_STATE, node.robot.spec.names
    reader = interface.payload_reader(topic, heard.append, pytest.fail)
    node.create_subscription(String, topic.name, reader, topic.subscription)
    node.create_subscription(DiagnosticArray, '/diagnostics', told.append, 10)
    joints = node.create_publisher(JointState, 'joint_states', interface.SENSOR)
    wait(node, joints.get_subscription_count)

    def publish(count):
        for _ in range(count):
            joints.publish(joint_state(names, node.now(), np.zeros(9)))
            time.sleep(0.0002)  # for UDP, which is not what is tested

    publish(1)
    held = node.ears.black_box.ring.messages
    wait(node, lambda: '/joint_states' in [message.topic for message in held()])
    publish(JOINT_QUEUE + 50)  # more than may wait
    wait(node, lambda: heard and heard[-1].lost.get('/joint_states'))
    lost = heard[-1].lost['/joint_states']
    assert 50 <= lost < JOINT_QUEUE
    text = f'{lost} messages of /joint_states lost: they did not arrive'
    wait(node, lambda: any(text in s.message for array in told for s in array.status))
    node.recording.event = told.append
    feed(node, identity, range(2), node.now())
    node.end(True)
    wait(node, lambda: node.recording.state == 'idle')
    assert told[-1].lost == {'/joint_states': lost}
    assert f', {lost} of /joint_states lost' in told[-1].sentence()
    found = salvage(node.recording.dataset.find(identity).path, raw=True).raw
    on_file = sum(message.topic == '/joint_states' for message in found)
    left_out = node.recording.left_out['/joint_states']  # came faster than 1 kHz
    assert on_file + lost + left_out == JOINT_QUEUE + 51
    node.start()
    assert node.recording.status().lost == {}


@pytest.mark.parametrize(
    ('topic', 'told'),
    [(interface.GUARD_STATE, GUARD_TOLD), (interface.POLICY_STATUS, policy_status())],
)
def test_statuses_that_come_while_the_recorder_is_late_are_not_lost(make, tmp_path, topic, told):
    node, _ = recorder(make, tmp_path)
    speaker = node.create_publisher(String, topic.name, topic.publisher)
    name = speaker.topic_name
    wait(node, speaker.get_subscription_count)

    def held():
        return [one.topic for one in node.ears.black_box.ring.messages()].count(name)

    speaker.publish(interface.to_string(told))
    wait(node, lambda: held() == 1)
    for _ in range(5):  # none is looked at
        speaker.publish(interface.to_string(told))
        time.sleep(0.02)
    wait(node, lambda: held() == 6)
    assert node.recording.status().lost == {}


def test_what_is_beyond_a_bound_is_counted_apart_from_what_was_lost(make, tmp_path):
    node, _ = recorder(make, tmp_path, **{'record.joint_rate': 10.0})
    raw = next(raw for raw in node.ears.raw if raw.topic.name == '/joint_states')
    data = serialize_message(joint_state(node.robot.spec.names, node.now(), np.zeros(9)))
    looked = node.steady_now()
    node.steady_now = lambda: looked  # however long it takes to hand them over
    for waited in range(100, 0, -1):
        node.ears.on_raw(raw, data, waited * 1_000_000)
    state = node.recording.status()
    assert (state.lost, state.left_out) == ({}, {'/joint_states': pytest.approx(96, abs=1)})
