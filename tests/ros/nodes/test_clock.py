"""use_sim_time without a /clock: each node says why nothing happens."""

import time

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn

from moto_ros.messages import PolicyStatus, from_json
from moto_ros.nodes.guard import GuardNode
from moto_ros.nodes.policy import PolicyNode
from moto_ros.nodes.recorder import RecorderNode
from moto_ros.wire import clocks, interface
from tests.ros.nodes.waiting import wait

SUCCESS = TransitionCallbackReturn.SUCCESS
SAYS = '/clock says nothing: no decision and no row is made'


def heard_of(node, topic):
    """Spins a node until it heard itself on a topic; returns the message."""
    heard = []
    node.create_subscription(topic.type, topic.name, heard.append, topic.subscription)
    wait(node, lambda: heard)
    return heard[-1]


@pytest.mark.parametrize('kind', [GuardNode, PolicyNode, RecorderNode])
@pytest.mark.parametrize('simulated', ['true', 'false'])
def test_a_node_whose_clock_stands_says_so_in_diagnostics_and_once_in_the_log(
    make, kind, simulated, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(clocks, 'STANDS', 0.05)
    parameters = {'use_sim_time': simulated, 'record.dataset': tmp_path / 'd', 'robot': 'fr3'}
    node = make(kind, level='warn', **parameters)
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node._on_status()
    time.sleep(0.06)
    node._on_status()
    node._diagnosed -= 1.0  # the next one is due
    (status,) = heard_of(node, interface.DIAGNOSTICS).status
    stands = simulated == 'true'
    assert status.message.count(SAYS) == stands
    assert status.level == DiagnosticStatus.WARN or not stands
    assert capfd.readouterr().err.count(SAYS) == stands


def test_arm_and_the_policys_status_tell_of_a_clock_that_stands(make, tmp_path):
    node = make(PolicyNode, use_sim_time='true')
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    node.clock_problem, node._standing.look = SAYS, lambda stamp, now: SAYS
    status = from_json(PolicyStatus, heard_of(node, interface.POLICY_STATUS).data)
    assert SAYS in status.reasons


def test_who_arms_a_guard_whose_clock_stands_is_told(make, monkeypatch):
    node = make(GuardNode, use_sim_time='true', robot='fr3')
    assert (node.trigger_configure(), node.trigger_activate()) == (SUCCESS, SUCCESS)
    monkeypatch.setattr(node.peers, 'check', lambda: None)
    monkeypatch.setattr(node.loop, 'arm', lambda: 'armed')
    assert node.arm() == 'armed'
    node.clock_problem = SAYS
    assert node.arm() == f'armed; {SAYS}'
