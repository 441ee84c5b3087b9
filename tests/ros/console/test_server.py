"""The console's web over real HTTP, with a real node that hears no graph."""

import asyncio
import re
import threading
import time

import aiohttp
import cv2
import numpy as np
import pytest
import rclpy
from rclpy.serialization import serialize_message

from moto_core.guard.limits import load_robot
from moto_ros.access import Access
from moto_ros.config import load_ros_config
from moto_ros.console.desk import Desk
from moto_ros.console.ledger import Ledger
from moto_ros.console.listening import Listening
from moto_ros.console.pictures import Pictures
from moto_ros.console.server import MOST, PAGE
from moto_ros.console.telling import CAMERA_DEAD
from moto_ros.wire import interface
from moto_ros.wire.convert import from_rgb
from tests.recorded import record
from tests.ros.console.serving import picture, served, told

TOKEN = 'an-honest-token-0123'
CAMERA = '/camera/camera/color/image_raw'
LOOPBACK = Access('127.0.0.1')


@pytest.fixture(scope='module')
def listening(ros_environment):
    rclpy.init()
    made = Listening(
        rclpy.create_node('console'),
        load_ros_config('franka_kitchen', {}),
        load_robot('kitchen_sim'),
    )
    made.begin()
    yield made
    made.close()
    rclpy.shutdown()


@pytest.fixture
def desk(listening, tmp_path):
    return Desk(listening, Ledger(tmp_path / 'd', since=0))


def on(desk, scenario, access=LOOPBACK):
    """Runs a scenario, given a Page, to its end."""

    async def run():
        async with served(desk, access) as page:
            await asyncio.wait_for(scenario(page), 30)

    asyncio.run(run())


def test_the_page_is_whole_and_asks_nothing_of_anybody_else(desk):
    async def scenario(page):
        status, text = await page.get('/')
        files = set(re.findall(r'/page/([\w.]+)', text))
        for name in [*files]:
            status, body = await page.get(f'/page/{name}')
            assert status == 200
            files |= set(re.findall(r"from '\./([\w.]+)'", body))
            assert 'http://' not in body.replace('http://www.w3.org/2000/svg', '')
        assert files == {path.name for path in PAGE.iterdir()} - {'index.html'}
        assert (await page.get('/page/..%2fserver.py'))[0] == 404

    on(desk, scenario)


def test_every_answer_forbids_frames_other_scripts_and_caches(desk):
    async def scenario(page):
        for path in ('/', '/episodes', '/page/none', '/page/link.js'):
            async with page.session.get(page.url + path) as answer:
                policy = answer.headers['Content-Security-Policy']
                assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
                assert answer.headers['Cache-Control'] == 'no-store'

    on(desk, scenario)


@pytest.mark.parametrize('path', ['/', '/episodes', '/page/console.js', '/live'])
def test_a_name_that_was_made_to_point_here_gets_nothing(desk, path):
    async def scenario(page):
        status, text = await page.get(path, Host='evil.com')
        assert status == 403 and 'evil.com' in text

    on(desk, scenario)


@pytest.mark.parametrize('origin', ['http://evil.com', 'null', None])
@pytest.mark.parametrize('path', ['/press/estop', '/press/arm', '/label', '/login'])
def test_a_page_from_elsewhere_presses_nothing(desk, path, origin):
    desk.press = desk.ledger.label = None  # what is called then raises

    async def scenario(page):
        headers = {} if origin is None else {'Origin': origin}
        async with page.session.post(page.url + path, json={'at': 0}, headers=headers) as answer:
            assert answer.status == 403 and 'Origin' in await answer.text()

    on(desk, scenario)


@pytest.mark.parametrize('origin', ['http://evil.com', 'null', ''])
def test_a_page_from_elsewhere_gets_no_live_connection(desk, origin):
    async def scenario(page):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.live(Origin=origin)
        assert refused.value.status == 403

    on(desk, scenario)


