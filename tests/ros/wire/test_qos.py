import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, ReliabilityPolicy

from moto_ros.wire import qos


def test_sensors_are_best_effort_and_only_the_newest():
    assert qos.SENSOR.reliability == ReliabilityPolicy.BEST_EFFORT
    assert (qos.SENSOR.history, qos.SENSOR.depth) == (HistoryPolicy.KEEP_LAST, 1)


def test_commands_are_reliable_and_only_the_newest():
    assert (qos.COMMAND.reliability, qos.COMMAND.depth) == (ReliabilityPolicy.RELIABLE, 1)
    assert qos.COMMAND.durability == DurabilityPolicy.VOLATILE


def test_a_request_dies_after_two_and_a_half_periods():
    profile = qos.request_profile(0.08)
    assert profile.deadline == profile.lifespan == Duration(seconds=0.2)


def test_the_manifest_reaches_who_starts_late():
    assert qos.LATCHED.durability == DurabilityPolicy.TRANSIENT_LOCAL


@pytest.mark.parametrize(
    'offered, wanted',
    [
        (qos.SENSOR, qos.SENSOR),
        (qos.COMMAND, qos.SENSOR),
        (qos.COMMAND, qos.COMMAND),
        (qos.LATCHED, qos.LATCHED),
        (qos.LATCHED, qos.COMMAND),
        (qos.LOG, qos.LOG_READER),
        (qos.request_profile(0.08), qos.COMMAND),
        (qos.request_profile(0.08), qos.request_profile(0.1)),
    ],
)
def test_profiles_that_fit_have_no_mismatch(offered, wanted):
    assert qos.mismatches(offered, wanted) == []


@pytest.mark.parametrize(
    'offered, wanted, text',
    [
        (qos.SENSOR, qos.COMMAND, 'reliability: offered best effort, wanted reliable'),
        (qos.COMMAND, qos.LATCHED, 'durability: offered volatile, wanted transient local'),
        (qos.COMMAND, qos.request_profile(0.08), 'deadline: offered none, wanted 0.2 s'),
        (
            qos.request_profile(0.1),
            qos.request_profile(0.08),
            'deadline: offered 0.25 s, wanted 0.2 s',
        ),
    ],
)
def test_a_mismatch_names_both_sides(offered, wanted, text):
    assert qos.mismatches(offered, wanted) == [text]
