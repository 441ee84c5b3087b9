"""One line a second about a running graph.

python -m moto_ros.bringup.watch
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions
from rich.console import Console

from moto_ros.bringup.graph import open_graph
from moto_ros.wire.environment import prepare_environment


def line(latest: Mapping[str, Mapping[str, Any]], rate: float) -> str:
    """Returns the status line of the newest states and the rate of decisions [Hz]."""
    guard, policy = latest['guard'], latest['policy']
    recorder, task = latest['recorder'], latest['task']
    parts = [
        f'guard {guard.get("state", "silent")} {",".join(guard.get("reasons", ()))}'.strip(),
        f'policy {policy.get("steps", "silent")} steps {rate:.1f} Hz, '
        f'missed {policy.get("missed", 0)} {",".join(policy.get("reasons", ()))}'.strip(),
    ]
    if recorder:
        parts.append(
            f'recorder {recorder["state"]} {recorder["steps"]} steps {recorder["problem"]}'.strip()
        )
    if task:
        parts.append(f'task reward {task["reward"]:g}{" success" if task["success"] else ""}')
    return ' | '.join(parts)


def main() -> int:
    """Prints a line a second until a signal; returns the exit code."""
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.append(signum))
    prepare_environment()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    console, graph = Console(soft_wrap=True), open_graph('moto_watch')
    shown, steps = time.monotonic(), 0
    while not stop:
        graph.spin(0.1)
        elapsed = time.monotonic() - shown
        if elapsed >= 1.0:
            total = graph.latest['policy'].get('steps', 0)
            console.print(line(graph.latest, (total - steps) / elapsed))
            shown, steps = time.monotonic(), total
            graph.forget()
    graph.close()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