def test_without_the_token_nothing_is_told_or_done(desk):
    async def scenario(page):
        assert (await page.get('/'))[0] == 200  # where the token is asked for
        assert (await page.get('/episodes'))[0] == 401
        assert (await page.post('/press/estop', {'at': 0}))[0] == 401
        assert (await page.post('/label', {}))[0] == 401
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.live()
        assert refused.value.status == 401
        assert (await page.get('/episodes', Authorization=f'Bearer {TOKEN}x'))[0] == 401
        assert (await page.get('/episodes', Authorization=f'Bearer {TOKEN}'))[0] == 200

    on(desk, scenario, Access('127.0.0.1', token=TOKEN))


def test_a_browser_logs_in_once_and_a_wrong_token_takes_its_time(desk):
    async def scenario(page):
        began = time.monotonic()
        for wrong in ({'token': TOKEN[:-1]}, {'token': 7}, {}):
            assert (await page.post('/login', wrong))[0] == 403
        assert time.monotonic() - began > 1.4
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            page = page._replace(session=browser)
            assert (await page.post('/login', {'token': TOKEN}))[0] == 200
            (cookie,) = jar
            assert cookie['httponly'] and cookie['samesite'] == 'Strict'
            assert TOKEN not in cookie.value
            async with page.live() as socket:
                assert (await told(socket))['told']['guard'] is None

    on(desk, scenario, Access('127.0.0.1', token=TOKEN))


def test_a_graph_that_is_not_there_is_waited_for_by_name(desk):
    async def scenario(page):
        async with page.live() as socket:
            words = (await told(socket))['told']
        assert [one.split()[1] for one in words['waiting']] == ['guard', 'policy', 'recorder']
        assert words['refusals']['start'] == 'the guard is silent'
        status, text = await page.post('/press/start', {'at': words['now']})
        assert (status, text) == (409, 'the guard is silent')

    on(desk, scenario)


def test_a_press_that_a_network_delivers_late_is_not_done_and_a_stop_is(desk):
    done = []
    desk.deeds.do = lambda deed, episode: done.append(deed) or deed

    async def scenario(page):
        for ago in (30.0, 1.5, -5.0):
            status, text = await page.post('/press/arm', {'at': time.monotonic() - ago})
            assert status == 409 and 'press again' in text
        assert (await page.post('/press/arm', {'at': time.monotonic()}))[0] == 200
        assert (await page.post('/press/stop', {'at': time.monotonic() - 30.0}))[0] == 200
        assert (await page.post('/press/estop', {'at': 0}))[0] == 200

    on(desk, scenario)
    assert done == ['arm', 'stop', 'estop']


def test_a_second_stop_is_done_while_one_is_under_way_and_another_deed_is_not(desk):
    done, under_way = [], threading.Event()

    def do(deed, episode):
        done.append(deed)
        if done.count(deed) == 1:
            assert under_way.wait(20)
        return deed

    desk.deeds.do = do

    async def scenario(page):
        for deed in ('stop', 'estop', 'arm'):
            under_way.clear()
            first = asyncio.create_task(page.post(f'/press/{deed}', {'at': time.monotonic()}))
            while deed not in done:
                await asyncio.sleep(0.01)
            status, text = await page.post(f'/press/{deed}', {'at': time.monotonic()})
            assert status == (409 if deed == 'arm' else 200), text
            under_way.set()
            assert (await first)[0] == 200

    on(desk, scenario)
    assert done == ['stop', 'stop', 'estop', 'estop', 'arm']


def test_a_press_names_the_episode_that_its_page_showed(desk):
    done = []
    desk.deeds.do = lambda *given: done.append(given) or 'done'

    async def scenario(page):
        for deed in ('success', 'failure', 'discard'):
            assert (await page.post(f'/press/{deed}', {'at': time.monotonic()}))[0] == 400
            given = {'at': time.monotonic(), 'episode': 'X'}
            assert (await page.post(f'/press/{deed}', given))[0] == 200

    on(desk, scenario)
    assert done == [('success', 'X'), ('failure', 'X'), ('discard', 'X')]


