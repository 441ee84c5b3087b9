"""Starts the graph without a ROS installation: the launch file's table, its arguments, its order.

    moto-up sim:=true policy:=bundles/microwave
    moto-up sim:=true policy:=random dataset:=runs/driven episodes:=10 json:=driven.json

With episodes:= a session runs and everything ends after it; otherwise Ctrl-C ends it. Every
process has a group of its own, so that Ctrl-C reaches it once and through us alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from rich.console import Console

from moto_core.command import output_file
from moto_core.errors import ConfigError, MotoError, unknown_name
from moto_core.version import version
from moto_ros.bringup.table import (
    ARGUMENTS,
    MANAGER,
    Process,
    as_bool,
    as_whole,
    command,
    environment,
    parse_arguments,
    processes,
    resolved,
)

PR_SET_PDEATHSIG = 1  # linux/prctl.h
OWN = {  # name: (default, meaning)
    'episodes': ('0', 'episodes to run before ending; 0: run until Ctrl-C'),
    'max_steps': ('100', 'decisions an episode at most'),
    'cover_camera': ('false', "true: cover the twin's camera"),
    'json': ('', "file for the session's result"),
}


class Children:
    """Processes by name, in the order of their start."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, line: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a process; the kernel ends it with SIGTERM if this one dies."""
        self.running[name] = subprocess.Popen(
            list(line), env=self.environment, start_new_session=True, preexec_fn=_die_with_parent
        )
        return self.running[name]

    def ended(self) -> dict[str, int]:
        """Returns {name: exit code} of the processes that have ended."""
        return {
            name: code
            for name, process in self.running.items()
            if (code := process.poll()) is not None
        }

    def stop(self, patience: float = 6.0) -> None:
        """Asks all to stop (SIGTERM), waits, then ends what is left (SIGKILL)."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
            for process in self.running.values():
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, number)
            if self._all_end_within(seconds):
                return

    def _all_end_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.ended()) == len(self.running):
                return True
            time.sleep(0.02)
        return False


def main() -> int:
    """Runs the command; returns the exit code."""
    console = Console(soft_wrap=True)
    if any(word in ('-h', '--help', 'help') for word in sys.argv[1:]):
        console.print(usage(), markup=False, highlight=False)
        return 0
    if '--version' in sys.argv[1:]:
        console.print(f'moto-up {version()}', highlight=False)
        return 0
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.append(signum))
    try:
        own, given = split(parse_arguments(sys.argv[1:]))
        table = processes(given)
        follower = follow(own, resolved(given))
    except MotoError as error:
        sys.stderr.write(f'moto-up: {error}\n')
        return 2
    sim = as_bool('sim', resolved(given)['sim'])
    children = Children(environment(os.environ, sim))
    try:
        for process in table:
            children.start(process.node, command(process))
        children.start(follower.node, command(follower))
        return tend(children, table, follower, stop, console)
    finally:
        children.stop()


def split(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Returns our own arguments with defaults, and those of the table.

    Raises ConfigError for a name that neither has.
    """
    for name in given:
        if name not in OWN and name not in ARGUMENTS and '.' not in name:
            raise ConfigError(unknown_name('argument', name, [*ARGUMENTS, *OWN]))
    own = {name: given.get(name, default) for name, (default, _) in OWN.items()}
    as_whole('episodes', own['episodes'])
    as_whole('max_steps', own['max_steps'], low=1)
    as_bool('cover_camera', own['cover_camera'])
    if own['json']:
        output_file('json:=', own['json'])
    theirs = {name: value for name, value in given.items() if name not in OWN}
    if int(own['episodes']):  # a session says when the policy may act
        theirs.setdefault('policy.wait_for_episode', 'true')
    return own, theirs


def follow(own: Mapping[str, str], values: Mapping[str, str]) -> Process:
    """Returns what runs beside the graph: a session, or a status line."""
    watch = Process(
        node='moto_watch',
        module='moto_ros.bringup.graph',
        namespace=values['namespace'],
        log_level=values['log_level'],
    )
    if not int(own['episodes']):
        return watch
    line = ['--episodes', own['episodes'], '--max-steps', own['max_steps']]
    line += ['--json', own['json']] if own['json'] else []
    for flag, on in (
        ('--cover-camera', as_bool('cover_camera', own['cover_camera'])),
        ('--no-record', not as_bool('record', values['record'])),
        ('--operator', not as_bool('sim', values['sim'])),
    ):
        line += [flag] if on else []
    return replace(
        watch, node='moto_session', module='moto_ros.bringup.session', arguments=tuple(line)
    )


def tend(
    children: Children, table: list[Process], follower: Process, stop: list[int], console: Console
) -> int:
    """Watches the processes until a signal, the session's end or the end of a required one."""
    required = {process.node for process in table if process.required}
    told: set[str] = set()
    while not stop:
        for name, code in children.ended().items():
            if name in told:
                continue
            told.add(name)
            if name == follower.node:
                return code
            if name != MANAGER or code:
                console.print(f'{name} ended with code {code}', style='red')
                if name in required or name == MANAGER:
                    return 1
        time.sleep(0.05)
    return 0 if follower.node == 'moto_watch' else 130


def usage() -> str:
    """Returns the help text."""
    rows = [
        f'  {name + ":=" + default:<28} {meaning}'
        for name, (default, meaning) in {**ARGUMENTS, **OWN}.items()
    ]
    return '\n'.join(
        [
            (__doc__ or '').strip(),
            '',
            'Arguments (name:=value or --name value):',
            *rows,
            '  any.key:=value               a key of moto_ros/config.py',
        ]
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == '__main__':
    sys.exit(main())
