"""A console's web in the test's process, on a port of its own, over real HTTP."""

import json
import time
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
from aiohttp import web

from moto_ros.console.server import Server


class Page(NamedTuple):
    """A browser's view of a console."""

    session: aiohttp.ClientSession
    url: str

    @property
    def own(self):
        return {'Origin': self.url}

    async def post(self, path, given, **headers):
        """Returns the status and the words of the answer."""
        headers = {**self.own, **headers}
        async with self.session.post(self.url + path, json=given, headers=headers) as answer:
            return answer.status, await answer.text()

    async def get(self, path, **headers):
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    def live(self, **headers):
        return self.session.ws_connect(f'{self.url}/live', headers={**self.own, **headers})


@asynccontextmanager
async def served(desk, access):
    """Serves a desk; gives a Page."""
    runner = web.AppRunner(Server(desk, access).application(), shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, '127.0.0.1', 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession() as session:
            yield Page(session, f'http://{host}:{port}')
    finally:
        await runner.cleanup()


async def told(socket):
    """Returns what a live connection says from now on; what it said while nobody read is old."""
    asked = time.monotonic()
    while True:
        message = await socket.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        if message.type == aiohttp.WSMsgType.TEXT:
            words = json.loads(message.data)
            if words['told']['now'] >= asked:
                return words


async def picture(socket):
    """Returns the next image of a live connection."""
    while True:
        message = await socket.receive(timeout=10)
        if message.type == aiohttp.WSMsgType.BINARY:
            return message.data
