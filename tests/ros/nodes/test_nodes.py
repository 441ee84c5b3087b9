"""Single nodes inside the test process: what they refuse, and that they can be asked again."""

import hashlib
import importlib.util
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState, Joy
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from moto_core.config import config_file
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.reader import read_episode
from moto_core.errors import ConfigError, EpisodeError
from moto_core.guard.limits import load_robot
from moto_core.guard.state import HOLD, RUNNING, GuardRefusal
from moto_core.policy.surprise import SurpriseLimits
from moto_core.ros_image import to_rgb
from moto_core.spec import Setup
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_ros.messages import EpisodeEvent, GuardReasons
from moto_ros.nodes.guard import GuardNode
from moto_ros.nodes.policy import PolicyNode
from moto_ros.nodes.recorder import RecorderNode
from moto_ros.nodes.teleop import TeleopNode
from moto_ros.nodes.twin import TwinNode
from moto_ros.services import SWITCHES, TRIGGERS
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb, to_ns
from moto_ros.wire.joints import asked, joint_state
from tests.ros.nodes.waiting import speaking, wait
from tests.ros.told import decided, policy_status, recorder_state

ARRAYS = {'record.source': 'sim', 'command.mode': 'velocity_array'}
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


def test_an_unknown_parameter_names_the_nearest(make):
    with pytest.raises(ConfigError, match="'guard.rat'. Did you mean 'guard.rate'"):
        make(GuardNode, **{'guard.rat': 250.0})


def test_a_rate_out_of_range_names_the_range(make):
    with pytest.raises(ConfigError, match='guard.rate is 5; expected at least 50, at most 1000'):
        make(GuardNode, **{'guard.rate': 5.0})


def test_a_parameter_cannot_be_changed_while_running(make):
    node = make(GuardNode, profile='normal')
    (result,) = node.set_parameters([Parameter('profile', value='ceiling')])
    assert not result.successful and 'read-only parameter: profile' in result.reason


def test_a_missing_bundle_fails_to_configure_and_may_be_asked_again(make, capfd):
    node = make(PolicyNode, **{'policy.bundle': '/nowhere/bundle'})
    for _ in range(2):
        assert node.trigger_configure() == FAILURE
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert node.subscribed == []


def test_a_dataset_that_cannot_be_made_fails_to_configure(make, tmp_path):
    (tmp_path / 'file').write_text('')
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'file' / 'd'})
    assert node.trigger_configure() == FAILURE


