"""One browser's connection, over a real WebSocket, to a desk whose graph is played."""

import asyncio
import time

from moto_ros.access import Access
from moto_ros.console.desk import Desk
from moto_ros.console.ledger import Ledger
from tests.ros.console.played import PlayedListening
from tests.ros.console.serving import served, told


def test_a_page_that_closes_while_it_drives_leaves_the_stick_to_another(tmp_path):
    desk = Desk(PlayedListening(), Ledger(tmp_path / 'd', since=0))
    node = desk.listening.node

    async def drives(socket):
        await socket.send_json({'drives': 1})
        return (await told(socket))['drive']

    async def scenario(page):
        async with page.live() as first:
            while not (await drives(first))['on']:
                pass
            async with page.live() as second:
                while 'another page' not in (await drives(second))['problem']:
                    pass
        end = time.monotonic() + 5
        while node.publishers and time.monotonic() < end:
            await asyncio.sleep(0.02)
        assert node.publishers == 0, 'its joystick is gone with it'
        async with page.live() as third:
            while (words := await drives(third))['asked'] != 1:
                pass
            assert (words['on'], words['problem']) == (True, '')

    async def run():
        async with served(desk, Access('127.0.0.1')) as page:
            await asyncio.wait_for(scenario(page), 30)

    asyncio.run(run())
