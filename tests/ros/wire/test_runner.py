"""A node that ends, by a signal or by an error, is halted first."""

import os
import signal
from types import SimpleNamespace

import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node

from moto_ros.wire.runner import run

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST = 100  # calls after which a node that goes on is ended from here


@pytest.fixture(autouse=True)
def signals():
    """The test session's own answers to signals, none of which ends it."""
    kept = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, lambda *_: None)
    yield
    for number, answer in kept.items():
        signal.signal(number, answer)


def node_that(act, halted):
    """A node's class that calls `act` at the fifth of its timer's calls."""

    class Some(Node):
        def __init__(self):
            super().__init__('some')
            self.calls = 0
            self.create_timer(0.005, self.on_timer)

        def on_timer(self):
            self.calls += 1
            if self.calls == 5:
                act()
            if self.calls > LAST:
                raise SystemExit('it went on')

        def halt(self):
            halted.append(self.calls)

    return Some


@pytest.mark.parametrize('number', STOPPING)
def test_a_signal_however_often_halts_the_node_once_and_is_no_error(number):
    halted = []

    def signalled():
        for _ in range(3):
            os.kill(os.getpid(), number)

    assert run(node_that(signalled, halted), args=[]) == 0
    assert len(halted) == 1 and halted[0] < LAST


def test_an_error_in_a_callback_halts_the_node_and_is_its_exit_code(capfd):
    halted = []

    def broken():
        raise ZeroDivisionError('a tick failed')

    assert run(node_that(broken, halted), args=[]) == 1
    assert halted == [5]
    assert 'ZeroDivisionError: a tick failed; halting' in capfd.readouterr().err


def test_an_error_of_the_middleware_halts_the_node_too(capfd):
    halted = []

    def broken():
        raise RCLError('failed to publish')

    assert run(node_that(broken, halted), args=[]) == 1
    assert halted == [5]
    assert 'RCLError: failed to publish; halting' in capfd.readouterr().err


def test_a_transition_that_is_impossible_is_refused_and_the_node_goes_on():
    halted, asked, told = [], [], []

    class Some(LifecycleNode):
        def __init__(self):
            super().__init__('some_cycle')
            self.client = self.create_client(ChangeState, '~/change_state')
            self.calls = self.after = 0
            self.create_timer(0.005, self.on_timer)

        def get_logger(self):
            return SimpleNamespace(error=told.append, fatal=told.append)

        def on_timer(self):
            self.calls += 1
            if not asked and self.client.service_is_ready():
                request = ChangeState.Request(transition=Transition(id=3))  # activate what is not
                asked.append(self.client.call_async(request))
            self.after += bool(told)
            if self.after == 20 or self.calls == 4000:
                os.kill(os.getpid(), signal.SIGTERM)

        def halt(self):
            halted.append(self.after)

    assert run(Some, args=[]) == 0
    assert len(told) == 1 and told[0].startswith('refused: ') and halted == [20]


@pytest.mark.parametrize(
    ('words', 'code', 'says'),
    [
        (['--help'], 0, 'usage: node [--ros-args -p <setting>:=<value>'),
        (['-h', '--ros-args', '-p', 'a:=1'], 0, 'A node that ends, by a signal'),
        (['-p', 'guard.rate:=5'], 2, "node: '-p' is no ROS argument; expected node [--ros-args"),
    ],
)
def test_words_that_are_no_ros_arguments_start_no_node(words, code, says, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['/bin/node', *words])
    made = node_that(lambda: None, [])
    made.__module__ = __name__
    monkeypatch.setattr(rclpy, 'init', lambda **_: pytest.fail('a node is started'))
    assert run(made) == code
    told = capsys.readouterr()
    assert says in (told.err if code else told.out)


def test_ros_arguments_of_the_process_start_the_node(monkeypatch):
    halted = []
    monkeypatch.setattr('sys.argv', ['/bin/node', '--ros-args', '--log-level', 'fatal'])
    assert run(node_that(lambda: os.kill(os.getpid(), signal.SIGTERM), halted)) == 0
    assert len(halted) == 1
