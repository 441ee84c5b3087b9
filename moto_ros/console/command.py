"""Serves the operator's page of a running graph: camera, guard, streams, buttons, labels.

    moto-console sim:=true dataset:=runs/driven
    moto-console robot_type:=fr3 --host 0.0.0.0 --token-file token

It takes the arguments of moto-up, so that it looks where that graph is, and listens on this
machine alone; any other --host needs a token. It may be started before the graph, and ended at
any time: nothing waits for it. `moto-up console:=true` starts it beside the graph.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from moto_core.command import FAILED, importing
from moto_core.errors import ConfigError, MotoError, one_line
from moto_core.packages import need

OWN = {  # name: (default, meaning)
    'host': ('127.0.0.1', 'address to listen on; one that others can reach needs a token'),
    'port': ('8050', 'port to listen on; 0: any that is free'),
    'token': ('', 'what a browser is asked for; seen by `ps`, so rather:'),
    'token_file': ('', 'file that holds it'),
    'name': ('', 'more names of this machine under which the page is opened'),
}


def main() -> int:
    """Runs the command until a signal; returns the exit code: 2 if what it is told cannot be."""
    with importing(argparse.Namespace(prog='moto-console', stopped='stopped')):
        from moto_core.version import version
        from moto_ros.bringup.follower import usage
    words = sys.argv[1 : sys.argv.index('--ros-args')] if _under_ros() else sys.argv[1:]
    if any(word in ('-h', '--help', 'help') for word in words):
        sys.stdout.write(usage(__doc__ or '', OWN) + '\n')
        return 0
    if '--version' in words:
        sys.stdout.write(f'moto-console {version()}\n')
        return 0
    try:
        need('aiohttp', 'rclpy', 'sensor_msgs')
        return _run(words)
    except MotoError as error:
        sys.stderr.write(f'moto-console: {one_line(error, most=4000)}\n')
        return FAILED


def _under_ros() -> bool:
    return '--ros-args' in sys.argv


def _run(words: Sequence[str]) -> int:
    from moto_ros.access import Access, read_token
    from moto_ros.bringup.arguments import as_port, check_name, parse_arguments
    from moto_ros.wire.environment import prepare_environment
    from moto_ros.wire.started_by import end_with_bringup

    given = parse_arguments(words)
    for name in given:
        check_name(name, OWN)
    own = {name: given.pop(name, default) for name, (default, _) in OWN.items()}
    port = as_port('port', own['port'])
    token = read_token(own['token'], own['token_file'])
    access = Access(own['host'], token=token, names=tuple(own['name'].split()))
    if _under_ros() and given:
        raise ConfigError(f'{next(iter(given))} is given beside --ros-args: say it there, as -p')
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from moto_ros.console.serving import serve

    prepare_environment()
    end_with_bringup()
    arguments = sys.argv if _under_ros() else _ros_arguments(given)
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    try:
        asyncio.run(serve(access, port))
        return 0
    finally:
        rclpy.try_shutdown()


def _ros_arguments(given: Mapping[str, str]) -> list[str]:
    """Returns the ROS arguments of a node of the graph that the same words bring up."""
    from moto_ros.bringup.arguments import remap_rules, resolved
    from moto_ros.bringup.parameters import parameters
    from moto_ros.bringup.table import CONSOLE, Process, command

    values = resolved(given)
    process = Process(
        node=CONSOLE,
        module='',
        namespace=values['namespace'],
        parameters=parameters(given),
        remap=remap_rules(values['remap']),
        log_level=values['log_level'],
    )
    line = command(process)
    return line[line.index('--ros-args') :]


if __name__ == '__main__':
    sys.exit(main())