def test_a_page_too_many_is_told_so(desk):
    async def scenario(page):
        others = [await page.live() for _ in range(MOST)]
        async with page.live() as socket:
            closed = await socket.receive(timeout=10)
        assert closed.type == aiohttp.WSMsgType.CLOSE
        assert (closed.data, closed.extra) == (1013, '16 pages are open already: close one')
        for one in others:
            await one.close()

    on(desk, scenario)


@pytest.mark.parametrize('given', [{'Authorization': 'Bearer wrong'}, {'Cookie': 'wrong'}])
def test_a_wrong_token_takes_its_time_wherever_it_stands(desk, given):
    async def scenario(page):
        if 'Cookie' in given:
            given['Cookie'] = f'moto_console_{page.url.rpartition(":")[2]}=wrong'
        began = time.monotonic()
        assert (await page.get('/episodes', **given))[0] == 401
        assert time.monotonic() - began > 0.45

    on(desk, scenario, Access('127.0.0.1', token=TOKEN))


@pytest.mark.parametrize(
    'path, body, status',
    [
        ('/login', b'{"token": "\\ud800"}', 403),
        ('/login', b'[' * 4000, 400),
        ('/press/arm', b'{"at": 1' + b'0' * 400 + b'}', 400),
        ('/press/arm', b'{"at": NaN}', 409),
        ('/press/success', b'{"at": 0, "episode": "\\ud800"}', 409),
        ('/label', b'{"episode": "\\ud800", "label": "success"}', 409),
        ('/label', b'{"episode": "\\u0000", "label": "success"}', 409),
        ('/login', b'\xff', 400),
    ],
)
def test_what_no_page_would_send_is_refused_and_no_error_of_ours(desk, path, body, status):
    record(desk.ledger.root, [3])

    async def scenario(page):
        headers = {**page.own, 'Authorization': f'Bearer {TOKEN}'}
        async with page.session.post(page.url + path, data=body, headers=headers) as answer:
            assert answer.status == status, await answer.text()
        headers['Content-Type'] = 'application/json; charset=klingon'
        async with page.session.post(page.url + path, data=b'{}', headers=headers) as answer:
            assert answer.status == 400

    on(desk, scenario, Access('127.0.0.1', token=TOKEN))


@pytest.mark.parametrize(
    'lines, status',
    [
        (b'Host: 127.0.0.1:abc', b'403'),
        (b'Host: 127.0.0.1:99999', b'403'),
        (b'Host: 127.0.0.1\r\nAuthorization: Bearer \xff\xfe', b'401'),
        (b'Host: 127.0.0.1\r\nCookie: moto_console_80=\xff', b'401'),
    ],
)
def test_bytes_that_are_no_text_and_ports_that_are_none_are_refused(desk, lines, status):
    async def scenario(page):
        host, port = page.url.removeprefix('http://').split(':')
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'GET /episodes HTTP/1.1\r\n' + lines + b'\r\nConnection: close\r\n\r\n')
        assert (await reader.readline()).split()[1] == status
        writer.close()

    on(desk, scenario, Access('127.0.0.1', token=TOKEN))


