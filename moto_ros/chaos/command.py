"""`moto-chaos`: makes every fault of docs/safety.md happen to a simulated robot, and judges it.

    moto-chaos list
    moto-chaos run --all --json chaos.json --html chaos.html
    moto-chaos run 18 19 34
    moto-chaos write results/safety/chaos.json docs/safety.md

It starts graphs of its own, in a ROS domain of its own, bound to 127.0.0.1; a domain in which
anything runs is refused. Exit code 1 if a fault is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moto_core.command import Parser, importing, output_file, run_command, whole
from moto_core.errors import ConfigError
from moto_core.ros_domain import LARGEST, own_domain

if TYPE_CHECKING:
    from moto_ros.chaos.fault import Fault

LOOK = 3.0  # [s] for whoever is in a domain to be seen


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    return run_command(_parser, _body, argv)


def _parser() -> Parser:
    parser = Parser(
        'moto-chaos', (__doc__ or '').split('\n\n')[0], '\n'.join((__doc__ or '').split('\n')[2:])
    )
    parser.set_defaults(stopped='stopped; its graphs are ended')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('list', help='show the faults')
    run = commands.add_parser('run', help='make faults happen')
    run.add_argument('numbers', nargs='*', type=whole(1), metavar='N', help='of faults')
    run.add_argument('--all', action='store_true', help='all of them, about a quarter of an hour')
    run.add_argument('--fast', action='store_true', help='a few that take seconds')
    run.add_argument(
        '--json',
        metavar='FILE',
        help='everything that was found; what the file holds of other faults is kept',
    )
    run.add_argument('--html', metavar='FILE', help='a page with a table')
    run.add_argument(
        '--domain', type=whole(0, LARGEST), help='ROS domain; default one that nobody is in'
    )
    write = commands.add_parser('write', help="make a document's table anew from a run's JSON")
    write.add_argument('json', type=Path, help='what run --all --json wrote')
    write.add_argument('document', type=Path, help='a text with the marks of the table')
    return parser


def _body(args: argparse.Namespace) -> int:
    with importing(args):
        from moto_ros.chaos.registry import ALL, chosen
        from moto_ros.chaos.report import fill, listed
    if args.command == 'list':
        print('\n'.join(map(listed, ALL)))
        return 0
    if args.command == 'write':
        text = fill(args.document.read_text(), json.loads(args.json.read_text()))
        args.document.write_text(text)
        return 0
    faults = chosen(args.numbers)
    faults += [fault for fault in ALL if args.all or (args.fast and fault.quick)]
    if not faults:
        raise ConfigError('no fault is named; give numbers, --fast or --all')
    files = {
        name: output_file(f'--{name}', path)
        for name in ('json', 'html')
        if (path := getattr(args, name))
    }
    with domain(own_domain() if args.domain is None else args.domain):
        return _run(list({fault.number: fault for fault in faults}.values()), files)


def _run(faults: Sequence[Fault], files: dict[str, Path]) -> int:
    from moto_ros.chaos import report, run
    from moto_ros.chaos.bench import Bench
    from moto_ros.chaos.page import page

    bench, there = Bench(), 'json' in files and files['json'].exists()
    before = json.loads(files['json'].read_text()) if there else None
    done: list[run.Result] = []

    def tell(result: run.Result) -> None:
        print(report.lines(result), flush=True)
        done.append(result)
        found = report.gathered(done, before)  # a run that is stopped has kept what it found
        if 'json' in files:
            files['json'].write_text(report.to_json(found))
        if 'html' in files:
            files['html'].write_text(page(found))

    try:
        run.run(faults, bench, tell)
    finally:
        bench.close()
    print(report.summary(report.gathered(done)['results']))
    return int(not all(result.seen.met for result in done))


@contextmanager
def domain(number: int) -> Iterator[None]:
    """Enters a ROS domain on 127.0.0.1 alone; raises ConfigError if anything runs in it."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from moto_ros.wire.environment import DISCOVERY, prepare_environment

    os.environ['ROS_DOMAIN_ID'] = str(number)
    os.environ[DISCOVERY] = 'SYSTEM_DEFAULT'
    os.environ.pop('FASTRTPS_DEFAULT_PROFILES_FILE', None)
    os.environ.setdefault('MUJOCO_GL', 'osmesa')
    prepare_environment(profile='fastdds_udp')
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        _refuse_company(number)
        yield
    finally:
        rclpy.try_shutdown()


def _refuse_company(number: int) -> None:
    import rclpy

    node = rclpy.create_node('moto_chaos_looks')
    try:
        end = time.monotonic() + LOOK
        while time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.1)
            others = [name for name in node.get_node_names() if name != node.get_name()]
            if others:
                raise ConfigError(
                    f'in domain {number} runs {", ".join(sorted(others)[:5])}; nothing is started '
                    'beside another graph: give another --domain'
                )
    finally:
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())