def test_a_second_recorder_of_one_dataset_fails_to_configure(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd'})
    assert node.trigger_configure() == SUCCESS
    other = RecorderNode()
    assert other.trigger_configure() == FAILURE
    other.destroy_node()
    assert node.trigger_cleanup() == SUCCESS
    assert node.trigger_configure() == SUCCESS


def test_a_publisher_that_cannot_be_heard_keeps_the_guard_from_activating(make):
    node = make(GuardNode, **ARRAYS)
    assert node.trigger_configure() == SUCCESS
    other = node.create_publisher(JointState, interface.REQUEST.name, interface.SENSOR)
    wait(node, lambda: node.count_publishers(interface.REQUEST.name) == 1)
    with pytest.raises(
        Exception,
        match="topic '/moto/policy/command_request' from 'moto_guard': "
        'reliability: offered best effort, wanted reliable',
    ):
        node.check_qos()
    assert node.trigger_activate() == FAILURE
    node.destroy_publisher(other)
    wait(node, lambda: node.count_publishers(interface.REQUEST.name) == 0)
    assert node.trigger_activate() == SUCCESS


@pytest.mark.parametrize('accepted, result', [('false', FAILURE), ('true', SUCCESS)])
def test_velocities_to_a_real_arm_need_the_words_that_they_run_on(make, accepted, result):
    words = {'command.velocities_run_on_if_the_guard_dies': accepted}
    node = make(GuardNode, **{'robot': 'fr3', 'command.mode': 'velocity_array', **words})
    assert node.trigger_configure() == result


def test_a_dry_run_computes_and_commands_nothing(make):
    node = make(GuardNode, **{**ARRAYS, 'command.dry_run': 'true'})
    sent, executed, reasons = [], [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription(
        type_of(node.outputs.commands), node.outputs.topic, sent.append, interface.COMMAND
    )
    node.create_subscription_to(interface.EXECUTED, executed.append)
    node.create_subscription_to(interface.GUARD_REASONS, reasons.append)
    wait(node, lambda: len(executed) > 20 and len(reasons) > 1)
    assert sent == [] and all('dry_run' in change.reasons for change in reasons)
    assert all(m.header.frame_id == '' for m in executed)
    assert node.set_dry_run(False) == 'dry_run False'
    wait(node, lambda: len(sent) > 5 and 'dry_run' not in reasons[-1].reasons)


def test_a_dry_run_shows_what_would_be_let_out_and_commands_nothing(make):
    given = {**ARRAYS, 'command.dry_run': 'true'}
    node = make(GuardNode, **given, **{'guard.deadman_required': 'false'})
    sent, executed, reasons = [], [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    for topic in (node.outputs.topic, interface.GRIPPER.name):
        node.create_subscription(
            type_of(node.outputs.commands), topic, sent.append, interface.COMMAND
        )
    node.create_subscription_to(interface.EXECUTED, executed.append)
    node.create_subscription_to(interface.GUARD_REASONS, reasons.append)
    joints = node.create_publisher(JointState, 'joint_states', interface.SENSOR)
    asked = interface.request(node.robot.spec.period)
    requests = node.create_publisher(asked.type, asked.name, asked.publisher)
    names, home = node.robot.spec.names, np.array([*node.robot.home, 0.0, 0.0])

    def moving():
        joints.publish(joint_state(names, node.now(), np.zeros(9), home))
        requests.publish(joint_state(names, node.now(), np.full(9, 0.3)))
        return executed and min(executed[-1].velocity[:7]) > 0.25

    wait(node, lambda: joints.get_subscription_count() and requests.get_subscription_count())
    wait(node, lambda: moving() or node.loop.from_home == 0.0)
    node.loop.arm()
    wait(node, moving)
    assert sent == [] and 'dry_run' in reasons[-1].reasons


def test_reasons_carry_the_stamp_of_their_tick_and_are_repeated_ten_times_a_second(make):
    node = make(GuardNode, **ARRAYS)
    executed, reasons = [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.EXECUTED, executed.append)
    node.create_subscription_to(interface.GUARD_REASONS, reasons.append)
    wait(node, lambda: len(reasons) > 8)  # disarmed and silent: they do not change
    assert {change.reasons for change in reasons} == {reasons[0].reasons}
    assert reasons[0].reasons
    assert {change.stamp for change in reasons} <= {to_ns(m.header.stamp) for m in executed}
    assert 15 < len(executed) / len(reasons) < 40  # 250 and 10 Hz


ELSEWHERE = Setup(robot='kitchen_sim', profile='commissioning', views={'front': 'paper'})


def test_a_policy_that_learned_under_another_setup_says_both(make, tmp_path, capfd):
    spec, told = load_robot('kitchen_sim').spec, []
    bundle = write_tiny_bundle(tmp_path, spec, manifest_setup=ELSEWHERE)
    node = make(PolicyNode, 'warn', **{'policy.bundle': bundle})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    line, doubt = [line for line in capfd.readouterr().err.splitlines() if 'WARN' in line]
    assert "profile 'commissioning' and 'normal'; views front=paper and none" in line
    assert 'no limits of the surprise: nothing that it sees slows or holds the arm' in doubt
    statuses = []
    node.create_subscription_to(interface.POLICY_STATUS, statuses.append)
    node.create_subscription_to(interface.DIAGNOSTICS, told.append)
    wait(node, lambda: told and statuses)
    assert statuses[-1].differences[0] == "profile 'commissioning' and 'normal'"
    assert told[-1].status[0].level == DiagnosticStatus.WARN
    assert "profile 'commissioning' and 'normal'" in told[-1].status[0].message


@pytest.mark.parametrize('setup', [Setup(), Setup(robot='kitchen_sim', profile='normal')])
def test_a_policy_of_this_setup_or_an_unknown_one_says_nothing(make, tmp_path, capfd, setup):
    spec = load_robot('kitchen_sim').spec
    limits = SurpriseLimits(slow=1.0, hold=2.0, window=2, quantile=0.9, episodes=20, decisions=900)
    bundle = write_tiny_bundle(tmp_path, spec, manifest_setup=setup, surprise_limits=limits)
    node = make(PolicyNode, 'warn', **{'policy.bundle': bundle})
    assert node.trigger_configure() == SUCCESS and node.slot.differences == ()
    assert 'WARN' not in capfd.readouterr().err


def test_a_surprised_policy_asks_for_rest_says_so_and_begins_anew_once_the_arm_follows(
    make, tmp_path
):
    spec = load_robot('kitchen_sim').spec
    limits = SurpriseLimits(
        slow=1e-4, hold=1e-3, window=2, quantile=0.95, episodes=20, decisions=900
    )
    bundle = write_tiny_bundle(tmp_path, spec, surprise_limits=limits)
    node = make(PolicyNode, **{'policy.bundle': bundle, 'record.source': 'sim'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    asked_for, statuses, told = [], [], []
    node.create_subscription_to(interface.request(spec.period), asked_for.append)
    node.create_subscription_to(interface.POLICY_STATUS, statuses.append)
    node.create_subscription_to(interface.DIAGNOSTICS, told.append)
    images = node.create_publisher(
        interface.CAMERA.type, spec.cameras['front'].topic, interface.SENSOR
    )
    joints = node.create_publisher(JointState, 'joint_states', interface.SENSOR)
    guard = node.create_publisher(
        *(interface.GUARD_REASONS.type, interface.GUARD_REASONS.name),
        interface.GUARD_REASONS.publisher,
    )

    def see(until):
        joints.publish(joint_state(spec.names, node.now(), np.zeros(9), np.ones(9)))
        images.publish(from_rgb(np.full((64, 64, 3), 200, np.uint8), node.now()))
        return asked_for and until(asked(asked_for[-1])[2])

    def follow(state):
        change = GuardReasons(stamp=1, state=state, source='policy', reasons=('uncertain',))
        guard.publish(interface.to_string(change))
        wait(node, lambda: node.loop.followed == (state == RUNNING))

    node.waiting = True
    wait(node, lambda: see(lambda scale: node.loop.caution.scale == 0.0))
    count = len(asked_for)
    wait(node, lambda: see(lambda scale: len(asked_for) > count + 2))
    assert {asked(one)[2] for one in asked_for} == {1.0}, 'between episodes nothing is doubted'
    node.waiting = False
    wait(node, lambda: see(lambda scale: scale == 0.0))
    assert [list(m.name) for m in asked_for] == [[*spec.names, 'speed_scale']] * len(asked_for)
    assert asked(asked_for[0])[2] == 1.0
    wait(node, lambda: told and statuses and statuses[-1].speed_scale == 0.0)
    status = statuses[-1]
    assert (status.slow, status.hold) == (1e-4, 1e-3) and status.surprise > 1e-3
    wait(node, lambda: 'held: look, then press the deadman anew' in told[-1].status[0].message)
    shown = {value.key: value.value for value in told[-1].status[0].values}
    assert float(shown['surprise']) > float(shown['hold']) == 1e-3
    follow(HOLD)
    wait(node, lambda: see(lambda scale: scale == 1.0))
    follow(RUNNING)
    assert node.loop.caution.scale == 1.0
    wait(node, lambda: see(lambda scale: scale == 0.0))


def test_a_dataset_of_another_setup_fails_to_configure_and_names_both(make, tmp_path, capfd):
    spec = load_robot('kitchen_sim').spec
    header = EpisodeHeader(task='t', source='sim', spec=spec, setup=ELSEWHERE)
    with Dataset.create_or_open(tmp_path / 'd', spec, setup=ELSEWHERE) as dataset:
        dataset.new_episode(header).close()
    node = make(RecorderNode, 'error', **{'record.dataset': tmp_path / 'd'})
    assert node.trigger_configure() == FAILURE
    assert "profile 'commissioning' and 'normal'" in capfd.readouterr().err


def test_the_setup_holds_the_views_that_the_twins_cameras_have(make, tmp_path):
    views = {'twin.views': '"{front: paper}"', 'record.source': 'sim'}
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd'}, **views)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    begin(node)
    assert node.recording.writer.header.setup.views == {'front': 'paper'}


def test_an_episode_of_a_real_robot_needs_the_name_of_its_task(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd', 'record.source': 'robot'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    with pytest.raises(ConfigError, match="record.task is ''.*start again with task:=<name>"):
        begin(node)
    assert node.recording.state == 'idle'


def test_the_robots_yaml_names_the_controllers(make):
    node = make(GuardNode, robot='panda')
    assert node.trigger_configure() == SUCCESS
    assert node.outputs.commands.topic_name == '/panda_arm_controller/joint_trajectory'


def test_a_message_of_another_schema_is_a_problem_and_nothing_else(make):
    node = make(PolicyNode)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    other = node.create_publisher(
        interface.EPISODE.type, interface.EPISODE.name, interface.EPISODE.publisher
    )
    other.publish(String(data='{"schema": 1, "state": "started", "id": "E"}'))
    wait(node, lambda: node.problem)
    assert "topic 'moto/recorder/episode': EpisodeEvent is not of schema" in node.problem


def test_the_recorder_goes_on_after_a_lost_image_and_marks_the_gap(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd', 'record.source': 'sim'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    decisions = node.create_publisher(
        interface.DECISION.type, interface.DECISION.name, interface.DECISION.publisher
    )
    seen = interface.observation('front')
    images = node.create_publisher(seen.type, seen.name, seen.publisher)
    joints = node.create_publisher(JointState, 'joint_states', interface.SENSOR)
    heard = [decisions, images, joints]
    wait(node, lambda: all(made.get_subscription_count() for made in heard))
    identity = begin(node)
    first = node.now()
    for number in range(6):
        stamp = first + number * 80_000_000
        how = {'surprise': 2.5, 'speed_scale': 0.75, 'request_latency': 2.0}
        decision = decided(identity, number, stamp, **how)
        decisions.publish(interface.to_string(decision))
        if number != 2:
            images.publish(from_rgb(np.full((64, 64, 3), number, np.uint8), stamp))
        joints.publish(joint_state(node.robot.spec.names, stamp, np.zeros(9), np.zeros(9)))
        rows = max(0, number - 1 if number > 2 else number)
        wait(node, lambda rows=rows, held=number != 2: not held or status(node).rows == rows)
    assert status(node).dropped == 1
    node.end(True)
    wait(node, lambda: status(node).state == 'idle')
    with Dataset.open(tmp_path / 'd') as dataset:
        path = dataset.find(identity).path
        episode = read_episode(path)
    assert episode.images['front'][:, 0, 0, 0].tolist() == [0, 1, 3, 4, 5]
    assert episode.gap.tolist() == [False, False, True, False, False]
    assert episode.header.setup == Setup(robot='kitchen_sim', profile='normal')
    with path.open('rb') as file:
        raw = [m for _, _, m in make_reader(file).iter_messages(topics=['/joint_states'])]
    assert len(raw) == 6


TYPES = {'/wrench': 'geometry_msgs/msg/WrenchStamped', '/tf': 'tf2_msgs/msg/TFMessage'}


@pytest.mark.parametrize('topic', TYPES)
def test_a_topic_of_any_installed_type_is_recorded_and_read_by_others(make, tmp_path, topic):
    pytest.importorskip(TYPES[topic].split('/')[0], reason='comes with a ROS 2 distro')
    kind = interface.message_class(TYPES[topic])
    given = {'record.dataset': tmp_path / 'd', 'record.source': 'sim'}
    given['record.raw'] = f'"{{{topic}: {TYPES[topic]}}}"'
    node = make(RecorderNode, **given)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    identity = begin(node)
    sent, path = filled(kind), node.recording.writer.active
    publisher = node.create_publisher(kind, topic, 10)
    wait(node, publisher.get_subscription_count)
    publisher.publish(sent)
    wait(node, lambda: topic in node.recording.writer._channels)
    assert node.recording.problem == ''
    node.halt()
    quarantined = tmp_path / 'd' / 'quarantine' / identity / path.stem  # it has no rows
    with quarantined.open('rb') as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        ((schema, _, _, got),) = reader.iter_decoded_messages(topics=[topic])
    assert schema.name == TYPES[topic]
    if topic == '/wrench':
        assert (got.header.frame_id, got.wrench.torque.z) == ('flange', -2.5)
    else:
        assert got.transforms[0].transform.rotation.w == 0.5


def filled(kind):
    message = kind()
    if hasattr(message, 'wrench'):
        message.header.frame_id, message.wrench.torque.z = 'flange', -2.5
    else:
        transform = interface.message_class('geometry_msgs/msg/TransformStamped')()
        transform.transform.rotation.w = 0.5
        message.transforms.append(transform)
    return message


@pytest.mark.parametrize(
    ('raw', 'says'),
    [
        ('{/odd: nobody_msgs/msg/Odd}', "message type 'nobody_msgs/msg/Odd' cannot be imported"),
        ('{/o d: std_msgs/msg/String}', "record.raw: '/o d' is no topic's name"),
    ],
)
def test_what_cannot_be_recorded_fails_to_configure_with_one_line(
    make, tmp_path, capfd, raw, says
):
    given = {'record.dataset': tmp_path / 'd', 'record.raw': f'"{raw}"'}
    node = make(RecorderNode, 'error', **given)
    assert node.trigger_configure() == FAILURE
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert says in line


def test_a_full_disk_is_a_problem_that_the_recorder_survives(make, tmp_path, capfd):
    node = make(RecorderNode, 'info', **{'record.dataset': tmp_path / 'd', 'record.task': 'door'})
    events, diagnosed = [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.EPISODE, events.append)
    node.create_subscription_to(interface.DIAGNOSTICS, diagnosed.append)
    identity = begin(node)
    node.recording.writer.floor = 10**18  # no disk has as much free
    joints = node.create_publisher(
        JointState, interface.JOINT_STATES.name, interface.JOINT_STATES.publisher
    )

    def full():
        joints.publish(JointState())
        return node.recording.state == 'idle'

    wait(node, full)
    wait(node, lambda: events and events[-1].state == 'ended')
    assert (events[-1].ended, 'MB free at' in events[-1].problem) == ('disk_full', True)
    wait(node, lambda: any('MB free' in m.status[0].message for m in diagnosed))
    assert begin(node) != identity  # the next episode is tried anew
    node.stop()
    wait(node, lambda: status(node).state == 'idle')
    said = capfd.readouterr().err
    assert f'episode {identity} ended: unlabelled, disk_full, 0 rows, 0 dropped; ' in said
    assert f'episode {identity} started' in said and 'EpisodeEvent(' not in said


def test_an_observation_that_is_no_image_is_a_problem_that_the_recorder_survives(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    seen = interface.observation('front')
    node.create_publisher(seen.type, seen.name, seen.publisher).publish(Image(encoding='16UC1'))
    wait(node, lambda: node.problem)
    assert "observation of camera 'front': image encoding is '16UC1'" in node.problem


def status(node):
    return node.recording.status()


def test_a_node_says_whose_it_is_and_under_which_limits(make, monkeypatch):
    monkeypatch.setenv('MOTO_BRINGUP', '7@here')
    node, heard = make(GuardNode, robot='fr3', profile='commissioning'), []
    read = interface.payload_reader(interface.PRESENCE, heard.append, pytest.fail)
    late = interface.PRESENCE.subscription
    node.create_subscription(interface.PRESENCE.type, interface.PRESENCE.name, read, late)
    wait(node, lambda: heard)
    (told,) = heard
    assert (told.node, told.bringup, told.robot) == ('moto_guard', '7@here', 'fr3')
    assert (told.profile, told.dry_run) == ('commissioning', False)
    assert told.limits_file.endswith('config/robot/fr3.yaml')
    assert len(told.limits_sha256) == 64
    assert node.trigger_configure() == SUCCESS
    node.set_dry_run(True)
    wait(node, lambda: heard[-1].dry_run)
    assert heard[-1] == replace(told, dry_run=True), 'as it is now'


def test_an_episode_says_under_which_limits_it_was_made(make, tmp_path):
    parameters = {'record.dataset': tmp_path / 'd', 'record.task': 'door'}
    node = make(RecorderNode, **parameters)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    begin(node)
    extra = node.recording.writer.header.extra
    assert extra['limits_file'] == node.present.limits_file
    assert extra['limits_sha256'] == node.present.limits_sha256


def test_an_image_of_another_cameras_frame_is_not_seen(make):
    node = make(PolicyNode, **{'frames': '"{front: left_optical}"'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    image = np.zeros((64, 64, 3), np.uint8)
    node.inputs.on_image('front', to_rgb, from_rgb(image, node.now(), 'right_optical'))
    assert "frame_id is 'right_optical'; expected 'left_optical'" in node.problem
    node.problem = ''
    node.inputs.on_image('front', to_rgb, from_rgb(image, 0, 'left_optical'))
    assert (
        node.problem == '' and "'front' sends stamps of zero" in node.inputs.headers.warnings()[0]
    )


def test_diagnostics_name_the_node_in_its_namespace_and_the_hardware(make, tmp_path):
    parameters = {'record.dataset': tmp_path / 'd', 'hardware_id': 'cell-2', '__ns': '/left'}
    node, heard = make(RecorderNode, **parameters), []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    assert [topic for topic, _ in node.get_topic_names_and_types() if topic == '/diagnostics']
    node.create_subscription_to(interface.DIAGNOSTICS, heard.append)
    wait(node, lambda: heard)
    (status,) = heard[-1].status
    assert (status.name, status.hardware_id) == ('left/moto_recorder', 'cell-2')
    assert {v.key: v.value for v in status.values}['profile'] == 'normal'


def test_diagnostics_name_the_robot_and_what_was_lost(make, tmp_path):
    node, heard = make(RecorderNode, **{'record.dataset': tmp_path / 'd'}), []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.DIAGNOSTICS, heard.append)
    wait(node, lambda: heard)
    (status,) = heard[-1].status
    assert (status.name, status.hardware_id, status.message) == (
        'moto_recorder',
        'kitchen_sim',
        'ok',
    )
    node.recording.joiner.dropped = 3
    heard.clear()
    wait(node, lambda: heard)
    (status,) = heard[-1].status
    assert status.level == DiagnosticStatus.WARN and '3 rows lost' in status.message
    assert {value.key: value.value for value in status.values}['dropped'] == '3'


@pytest.mark.parametrize('kind', [GuardNode, PolicyNode, RecorderNode, TwinNode, TeleopNode])
def test_a_node_offers_the_services_of_the_table(make, tmp_path, kind):
    node = make(kind, **{'record.dataset': tmp_path / 'd', 'record.source': 'sim'})
    assert node.trigger_configure() == SUCCESS
    name = node.get_name()
    offered = {
        (service.srv_type, service.srv_name.removeprefix('~/'))
        for service in node.services
        if service.srv_type in (Trigger, SetBool)
    }
    wanted = {(Trigger, service) for service in TRIGGERS[name]}
    assert offered == wanted | {(SetBool, service) for service in SWITCHES.get(name, ())}


def test_the_guard_cannot_be_armed_before_it_is_active(make):
    node = make(GuardNode, robot='fr3')
    assert node.trigger_configure() == SUCCESS
    with pytest.raises(Exception, match='not active'):
        node.loop.arm()


def test_the_guard_is_not_armed_for_nobody_and_faults_if_its_controller_goes(make):
    node = make(GuardNode, **ARRAYS)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    with pytest.raises(GuardRefusal, match="nobody listens on '.*commands': start the controller"):
        node.arm()
    listening = node.create_subscription(
        type_of(node.outputs.commands), node.outputs.topic, print, interface.COMMAND
    )
    wait(node, lambda: node.count_subscribers(node.outputs.topic) == 1)
    at_home(node)
    assert node.arm() == 'armed'
    wait(node, lambda: node.loop.state.mode == 'ARMED')
    node.destroy_subscription(listening)
    wait(node, lambda: node.loop.state.cause == ('nobody_listens',))
    node.loop.sends = False
    assert node.reset_fault() == 'disarmed'
    at_home(node)
    assert node.arm() == 'armed'


def begin(node):
    """Starts an episode of a recorder that hears a policy and a guard; returns its id."""
    node.on_status(None)
    speaking(node)
    return node.start()


def test_a_remapped_command_topic_is_watched_under_its_new_name(make):
    node = make(GuardNode, **ARRAYS, **{'joint_velocity_controller/commands': 'elsewhere'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    with pytest.raises(GuardRefusal, match="nobody listens on '/elsewhere'"):
        node.arm()
    kind = type_of(node.outputs.commands)
    node.create_subscription(kind, '/elsewhere', lambda _: None, interface.COMMAND)
    other = node.create_publisher(kind, '/elsewhere', interface.COMMAND)
    wait(node, lambda: node.loop.state.cause == ('two_masters',))
    with pytest.raises(GuardRefusal, match="somebody else publishes on '/elsewhere' too"):
        node.reset_fault()
    node.destroy_publisher(other)


def test_without_a_policy_no_episode_begins(make, tmp_path):
    given = {'record.dataset': tmp_path / 'd', 'record.task': 'door'}
    node = make(RecorderNode, **given, **{'record.policy_timeout': 0.2})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    with pytest.raises(EpisodeError, match="no policy speaks on 'moto/policy/status' for 0.2 s"):
        node.start()
    node.on_status(None)
    wait(node, lambda: node.steady_now() - node.hearing.policy_heard > 0.25)
    with pytest.raises(EpisodeError, match='no policy speaks'):
        node.start()
    assert begin(node)


@pytest.mark.parametrize('mode, ended', [('FAULT', 'fault'), ('ESTOP', 'estop')])
def test_a_latched_stop_of_the_guard_ends_the_episode(make, tmp_path, mode, ended):
    given = {'record.dataset': tmp_path / 'd', 'record.task': 'door'}
    node, events = make(RecorderNode, **given), []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.EPISODE, events.append)
    begin(node)
    for state in ('RUNNING', 'HOLD', mode, mode):
        assert node.recording.state == 'recording'
        node.on_reasons(GuardReasons(stamp=1, state=state, source='policy', reasons=()))
        if state == mode:
            break
    assert node.recording.state == 'draining'
    node.on_reasons(GuardReasons(stamp=2, state=mode, source='policy', reasons=()))
    wait(node, lambda: any(event.state == 'ended' for event in events))
    assert events[-1].ended == ended


def test_a_decision_from_before_the_end_that_comes_after_it_is_the_episodes(make, tmp_path):
    given = {'record.dataset': tmp_path / 'd', 'record.task': 'door'}
    node = make(RecorderNode, **given)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    identity, first = begin(node), node.now() - 300_000_000
    node.recording.joiner.image = lambda *image: None
    for number, late in ((0, 0), (1, 80_000_000), (2, 900_000_000)):
        if number == 1:
            node.end(True)
        node.on_decision(decided(identity, number, first + late))
    assert [held.number for held in node.recording.joiner._pending] == [0, 1]


def test_a_disk_that_stalls_for_a_second_costs_no_row_and_no_tick(make, tmp_path):
    node = make(RecorderNode, **{'record.dataset': tmp_path / 'd', 'record.task': 'door'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    seen = interface.observation('front')
    topics = (interface.DECISION, interface.EXECUTED, seen, interface.POLICY_STATUS)
    publishers = [
        node.create_publisher(topic.type, topic.name, topic.publisher) for topic in topics
    ]
    decisions, executed, images, status_of_policy = publishers
    wait(node, lambda: all(made.get_subscription_count() for made in publishers))
    identity, first, spec = begin(node), node.now(), node.robot.spec
    write, stalled = node.recording.writer.append, []

    def stall(row):
        if not stalled:
            stalled.append(time.sleep(1.2))
        write(row)

    node.recording.writer.append = stall

    def graph():
        for tick in range(500):  # 2 s: 25 decisions, 500 ticks of the guard
            stamp = first + tick * 4_000_000
            executed.publish(joint_state(spec.names, stamp, np.full(9, tick // 20 / 25)))
            if tick % 25 == 0:
                status_of_policy.publish(interface.to_string(policy_status()))
            if tick % 20 == 0:
                image = np.full((64, 64, 3), tick // 20, np.uint8)
                images.publish(from_rgb(image, stamp))
                decisions.publish(interface.to_string(decided(identity, tick // 20, stamp)))
            time.sleep(0.004)

    thread = threading.Thread(target=graph)
    thread.start()
    wait(node, lambda: not thread.is_alive(), 30)
    wait(node, lambda: status(node).rows == 24)
    node.end(True)
    wait(node, lambda: status(node).state == 'idle')
    with Dataset.open(tmp_path / 'd') as dataset:
        episode = read_episode(dataset.find(identity).path)
    assert stalled and not episode.gap.any() and len(episode) == 25
    told = np.array(episode.executed[:-1, 0]) * spec.scale[0]
    assert told == pytest.approx(np.arange(24) / 25, abs=1e-6), 'each its twenty ticks'


def test_an_unusual_rate_and_gaps_are_a_warning(make, tmp_path, capfd):
    node = make(RecorderNode, 'warn', **{'record.dataset': tmp_path / 'd'})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    said = {'state': 'ended', 'episode': 'e', 'rows': 9, 'outcome': 'success', 'ended': 'done'}
    node.on_event(EpisodeEvent(**said, rate=12.0))
    assert capfd.readouterr().err == ''
    node.on_event(EpisodeEvent(**said, rate=7.0))
    assert 'at 7 Hz, 0 dropped; expected 12.5 Hz without a gap' in capfd.readouterr().err
    node.on_event(EpisodeEvent(**said, rate=12.5, gaps=1))
    assert '1 gaps; expected 12.5 Hz' in capfd.readouterr().err


def at_home(node, stamp=None):
    """Lets the guard's node hear joints that stand at home."""
    home = np.array([*node.robot.home, 0.0, 0.0])
    seen = node.now() if stamp is None else stamp
    node.inputs.on_joints(joint_state(node.robot.spec.names, seen, np.zeros(9), home))


def ask(node, speed, later=0):
    """Lets the guard's node hear a policy that asks every joint for a speed, `later` [ns]."""
    asked = joint_state(node.robot.spec.names, node.now() + later, np.full(9, speed))
    node.inputs.on_request('policy', asked)


def test_a_person_drives_while_the_button_is_held_and_each_source_has_its_topic(make):
    node = make(GuardNode, **ARRAYS, **{'guard.intervention_button': 2})
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    asked, names = [], node.robot.spec.names
    for source, topic in (('policy', interface.REQUEST), ('teleop', interface.TELEOP_REQUEST)):
        publisher = node.create_publisher(topic.type, topic.name, interface.COMMAND)
        wait(node, lambda publisher=publisher: publisher.get_subscription_count() == 1)
        publisher.publish(joint_state(names, node.now(), np.full(9, 0.1 + 0.1 * len(asked))))
        asked.append(source)
    wait(node, lambda: len(node.loop.inbox.sources._newest) == 2)
    for held, source, velocity in ((0, 'policy', 0.1), (1, 'teleop', 0.2), (0, 'policy', 0.1)):
        node.inputs.on_joy(Joy(buttons=[0, 0, held]))
        assert node.loop.source == source
        assert node.loop.inbox.sources.request.velocity[0] == pytest.approx(velocity)
    node.loop.intervene(True)
    node.inputs.on_joy(Joy(buttons=[0, 0, 0]))
    assert node.loop.source == 'teleop', 'a button that was not pressed is not let go'


def test_nothing_moves_unrecorded_where_a_record_is_required(make):
    given = {**ARRAYS, 'record.required': 'true', 'guard.deadman_required': 'false'}
    node = make(GuardNode, **given)
    node.dry_run = True
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    at_home(node)
    node.arm()
    states = node.create_publisher(String, interface.RECORDER_STATE.name, interface.STATUS)

    def recorder(state, problem=''):
        def said():
            at_home(node)
            node.inputs.on_request(
                'policy', joint_state(node.robot.spec.names, node.now(), np.zeros(9))
            )
            told = recorder_state(state=state, episode='e', problem=problem)
            states.publish(interface.to_string(told))
            return node.loop.state.mode

        return said

    wait(node, lambda: recorder('recording')() == 'RUNNING')
    for state, problem in (('idle', ''), ('recording', 'the disk is full')):
        said = recorder(state, problem)
        wait(node, lambda said=said: said() == 'HOLD')
        assert node.loop.state.cause == ('not_recording',)
        wait(node, lambda: recorder('recording')() == 'RUNNING')


def test_a_clock_that_steps_by_an_hour_with_a_message_in_flight_changes_no_motion(make):
    node = make(GuardNode, **ARRAYS, **{'guard.deadman_required': 'false'})
    node.dry_run = True
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    hour, names = 3_600 * 10**9, node.robot.spec.names
    for step in (hour, -hour):
        at_home(node)
        wait(node, lambda: node.loop.from_home == 0.0)
        node.arm()

        def moving(at=0, speed=0.1):
            at_home(node)
            node.inputs.on_request(
                'policy', joint_state(names, node.now() + at, np.full(9, speed))
            )
            return node.loop.state.velocity[:1] == (pytest.approx(0.1, abs=1e-6),)

        wait(node, moving)
        moving(at=step, speed=-0.5)  # stamped before the step and taken after it
        wait(node, lambda: node.loop.state.mode != 'RUNNING')
        assert node.loop.state.velocity[0] >= 0.0, 'nothing of it is followed'
        wait(node, lambda: moving() or node.loop.state.mode == 'FAULT')
        assert node.loop.state.mode == 'RUNNING', 'and the next message counts'
        node.loop.disarm()
        wait(node, lambda: node.loop.resting)


def test_simulated_time_that_nobody_publishes_moves_nothing_and_divides_by_nothing(make):
    node = make(GuardNode, **ARRAYS, **{'use_sim_time': 'true', 'guard.deadman_required': 'false'})
    node.dry_run = True
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    assert node.now() == 0
    at_home(node)
    wait(node, lambda: node.loop.from_home == 0.0)
    node.arm()
    for _ in range(50):
        at_home(node)
        node.inputs.on_request(
            'policy', joint_state(node.robot.spec.names, node.now(), np.full(9, 0.1))
        )
        node.on_tick()
    assert np.isfinite(node.loop.output.velocity).all() and node.loop.pace.ticks > 10


def test_joint_states_without_a_stamp_are_used_and_said_to_be_so(make):
    node = make(GuardNode, **ARRAYS)
    told = []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.DIAGNOSTICS, told.append)
    for stamp, words in ((0, 'joint states have stamps of zero'), (None, 'ok')):
        at_home(node, stamp)
        wait(node, lambda words=words: told and words in told[-1].status[0].message)
        assert node.loop.from_home == 0.0


def type_of(publisher):
    return publisher.msg_type


def test_a_gripper_with_an_action_needs_control_msgs(make, capfd):
    if importlib.util.find_spec('control_msgs'):
        pytest.skip('control_msgs is installed here')
    node = make(GuardNode, 'error', **ARRAYS, **{'gripper.action': 'fr3_gripper/gripper_action'})
    assert node.trigger_configure() == FAILURE
    assert 'gripper.action is set, and control_msgs is not installed' in capfd.readouterr().err


def test_a_gripper_with_an_action_is_told_where_to_go_and_never_how_fast(make, monkeypatch):
    class Driver:
        def __init__(self, node, params):
            self.sent, self.destroyed = [], False

        def is_ready(self):
            return True

        def send(self, opened, over):
            self.sent.append(opened)
            over('it is stuck')

        def destroy(self):
            self.destroyed = True

    monkeypatch.setattr('moto_ros.nodes.guard_outputs.GripperAction', Driver)
    given = {**ARRAYS, 'gripper.action': 'g', 'guard.deadman_required': 'false'}
    node, velocities, diagnosed = make(GuardNode, **given), [], []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.GRIPPER, velocities.append)
    node.create_subscription_to(interface.DIAGNOSTICS, diagnosed.append)
    node.create_subscription(
        type_of(node.outputs.commands), node.outputs.topic, lambda _: None, interface.COMMAND
    )
    wait(node, lambda: node.count_subscribers(node.outputs.topic) == 1)
    at_home(node)
    node.arm()
    driver = node.outputs.gripper.client
    asked = np.array([0.0] * 7 + [2.0, 2.0])

    def driven():
        at_home(node)
        node.inputs.on_request('policy', joint_state(node.robot.spec.names, node.now(), asked))
        return driver.sent and any('stuck' in m.status[0].message for m in diagnosed)

    wait(node, driven)
    assert driver.sent == [True] and velocities == []
    assert node.loop.state.mode == 'RUNNING', 'the arm does not care'
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert driver.destroyed


def test_the_limits_in_force_are_told_at_start_in_the_state_and_in_every_episode(
    make, tmp_path, capfd
):
    text = config_file('robot', 'kitchen_sim').read_text()
    slow = tmp_path / 'slow.yaml'
    slow.write_text(text.replace('velocity_fraction: 0.50', 'velocity_fraction: 0.05'))
    node, states = make(GuardNode, 'info', **ARRAYS, robot=slow), []
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    said = capfd.readouterr().err
    digest = hashlib.sha256(slow.read_bytes()).hexdigest()[:12]
    assert f"limits of 'kitchen_sim' from {slow} (sha256 {digest}), profile 'normal'" in said
    assert 'at most 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 rad/s, 5 rad/s^2, 500 rad/s^3' in said
    node.create_subscription_to(interface.GUARD_STATE, states.append)
    wait(node, lambda: states)
    assert (states[0].profile, states[0].limits) == ('normal', digest)


def test_each_stream_that_a_decision_needs_is_named_once_it_is_silent(make):
    node, told = make(PolicyNode, **{'gripper.joint_states': 'fingers'}), []
    node.robot.spec.proprioception.append('position')
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.create_subscription_to(interface.POLICY_STATUS, told.append)
    camera = node.inputs.cameras['front']
    names = [f"nothing comes on '{one}'" for one in (camera, 'joint_states', 'fingers')]
    wait(node, lambda: told and list(told[-1].reasons) == names)
    spec, home = node.robot.spec, np.array([*node.robot.home, 0.02, 0.03])

    def joints():
        arm = joint_state(spec.joints, node.now(), np.zeros(7), home[:7])
        node.inputs.on_fingers(joint_state(spec.gripper, node.now(), np.zeros(2), home[7:]))
        node.inputs.on_joints(arm)
        return told and list(told[-1].reasons) == names[:1]

    wait(node, joints)
    assert node.loop._joints[0] == pytest.approx(home)
