"""The console's web: one page, one live connection a browser, presses and labels over HTTP.

    GET /            the page                     POST /press/DEED  {"at": s, "episode"}
    GET /page/FILE   its files                    POST /label       {"episode", "label"}
    GET /episodes    the last episodes            POST /login       {"token"}
    GET /live        WebSocket: what a page is told, images; from the page: which it has shown

In: a Desk, an Access. Out: an aiohttp application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from moto_core.errors import MotoError
from moto_ros.access import Access
from moto_ros.console.asked import asked, episode_of, time_of
from moto_ros.console.desk import Desk
from moto_ros.console.live import Live
from moto_ros.console.permitted import ALWAYS

PAGE = Path(__file__).parent / 'page'
OPEN = ('/', '/login')  # what needs no token, beside the page's files
WRONG = 0.5  # [s] that an answer to a wrong token takes
READ = 15.0  # [s] between two readings of a dataset in which nothing was heard to change
MOST = 16  # browsers at once
STOPS = 8  # presses of stop, and of e-stop, that are done at once; more wait for one of these
HEADERS = {
    'Content-Security-Policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """The web of one desk."""

    def __init__(self, desk: Desk, access: Access) -> None:
        self.desk, self.access = desk, access
        self.live: set[Live] = set()
        # a thread for every deed: none waits for another, nor for a disk
        self._deeds = ThreadPoolExecutor(len([*desk.deeds]), thread_name_prefix='moto-deed')
        self._stops = {
            deed: ThreadPoolExecutor(STOPS, thread_name_prefix=f'moto-{deed}') for deed in ALWAYS
        }
        self._others = ThreadPoolExecutor(4, thread_name_prefix='moto-console')

    def application(self) -> web.Application:
        """Returns the application."""
        app = web.Application(middlewares=[self._guarded], client_max_size=4096)
        app.router.add_get('/', self.page)
        app.router.add_get('/page/{name}', self.file)
        app.router.add_get('/episodes', self.episodes)
        app.router.add_get('/live', self.connect)
        app.router.add_post('/press/{deed}', self.press)
        app.router.add_post('/label', self.label)
        app.router.add_post('/login', self.login)
        app.cleanup_ctx.append(self._reading)
        app.on_shutdown.append(self._leave)
        return app

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Answers with the page."""
        return web.FileResponse(PAGE / 'index.html')

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Answers with one of the page's files."""
        name = request.match_info['name']
        if name not in {path.name for path in PAGE.iterdir()}:
            raise web.HTTPNotFound(text=f'the page has no file {name!r}')
        return web.FileResponse(PAGE / name)

    async def episodes(self, request: web.Request) -> web.StreamResponse:
        """Answers with the last episodes, newest first."""
        ledger = self.desk.ledger
        return web.json_response(
            {'version': ledger.version, 'episodes': [entry._asdict() for entry in ledger.entries]}
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Does a deed; 409 with the reason if it is not done."""
        given, deed = await asked(request), request.match_info['deed']
        pool = self._stops.get(deed, self._deeds)
        return await self._answer(
            pool, self.desk.press, deed, time_of(given), episode_of(given, deed)
        )

    async def label(self, request: web.Request) -> web.StreamResponse:
        """Corrects a label; 409 with the reason if it cannot be."""
        given = await asked(request)
        episode, label = given.get('episode'), given.get('label')
        if not isinstance(episode, str) or not isinstance(label, str):
            raise web.HTTPBadRequest(text="expected the texts 'episode' and 'label'")
        return await self._answer(self._others, self.desk.ledger.label, episode, label)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Gives a cookie to who has the token."""
        token = (await asked(request)).get('token')
        if not isinstance(token, str) or not self.access.opens(token):
            await asyncio.sleep(WRONG)
            raise web.HTTPForbidden(text='the token is wrong')
        answer = web.json_response({'told': 'welcome'})
        answer.set_cookie(
            _cookie_name(request), self.access.cookie, httponly=True, samesite='Strict'
        )
        return answer

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Keeps one browser told until it leaves."""
        live = Live(self.desk, self._others)
        if len(self.live) >= MOST:
            return await live.refuse(request, f'{MOST} pages are open already: close one')
        self.live.add(live)
        try:
            return await live.run(request)
        finally:
            self.live.discard(live)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await self._check(request)
            answer = await handler(request)
        except web.HTTPException as refusal:
            refusal.headers.update(HEADERS)
            raise
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    async def _check(self, request: web.Request) -> None:
        """Raises HTTPForbidden or HTTPUnauthorized before anything of a request is believed."""
        access, headers = self.access, request.headers
        host = headers.get('Host', '')
        reason = access.refuses_host(host)
        if not reason and (request.method != 'GET' or request.path == '/live'):
            reason = access.refuses_origin(headers.get('Origin', ''), host)
        if reason:
            raise web.HTTPForbidden(text=reason)
        if request.path in OPEN or request.path.startswith('/page/'):
            return
        bearer = headers.get('Authorization', '').removeprefix('Bearer ')
        cookie = request.cookies.get(_cookie_name(request), '')
        if not (access.keeps(cookie) or access.opens(bearer)):
            if cookie or bearer:
                await asyncio.sleep(WRONG)
            raise web.HTTPUnauthorized(text='the token is missing: log in, or send it as Bearer')

    async def _answer(
        self, pool: Executor, act: Callable[..., str], *given: Any
    ) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        try:
            told = await loop.run_in_executor(pool, act, *given)
        except MotoError as error:
            words = str(error).encode(errors='backslashreplace').decode()
            raise web.HTTPConflict(text=words) from error
        return web.json_response({'told': told})

    async def _reading(self, app: web.Application) -> Any:
        """Reads the dataset while the application runs; its end is the threads' too."""

        async def read() -> None:
            loop = asyncio.get_running_loop()
            while True:
                await loop.run_in_executor(self._others, self.desk.look, READ)
                await asyncio.sleep(0.2)

        reading = asyncio.create_task(read())
        yield
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        for pool in (self._deeds, self._others, *self._stops.values()):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _leave(self, app: web.Application) -> None:
        for live in [*self.live]:
            await live.close()


def _cookie_name(request: web.Request) -> str:
    """Returns the cookie's name: a browser gives one port's to every other of the machine."""
    return f'moto_console_{request.url.port}'
