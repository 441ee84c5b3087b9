"""A node that ends, by a signal or by an error, is halted first."""

import os
import signal

import pytest
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
