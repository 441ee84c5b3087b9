"""One browser's live connection: it is told what is known, and shown the newest images.

    to the page: {"told": ..., "strip": [...]} ten times a second; bytes: camera's index, then JPEG
    from it: {"shown": camera's index}, upon which it gets that camera's next image;
             {"keys": [names], "at": s}, thirty a second while keys are held; {"drives": false}

In: a Desk. Out: a WebSocket that runs until the browser leaves. A slow browser gets fewer images,
never older ones.
"""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from moto_core.errors import MotoError
from moto_ros.console.desk import Desk
from moto_ros.console.tally import Point

PERIOD = 0.1  # [s]
LEAVING = 0.5  # [s] for a browser to say goodbye
HEARTBEAT = 4.0  # [s]; a browser that does not answer within half of it is gone


class Live:
    """One browser."""

    def __init__(self, desk: Desk, pool: Executor) -> None:
        self.desk, self.pool = desk, pool
        self.socket = web.WebSocketResponse(
            timeout=LEAVING, heartbeat=HEARTBEAT, max_msg_size=4096
        )
        self._cameras = [*desk.listening.pictures]
        self._sent = dict.fromkeys(self._cameras, 0)  # number of the last image sent
        self._free = set(self._cameras)  # whose last image was shown
        self._problems: dict[str, str] = {}  # of images, by camera
        self._drive_problem = ''
        self._point = 0  # number of the last point of the strip that was sent

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Runs until the browser leaves."""
        await self.socket.prepare(request)
        telling = asyncio.create_task(self._tell())
        try:
            async for message in self.socket:
                if message.type == WSMsgType.TEXT:
                    self._hear(message.data)
        finally:
            self.desk.driving.leave(self)
            telling.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await telling
        return self.socket

    async def close(self) -> None:
        """Ends the connection."""
        await self.socket.close()

    def _hear(self, text: str) -> None:
        """Takes what the page says; what makes no sense is left alone."""
        with suppress(ValueError, TypeError, AttributeError, LookupError):
            given = json.loads(text)
            if 'shown' in given:
                self._free.add(self._cameras[given['shown']])
            elif 'keys' in given:
                self._drive({str(key) for key in given['keys']}, float(given['at']))
            elif 'drives' in given:
                self.desk.driving.leave(self)

    def _drive(self, keys: set[str], at: float) -> None:
        try:
            self.desk.driving.hear(self, keys, time.monotonic() - at)
            self._drive_problem = ''
        except MotoError as error:
            self._drive_problem = str(error)

    async def _tell(self) -> None:
        while not self.socket.closed:
            began = time.monotonic()
            await self.socket.send_str(json.dumps(self._told(began), allow_nan=False))
            for index, camera in enumerate(self._cameras):
                await self._show(index, camera)
            await asyncio.sleep(max(0.01, began + PERIOD - time.monotonic()))

    def _told(self, now: float) -> dict[str, Any]:
        points = [p for p in self.desk.listening.strip.points() if p.number > self._point]
        self._point = points[-1].number if points else self._point
        return {
            'told': self.desk.told(now),
            'cameras': self._cameras,
            'image_problems': self._problems,
            'drive_problem': self._drive_problem,
            'strip': [_plain(point, now) for point in points],
        }

    async def _show(self, index: int, camera: str) -> None:
        pictures = self.desk.listening.pictures[camera]
        if camera not in self._free or pictures.number == self._sent[camera]:
            return
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self.pool, pictures.picture)
        self._sent[camera] = made.number
        self._problems = {**self._problems, camera: made.problem}
        if made.jpeg:
            self._free.discard(camera)
            await self.socket.send_bytes(bytes([index]) + made.jpeg)


def _plain(point: Point, now: float) -> list[Any]:
    """Returns a point as [age [s], disagreement, whether an episode begins]."""
    finite = point.disagreement == point.disagreement and abs(point.disagreement) < 1e9
    return [round(now - point.at, 2), point.disagreement if finite else None, point.first]
