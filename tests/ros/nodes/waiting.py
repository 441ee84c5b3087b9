"""Spins one node inside the test process."""

import time

from rclpy.executors import SingleThreadedExecutor

from tests.ros.told import guarded


def wait(node, condition, seconds=10):
    """Spins a node until the condition holds; fails if it does not in time."""
    with SingleThreadedExecutor() as executor:
        executor.add_node(node)
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
    assert condition()


def speaking(recorder, state='RUNNING', reasons=()):
    """Has a recorder hear a guard, now and for as long as the node is spun."""

    def speak():
        recorder.on_reasons(guarded(state, reasons, recorder.now()))

    speak()
    recorder.create_timer(0.1, speak)
