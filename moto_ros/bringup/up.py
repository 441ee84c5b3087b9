"""Starts the graph without a ROS installation: the launch file's table, its arguments, its order.

    moto-up sim:=true policy:=bundles/microwave
    moto-up sim:=true policy:=random dataset:=runs/driven episodes:=10 json:=driven.json

With episodes:= a session runs and everything ends after it, with exit code 1 if it failed or no
episode was judged. Otherwise the graph waits, disarmed, for `moto_session` or for service calls,
and Ctrl-C ends it; how to go on is said then. The whole configuration is checked before anything
starts: a mistake is one line and exit code 2.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from moto_core.command import FAILED, STOPPED, importing
from moto_core.errors import MotoError, one_line
from moto_core.packages import need


def main() -> int:
    """Runs the command; returns the exit code: 2 if what it is told cannot be, 130 after Ctrl-C.

    With a session it is the session's; a graph without one ends with 0 after Ctrl-C.
    """
    with importing(argparse.Namespace(prog='moto-up', stopped='stopped')):
        from moto_core.version import version
        from moto_ros.bringup import children  # noqa: F401  used below, imported here
        from moto_ros.bringup.follower import usage
    words = sys.argv[1:]
    if any(word in ('-h', '--help', 'help') for word in words):
        sys.stdout.write(usage(__doc__ or '') + '\n')
        return 0
    if '--version' in words:
        sys.stdout.write(f'moto-up {version()}\n')
        return 0
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.append(signum))
    try:
        return _run(words, stop)
    except MotoError as error:
        sys.stderr.write(f'moto-up: {one_line(error, most=4000)}\n')
        return FAILED


def _run(words: Sequence[str], stop: list[int]) -> int:
    from moto_ros.bringup import table
    from moto_ros.bringup.arguments import as_bool, parse_arguments, resolved
    from moto_ros.bringup.children import Children, tend
    from moto_ros.bringup.follower import follow, how_to_go_on, split
    from moto_ros.config import PERSON

    need('rclpy', 'sensor_msgs')
    own, given = split(parse_arguments(words))
    processes, values = table.processes(given), resolved(given)
    if as_bool('console', values['console']):
        need('aiohttp')
    follower = follow(own, values)
    sim = as_bool('sim', values['sim'])
    children = Children(table.environment(os.environ, sim))
    try:
        for process in processes:
            if stop:
                return STOPPED
            over = table.own_environment(process, os.environ, sim)
            children.start(process.node, table.command(process), over)
        told = how_to_go_on(own, values, given.get('policy', PERSON))
        return tend(children, processes, follower, stop, told)
    finally:
        children.stop()


if __name__ == '__main__':
    sys.exit(main())
