"""Runs one console: a node that listens to the graph, a web server, until a signal.

In: an Access, a port; the node's parameters, from the ROS arguments. Out: its address and what it
waits for, on standard output.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import rclpy
from aiohttp import web

from moto_core.errors import ConfigError
from moto_ros.access import Access
from moto_ros.bringup.table import CONSOLE
from moto_ros.console.desk import Desk
from moto_ros.console.ledger import Ledger
from moto_ros.console.listening import Listening
from moto_ros.console.server import Server
from moto_ros.wire.params import read_config

WAITS = 3.0  # [s] before it is said what is waited for


async def serve(access: Access, port: int) -> None:
    """Listens, to the graph and to browsers, until a signal; rclpy must be initialised.

    Raises ConfigError for a wrong parameter and an address that cannot be had.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    node = rclpy.create_node(CONSOLE, automatically_declare_parameters_from_overrides=True)
    config, robot = read_config(node)
    listening = Listening(node, config, robot)
    ledger = Ledger(Path(config.record.dataset), time.time_ns())
    runner = web.AppRunner(
        Server(Desk(listening, ledger), access).application(),
        handle_signals=False,
        access_log=None,
        shutdown_timeout=1.0,
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, access.host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f'cannot listen on {access.host}, port {port}: {error.strerror or error}; '
                '--port (console_port:=) gives another'
            ) from error
        listening.begin()
        _say(f"operator's page: {_address(access, runner)}")
        await _wait(listening, stop)
    finally:
        await runner.cleanup()
        listening.close()


async def _wait(listening: Listening, stop: asyncio.Event) -> None:
    """Waits for a signal; says what it waits for if the graph is not there."""
    missing: tuple[str, ...] = ()
    began = time.monotonic()
    while not stop.is_set():
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)
        found = listening.known.missing
        if found != missing and (time.monotonic() - began > WAITS or not found):
            missing = found
            _say(
                f'waiting for {", ".join(found)}: start moto-up (or the launch file) in the same '
                'ROS_DOMAIN_ID and namespace'
                if found
                else 'the graph is there'
            )


def _address(access: Access, runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    host = 'localhost' if access.host == 'localhost' else host
    shown = f'[{host}]' if ':' in host else host
    return f'http://{shown}:{port}/' + (', which asks for the token' if access.token else '')


def _say(line: str) -> None:
    sys.stdout.write(line + '\n')
    sys.stdout.flush()
