import pytest
import sensor_msgs.msg
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, ReliabilityPolicy

from moto_core.errors import ConfigError
from moto_ros import messages
from moto_ros.wire import interface
from moto_ros.wire.interface import COMMAND, LATCHED, LOG, LOG_READER, SENSOR, Topic

REQUEST, SLOWER = interface.request(0.08).publisher, interface.request(0.1).publisher


def test_sensors_are_best_effort_and_only_the_newest():
    assert SENSOR.reliability == ReliabilityPolicy.BEST_EFFORT
    assert (SENSOR.history, SENSOR.depth) == (HistoryPolicy.KEEP_LAST, 1)


def test_commands_are_reliable_and_only_the_newest():
    assert (COMMAND.reliability, COMMAND.depth) == (ReliabilityPolicy.RELIABLE, 1)
    assert COMMAND.durability == DurabilityPolicy.VOLATILE


def test_a_request_dies_after_two_and_a_half_periods():
    assert REQUEST.deadline == REQUEST.lifespan == Duration(seconds=0.2)
    assert interface.REQUEST.subscription.deadline == Duration()


def test_the_manifest_reaches_who_starts_late():
    assert interface.MANIFEST.publisher.durability == DurabilityPolicy.TRANSIENT_LOCAL


@pytest.mark.parametrize(
    'offered, wanted',
    [
        (SENSOR, SENSOR),
        (COMMAND, SENSOR),
        (COMMAND, COMMAND),
        (LATCHED, LATCHED),
        (LATCHED, COMMAND),
        (LOG, LOG_READER),
        (REQUEST, COMMAND),
        (REQUEST, SLOWER),
    ],
)
def test_profiles_that_fit_have_no_mismatch(offered, wanted):
    assert interface.mismatches(offered, wanted) == []


@pytest.mark.parametrize(
    'offered, wanted, text',
    [
        (SENSOR, COMMAND, 'reliability: offered best effort, wanted reliable'),
        (COMMAND, LATCHED, 'durability: offered volatile, wanted transient local'),
        (COMMAND, REQUEST, 'deadline: offered none, wanted 0.2 s'),
        (SLOWER, REQUEST, 'deadline: offered 0.25 s, wanted 0.2 s'),
    ],
)
def test_a_mismatch_names_both_sides(offered, wanted, text):
    assert interface.mismatches(offered, wanted) == [text]


def topics():
    return [value for value in vars(interface).values() if isinstance(value, Topic)]


def test_both_ends_of_every_topic_can_talk():
    assert len(topics()) >= 20
    for topic in topics():
        if topic.name != interface.ESTOP.name:  # its publishers may be anybody's
            assert interface.mismatches(topic.publisher, topic.subscription) == [], topic.name


def test_every_name_but_that_of_the_diagnostics_is_relative_and_used_once():
    names = [topic.name for topic in topics() if topic.name]
    assert [name for name in names if name.startswith('/')] == ['/diagnostics']
    assert len(set(names)) == len(names) - 1  # the e-stop is heard in two ways


def test_a_payload_comes_back_through_its_string():
    heard, refused = [], []
    read = interface.payload_reader(interface.GUARD_REASONS, heard.append, refused.append)
    payload = messages.GuardReasons(
        stamp=7, state='RUNNING', source='policy', reasons=('velocity',)
    )
    read(interface.to_string(payload))
    assert (heard, refused) == ([payload], [])


def test_a_payload_that_misfits_is_refused_with_its_topic_and_not_given_on():
    heard, refused = [], []
    read = interface.payload_reader(interface.GUARD_REASONS, heard.append, refused.append)
    read(interface.to_string(messages.SceneReset(seed=1, stamp=7)))
    assert heard == []
    assert "topic 'moto/guard/reasons': GuardReasons has keys" in refused[0]


@pytest.mark.parametrize('kind', [sensor_msgs.msg.JointState, sensor_msgs.msg.Image])
def test_a_type_is_found_by_the_name_it_has(kind):
    assert interface.message_class(interface.type_name(kind)) is kind


@pytest.mark.parametrize('name', ['nobody_msgs/msg/Odd', 'sensor_msgs/msg/Odd', 'odd', ''])
def test_a_type_that_is_not_installed_is_refused_with_an_example(name):
    with pytest.raises(ConfigError, match="such as 'sensor_msgs/msg/JointState'"):
        interface.message_class(name)
