"""A bring-up asks nothing of nodes before it knows whose they are."""

import os

import pytest
import rclpy

from moto_core.errors import MotoError
from moto_ros.bringup import roll_call
from moto_ros.bringup.roll_call import RollCall, limits_line
from moto_ros.messages import Presence
from moto_ros.wire.interface import PRESENCE, to_string

pytestmark = pytest.mark.ros


@pytest.fixture
def node(monkeypatch):
    monkeypatch.setattr(roll_call, 'SETTLE', 0.3)
    rclpy.init()
    node = rclpy.create_node('somebody', namespace='/left')
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


def presence(name, bringup, **changed):
    return Presence(
        **{
            'node': name,
            'bringup': bringup,
            'robot': 'fr3',
            'profile': 'normal',
            'limits_file': '/fr3.yaml',
            'limits_sha256': '0123456789abcdef',
            'dry_run': False,
            **changed,
        }
    )


def say(node, name, bringup):
    publisher = node.create_publisher(PRESENCE.type, PRESENCE.name, PRESENCE.publisher)
    publisher.publish(to_string(presence(name, bringup)))


def test_a_bringup_waits_for_its_own_nodes_also_for_those_that_spoke_before(node):
    say(node, 'moto_guard', '7@here')
    call = RollCall(node, ['moto_guard', 'moto_policy'], '7@here')
    say(node, 'moto_policy', '7@here')
    call.wait()
    assert set(call.own) == {'moto_guard', 'moto_policy'}


def test_a_node_of_another_bringup_is_named_with_where_it_is(node, monkeypatch):
    say(node, 'moto_guard', '8@there')
    say(node, 'moto_guard', '7@here')
    call = RollCall(node, ['moto_guard'], '7@here')
    with pytest.raises(MotoError) as caught:
        call.wait()
    domain = os.environ['ROS_DOMAIN_ID']
    assert str(caught.value).startswith(
        "moto_guard of another bring-up (process 8 on 'there') runs in ROS domain "
        f'{domain}, namespace /left: end it, or'
    )


def test_a_node_that_a_person_started_and_that_is_not_asked_for_may_be_there(node):
    say(node, 'moto_recorder', '')
    say(node, 'moto_guard', '7@here')
    RollCall(node, ['moto_guard'], '7@here').wait()


def test_a_node_that_does_not_come_is_named(node, monkeypatch):
    monkeypatch.setattr(roll_call, 'APPEAR', 0.5)
    say(node, 'moto_guard', '7@here')
    with pytest.raises(MotoError, match="^'moto_policy' did not appear within"):
        RollCall(node, ['moto_guard', 'moto_policy'], '7@here').wait()


def test_the_limits_are_said_as_a_person_can_compare_them():
    line = limits_line(presence('moto_guard', '', dry_run=True))
    assert line == (
        "limits of 'fr3', profile 'normal', from /fr3.yaml (sha256 0123456789ab); "
        'dry run: nothing is sent to the arm'
    )
