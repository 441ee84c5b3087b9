"""What a request asks for: its JSON, and the parts of a press.

In: an HTTP request of anybody. Out: values of the types that are expected; a 400 in words for
anything else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiohttp import web

from moto_core.errors import one_line
from moto_ros.console.permitted import NAMED


async def asked(request: web.Request) -> dict[str, Any]:
    """Returns the JSON object of a request."""
    try:
        found = await request.json()
    except (ValueError, LookupError, RecursionError) as error:  # no JSON, charset, far too deep
        raise web.HTTPBadRequest(text=f'the request is no JSON: {one_line(error)}') from error
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text='the request is no JSON object')
    return found


def time_of(press: dict[str, Any]) -> float:
    """Returns when a press was made [s]."""
    at = press.get('at')
    if not isinstance(at, bool) and isinstance(at, (int, float)):
        with suppress(OverflowError):
            return float(at)
    raise web.HTTPBadRequest(text=f"'at' is {one_line(at)}; expected the time of the press [s]")


def episode_of(press: dict[str, Any], deed: str) -> str:
    """Returns the id of the episode that the page showed; '' if the deed is about none."""
    episode = press.get('episode')
    if deed not in NAMED:
        return ''
    if not isinstance(episode, str):
        raise web.HTTPBadRequest(
            text=f"'episode' is {one_line(episode)}; expected the id of that which the page showed"
        )
    return episode
