"""One browser's live connection: it is told what is known, and shown the newest images.

    to the page: {"told": ..., "strip": [...]} ten times a second; bytes: camera's index, then JPEG
    from it: {"shown": camera's index}, upon which it gets that camera's next image;
             {"drives": n}, the n-th time that it turns driving on; {"drives": 0}: off;
             {"keys": [names], "at": s}, those that are held, thirty a second while it drives

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

from aiohttp import WSCloseCode, WSMsgType, web

from moto_core.errors import MotoError
from moto_ros.console.desk import Desk
from moto_ros.console.tally import Point

PERIOD = 0.1  # [s]
LEAVING = 0.5  # [s] for a browser to say goodbye
HEARTBEAT = 4.0  # [s]; a browser that does not answer within half of it is gone
NONSENSE = (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError)


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
        self._asked = 0  # how often the page turned driving on
        self._drives = False  # since it asked last
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

    async def refuse(self, request: web.Request, reason: str) -> web.StreamResponse:
        """Ends the connection with words: a browser shows no page an HTTP status of it."""
        await self.socket.prepare(request)
        await self.socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=reason.encode())
        return self.socket

    async def close(self) -> None:
        """Ends the connection."""
        await self.socket.close()

    def _hear(self, text: str) -> None:
        """Takes what the page says; what makes no sense is left alone."""
        with suppress(*NONSENSE):
            given = json.loads(text)
            if 'shown' in given:
                self._free.add(self._cameras[given['shown']])
            elif 'keys' in given:
                self._drive({str(key) for key in given['keys']}, float(given['at']))
            elif 'drives' in given:
                self._turn(int(given['drives']))

    def _turn(self, asked: int) -> None:
        """Takes the one joystick for this page, or lets it go."""
        self._asked, self._drive_problem = asked, ''
        try:
            if asked:
                self.desk.driving.take(self)
            else:
                self.desk.driving.leave(self)
            self._drives = bool(asked)
        except MotoError as error:
            self._drives, self._drive_problem = False, str(error)

    def _drive(self, keys: set[str], at: float) -> None:
        try:
            self._drive_problem = self.desk.driving.hear(self, keys, time.monotonic() - at)
        except MotoError as error:  # what its turning it on came to says more
            self._drive_problem = self._drive_problem or str(error)

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
            'drive': {'asked': self._asked, 'on': self._drives, 'problem': self._drive_problem},
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
