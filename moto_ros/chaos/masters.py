"""Faults of a graph put together wrongly: who publishes, who listens, what is set."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from moto_core.config import config_file
from moto_core.errors import one_line
from moto_ros.chaos.acting import hearing, person, publishing, reset_fault, state
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import braking, expect_stop, reason_after
from moto_ros.chaos.rosout import ROSOUT, said
from moto_ros.chaos.running import COMMANDS, RunningGraph
from moto_ros.services import GUARD
from moto_ros.wire import interface
from moto_ros.wire.joints import joint_state

DEGREES = 90.0  # where radians are meant
STARTS = 30.0  # [s] for a process that ends by itself


def unheard(bench: Bench) -> Seen:
    """Fault 7: a policy that publishes best effort, which the guard cannot hear."""
    graph, found = bench.graph('whole'), Findings()
    graph.change(GUARD, 'DEACTIVATE')
    topic = interface.REQUEST.name
    with hearing(graph, ROSOUT) as told, publishing(graph, JointState, topic, interface.SENSOR):
        graph.wait(lambda: graph.node.count_publishers(topic) == 2, 5, 'two publishers')
        graph.spin(0.5)
        found.expect(not graph.change(GUARD, 'ACTIVATE'), 'it refuses to activate')
        line = said(graph, told, GUARD, 'quality of service')
        wanted = (topic, 'offered best effort', 'wanted reliable', "'moto_chaos'")
        found.expect(all(text in line for text in wanted), one_line(line, 240))
    graph.wait(lambda: graph.node.count_publishers(topic) == 1, 5, 'one publisher')
    graph.spin(0.5)
    found.expect(graph.change(GUARD, 'ACTIVATE'), 'without it it activates')
    return found.seen()


def two_masters(bench: Bench) -> Seen:
    """Fault 27: somebody else publishes commands while the arm moves."""
    graph, found = bench.graph('whole'), Findings()
    asked = person(graph)
    with publishing(graph, Float64MultiArray, COMMANDS, interface.COMMAND):
        since = graph.now()
        graph.drive(asked, 1.0)
        expect_stop(found, graph, braking(graph, since, 'two_masters'))
        guard = state(graph, lambda guard: True, 'the guard')
        found.expect(
            guard.state == 'FAULT' and 'two_masters' in guard.cause,
            '{fault_s:.2f} s after it came: fault two_masters',
            fault_s=reason_after(graph, since, 'two_masters'),
        )
    _reset_alone(graph)
    return found.seen()


def reset_beside_another(bench: Bench) -> Seen:
    """Fault 45: a reset of 'two masters' while the other still publishes."""
    graph, found = bench.graph('whole'), Findings()
    with publishing(graph, Float64MultiArray, COMMANDS, interface.COMMAND):
        state(graph, lambda guard: 'two_masters' in guard.cause, 'two_masters', 10)
        graph.spin(0.6)
        found.refused(
            lambda: graph.graph.call(GUARD, 'reset_fault'), 'somebody else publishes on', COMMANDS
        )
    _reset_alone(graph)
    found.expect(
        state(graph, lambda guard: True, 'the guard').state == 'READY', 'reset once it is alone'
    )
    return found.seen()


def settings(bench: Bench) -> Seen:
    """Fault 29: a parameter set while active, an unknown key, a value out of range, degrees."""
    graph, found = bench.graph('whole'), Findings()
    client = graph.node.create_client(SetParameters, f'{GUARD}/set_parameters')
    graph.wait(client.service_is_ready, 10, 'set_parameters')
    wanted = Parameter('guard.rate', value=100.0).to_parameter_msg()
    future = client.call_async(SetParameters.Request(parameters=[wanted]))
    graph.wait(future.done, 10, 'an answer')
    graph.node.destroy_client(client)
    (answer,) = future.result().results
    found.expect(not answer.successful, f'while active: {one_line(answer.reason, 80)}')
    degrees = bench.folder() / 'degrees.yaml'
    text = (
        config_file('robot', 'kitchen_sim')
        .read_text()
        .replace('margin: 0.10', f'margin: {DEGREES}')
    )
    degrees.write_text(text)
    for key, value, texts in (
        ('guard.rat', '250.0', ("Did you mean 'guard.rate'",)),
        ('guard.rate', '5.0', ('at least 50', 'at most 1000')),
        ('guard.joint_age', '10.0', ('0.005', '0.5')),
        ('robot', str(degrees), (f'{DEGREES:g}',)),
    ):
        line = _start_refused(graph, key, value)
        found.expect(
            bool(line) and all(text in line for text in texts),
            f'{key} {value[-12:]}: {line[:130]}',
        )
    return found.seen()


def nobody(bench: Bench) -> Seen:
    """Fault 37: no controller on the command topic, then one that goes while the arm is armed."""
    graph, found = bench.graph('guard'), Findings()
    names, home = graph.robot.spec.names, np.array([*graph.robot.home, 0.0, 0.0])
    with publishing(graph, JointState, 'joint_states', interface.SENSOR) as joints:
        timer = graph.node.create_timer(
            0.008, lambda: joints.publish(joint_state(names, graph.now(), np.zeros(9), home))
        )
        graph.stop_listening()
        graph.wait(lambda: graph.node.count_subscribers(COMMANDS) == 0, 5, 'nobody')
        graph.spin(0.6)
        found.refused(lambda: graph.graph.call(GUARD, 'arm'), 'nobody listens on', COMMANDS)
        with hearing(graph, interface.VELOCITIES.at(COMMANDS)):
            graph.wait(lambda: graph.node.count_subscribers(COMMANDS) == 1, 5, 'one')
            graph.spin(0.5)
            told = graph.graph.call(GUARD, 'arm')
            found.expect(told == 'armed', f'with one it is {told}')
            state(graph, lambda guard: guard.state == 'ARMED', 'ARMED')
        gone = graph.now()
        guard = state(graph, lambda guard: guard.state == 'FAULT', 'FAULT')
        found.expect(
            'nobody_listens' in guard.cause,
            f'fault {", ".join(guard.cause)} {{gone_s:.2f}} s after it went',
            gone_s=(graph.now() - gone) * 1e-9,
        )
        graph.node.destroy_timer(timer)
    return found.seen()


def _reset_alone(graph: RunningGraph) -> None:
    graph.wait(lambda: graph.node.count_publishers(COMMANDS) == 1, 10, 'one publisher')
    graph.spin(0.3)
    reset_fault(graph)
    graph.spin(0.2)


def _start_refused(graph: RunningGraph, key: str, value: str) -> str:
    """Starts a guard with a parameter; returns the line that it refused it with, or ''."""
    line = [sys.executable, '-m', 'moto_ros.nodes.guard', '--ros-args', '-p', f'{key}:={value}']
    line += ['-r', '__node:=moto_refused']
    ended = subprocess.run(
        line,
        env={**os.environ, **graph.children.environment},
        capture_output=True,
        text=True,
        timeout=STARTS,
        check=False,
    )
    return one_line(ended.stderr.strip().splitlines()[-1], 400) if ended.returncode else ''
