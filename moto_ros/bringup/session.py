"""The command that runs a session of episodes on a running graph, or goes back to a policy.

    moto_session --episodes 10 --max-steps 100 --json out.json
    moto_session --rollback

In: options. Out: JSON with the episodes, latencies from image stamp to request, missed periods and
the guard's interventions. The exit code is 1 if it fails, or if episodes ran and none was judged.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from rich.console import Console

from moto_core.command import STOPPED
from moto_core.errors import MotoError
from moto_ros.bringup.graph import RosGraph, open_graph
from moto_ros.loops.going_back import go_back
from moto_ros.loops.graph import Graph
from moto_ros.loops.session import Session, SessionConfig
from moto_ros.wire.environment import prepare_environment


def main() -> int:
    """Runs the command; returns the exit code."""
    arguments = _parser().parse_args(remove_ros_args(sys.argv)[1:])
    config = SessionConfig(
        episodes=arguments.episodes,
        max_steps=arguments.max_steps,
        cover_camera=arguments.cover_camera,
        record=not arguments.no_record,
        operator=arguments.operator,
        pause=arguments.pause,
    )
    prepare_environment()
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: the arm is stopped first
        signal.signal(number, signal.default_int_handler)
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        graph = open_graph('moto_session')
        try:
            if arguments.rollback:
                return _go_back(graph)
            return _run(graph, config, arguments.json)
        finally:
            graph.close()
            rclpy.try_shutdown()
    except KeyboardInterrupt:
        return STOPPED


def _run(graph: RosGraph, config: SessionConfig, file: Path | None) -> int:
    console = Console(soft_wrap=True)
    session = Session(graph, config, console)
    try:
        return int(session.run().tells_nothing)
    except MotoError as error:
        console.print(str(error), style='red', markup=False)
        return 1
    except KeyboardInterrupt:
        return STOPPED
    finally:
        if file:
            file.write_text(json.dumps(session.result.to_json(), indent=2))


def _go_back(graph: Graph) -> int:
    console = Console(soft_wrap=True, markup=False, highlight=False)
    try:
        console.print(go_back(graph, console.print))
    except MotoError as error:
        console.print(str(error), style='red')
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    about = (__doc__ or '').split('\n')[0]
    parser = argparse.ArgumentParser(prog='moto_session', description=about)
    defaults = SessionConfig()
    parser.add_argument('--episodes', type=int, default=defaults.episodes)
    parser.add_argument(
        '--max-steps', type=int, default=defaults.max_steps, help='decisions an episode at most'
    )
    parser.add_argument('--cover-camera', action='store_true', help="cover the twin's camera")
    parser.add_argument('--no-record', action='store_true', help='no recorder runs')
    parser.add_argument('--operator', action='store_true', help='a person resets and judges')
    parser.add_argument(
        '--pause',
        type=int,
        default=defaults.pause,
        metavar='S',
        help='seconds between two episodes',
    )
    parser.add_argument(
        '--rollback',
        action='store_true',
        help='run nothing: go back to the policy before the last swap, after the episode that '
        'runs, and say which drives then',
    )
    parser.add_argument('--json', type=Path, help='file for the result')
    return parser


if __name__ == '__main__':
    sys.exit(main())
