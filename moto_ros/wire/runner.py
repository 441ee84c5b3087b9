"""Runs one node from start to a clean stop, whatever ends it.

In: a function that makes the node. Out: the process's exit code. SIGINT, SIGTERM and SIGHUP, once
or many times, the end of the bring-up that started it, and any exception of a callback lead to the
node's `halt` (decelerate, flush, close).
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from moto_core.errors import MotoError
from moto_ros.wire.environment import prepare_environment
from moto_ros.wire.started_by import end_with_bringup

CHANGE_STATE = '__change_state'  # rclpy's function, whose own RCLError is a refusal
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Halting(Protocol):
    """A node that can stop what it moves or writes."""

    def halt(self) -> None:
        """Decelerates, flushes and closes; called once, after the last callback."""


def run(make_node: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """Spins the node until a signal or an error; returns 0 after a signal, 1 after an error.

    The node needs a timer (its status), because signals are seen between callbacks. Without `args`
    the process's are taken: --help is answered, and what is no ROS argument is refused with 2.
    """
    words = [] if args is not None else remove_ros_args(sys.argv)[1:]
    if words:
        return _answer(words, sys.modules[make_node.__module__].__doc__ or '')
    prepare_environment()
    rclpy.init(
        args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO
    )
    stop = _stop_on_signals()
    end_with_bringup()
    try:
        node = make_node()
    except MotoError as error:
        sys.stderr.write(f'{error}\n')
        rclpy.shutdown()
        return 1
    try:
        return _spin(node, stop)
    finally:
        node.halt()  # type: ignore[attr-defined]
        for number in STOPPING:  # the interpreter's own end is not interrupted
            signal.signal(number, signal.SIG_IGN)
        node.destroy_node()
        rclpy.try_shutdown()


def _answer(words: Sequence[str], about: str) -> int:
    """Answers words that are no ROS arguments; returns the exit code."""
    prog = Path(sys.argv[0]).name
    told = f'{prog} [--ros-args -p <setting>:=<value> ... --params-file <file>]'
    if {'-h', '--help'} & set(words):
        sys.stdout.write(f'{about.strip()}\n\nusage: {told}\nmoto-up --help lists all settings.\n')
        return 0
    sys.stderr.write(f'{prog}: {words[0]!r} is no ROS argument; expected {told}\n')
    return 2


def _spin(node: Node, stop: list[int]) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop:
        try:
            executor.spin_once()
        except (ExternalShutdownException, ShutdownException):
            break
        except Exception as error:  # noqa: BLE001  any other error must end in braking
            if _is_transition(error):
                node.get_logger().error(f'refused: {error}')
                continue
            node.get_logger().fatal(f'{type(error).__name__}: {error}; halting')
            return 1
    return 0


def _is_transition(error: Exception) -> bool:
    """Says whether rclpy refused a transition that is impossible, before it called anything."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return isinstance(error, RCLError) and frame.f_code.co_name == CHANGE_STATE


def _stop_on_signals() -> list[int]:
    """Returns a list that grows with each signal; a second Ctrl-C changes nothing."""
    received: list[int] = []
    for number in STOPPING:
        signal.signal(number, lambda signum, _: received.append(signum))
    return received