@pytest.mark.parametrize(
    'path, given, status',
    [
        ('/press/arms', {'at': 0}, 409),
        ('/press/arm', {}, 400),
        ('/press/arm', {'at': True}, 400),
        ('/press/arm', [1], 400),
        ('/label', {'episode': 1, 'label': 'success'}, 400),
        ('/label', {'episode': 'x', 'label': 'success'}, 409),
        ('/label', {'episode': 'x' * 5000, 'label': 'success'}, 413),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(desk, path, given, status):
    async def scenario(page):
        found, text = await page.post(path, given)
        assert found == status and text

    on(desk, scenario)


def test_labels_are_corrected_and_every_browser_hears_of_it(desk):
    (one,) = record(desk.ledger.root, [3], outcome='success')

    async def scenario(page):
        async with page.live() as first, page.live() as second:
            while not (await told(first))['told']['total']['success']:
                pass
            version = (await told(second))['told']['episodes_version']
            status, _ = await page.post('/label', {'episode': one, 'label': 'failure'})
            assert status == 200
            for socket in (first, second):
                words = (await told(socket))['told']
                assert words['episodes_version'] > version
                assert (words['total']['success'], words['total']['failure']) == (0, 1)
        _, text = await page.get('/episodes')
        assert f'"id": "{one}"' in text and '"outcome": "failure"' in text

    on(desk, scenario)


def test_an_image_reaches_every_browser_once_it_has_shown_the_last(desk, listening):
    camera = listening.node.create_publisher(interface.CAMERA.type, CAMERA, interface.SENSOR)
    image = np.zeros((48, 1920, 3), np.uint8)
    image[..., 0] = 200  # red

    async def publish():
        while True:
            camera.publish(from_rgb(image, 1, 'front'))
            await asyncio.sleep(0.03)

    async def scenario(page):
        publishing = asyncio.create_task(publish())
        async with page.live() as first, page.live() as second:
            for socket in (first, second):
                data = await picture(socket)
                shown = cv2.imdecode(np.frombuffer(data[1:], np.uint8), cv2.IMREAD_COLOR)
                assert data[0] == 0 and shown.shape == (24, 960, 3)
                assert np.abs(shown[10, 10] - np.array([0, 0, 200])).max() < 12  # as OpenCV has it
            huge, deep = '{"keys": ["x+"], "at": 1' + '0' * 400 + '}', '[' * 4000
            for nonsense in (
                '',
                '[]',
                '{"shown": 9}',
                '{"shown": "x"}',
                '{"shown": {}}',
                huge,
                deep,
            ):
                await first.send_str(nonsense)
            for _ in range(5):
                assert (await first.receive(timeout=5)).type == aiohttp.WSMsgType.TEXT
            await first.send_json({'shown': 0})
            assert (await picture(first))[0] == 0
            words = (await told(second))['told']
            (stream,) = [one for one in words['streams'] if one['name'] == 'camera front']
            assert stream['alive'] and stream['rate'] > 5 and stream['age'] < 0.5
            publishing.cancel()
            while stream['alive']:  # else it would for ever, and a scenario has 30 s
                words = (await told(second))['told']
                (stream,) = [one for one in words['streams'] if one['name'] == 'camera front']
            assert stream['age'] >= CAMERA_DEAD

    on(desk, scenario)
    listening.node.destroy_publisher(camera)


def test_an_image_higher_than_a_jpeg_can_be_is_shown():
    pictures = Pictures(interface.CAMERA.type, compressed=False)
    tall = from_rgb(np.zeros((70_000, 2, 3), np.uint8), 1, 'front')
    pictures.take(serialize_message(tall))
    made = pictures.picture()
    shown = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (960, 1, 3) and made.problem == ''


def test_an_image_of_an_unknown_encoding_is_said_and_the_page_goes_on(desk, listening):
    camera = listening.node.create_publisher(interface.CAMERA.type, CAMERA, interface.SENSOR)
    message = from_rgb(np.zeros((8, 8, 3), np.uint8), 1, 'front')
    message.encoding = '16UC1'

    async def scenario(page):
        async with page.live() as socket:
            while "'16UC1'" not in (await told(socket))['image_problems'].get('front', ''):
                await socket.send_json({'shown': 0})
                camera.publish(message)

    on(desk, scenario)
    listening.node.destroy_publisher(camera)


def test_a_console_whose_ears_have_stopped_says_so(desk, monkeypatch):
    monkeypatch.setattr(desk.listening, 'looked', time.monotonic() - 60)
    assert desk.told(time.monotonic())['deaf'] in (0, 60.0)  # the thread may look just now
    assert desk.told(time.monotonic() + 5.0)['deaf'] >= 5.0
