"""The operator's page in a headless Chromium, before a desk whose graph is played."""

import asyncio
import shutil
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from sensor_msgs.msg import Image

from moto_ros.access import Access
from moto_ros.console.desk import Desk
from moto_ros.console.ledger import Ledger
from moto_ros.console.pictures import Pictures
from moto_ros.console.tally import Stream
from tests.recorded import record
from tests.ros.console.played import PlayedListening, guard, known, recorder
from tests.ros.console.serving import served
from tests.ros.told import policy_status

playwright = pytest.importorskip(
    'playwright.async_api', reason="playwright comes with pip install '.[dev]'"
)
CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'google-chrome', 'chrome'))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason='no Chromium here: apt-get install chromium'),
]
DRIVEN = known(guard=guard('RUNNING', source='teleop'), recorder=recorder('recording', 'X'))
PATIENCE = 60_000  # [ms] of the browser, on a busy machine
ARROWS = ('ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight')
QUIET = 0.3  # [s] after which what a key said has come


@pytest.fixture
def desk(tmp_path):
    """A desk whose presses are kept, in place of done."""
    made = Desk(PlayedListening(), Ledger(tmp_path / 'd', since=0))
    made.listening.known = DRIVEN
    made.pressed = []
    made.deeds.do = lambda deed, episode: made.pressed.append((deed, episode)) or f'{deed} done'
    return made


def on(desk, scenario):
    """Runs a scenario, given the Page of a desk and a browser, to its end."""

    async def run():
        async with (
            served(desk, Access('127.0.0.1')) as page,
            playwright.async_playwright() as driver,
        ):
            browser = await driver.chromium.launch(
                executable_path=CHROMIUM,
                args=['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
            )
            await asyncio.wait_for(scenario(page, browser), 240)
            await browser.close()

    asyncio.run(run())


@asynccontextmanager
async def opened(browser, url):
    """A connected page whose scripts raise nothing."""
    page, errors = await browser.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on('pageerror', lambda error: errors.append(str(error)))
    await page.goto(url)
    await page.wait_for_selector('body:not(.lost)')
    yield page
    await page.close()
    assert not errors


async def drives(page):
    """Turns driving on, and waits until it is this page's."""
    await page.keyboard.press('g')
    await shows(page, '#drive-told', 'hold a key')


async def sees(page, *selectors):
    """Says which of these are whole on the screen, without scrolling."""
    return await page.evaluate(
        """all => all.filter(one => {
            const { top, bottom } = document.querySelector(one).getBoundingClientRect();
            return 0 <= top && bottom <= innerHeight;
        })""",
        selectors,
    )


async def shows(page, selector, text):
    await page.wait_for_function(
        '([one, text]) => document.querySelector(one).innerText.includes(text)',
        arg=[selector, text],
    )


async def until(condition):
    while not condition():
        await asyncio.sleep(0.02)


async def moves(desk, page, key='ArrowUp'):
    """Holds a key until the arm is asked to move."""
    since = time.monotonic()
    await page.keyboard.down(key)
    await until(lambda: desk.driving.node.moving(since))


async def rests(desk, silent=False):
    """Sees the deadman let go at once; then the stick says so again and again, or is `silent`."""
    await asyncio.sleep(QUIET)
    node = desk.driving.node
    count = len(node.said)
    await asyncio.sleep(4 * QUIET)
    for _, joy in node.said[count - 1 :]:
        assert not any(joy.buttons) and not any(joy.axes)
    said = [at for at, _ in node.said[count:]]
    assert not said if silent else max(np.diff([*said, time.monotonic()])) < 0.25


LOSSES = {  # what takes the keyboard from a page
    'key-up': None,
    'focus': """
        document.body.append(Object.assign(document.createElement('input'), {id: 'text'}));
        document.querySelector('#text').focus();
    """,
    'blur': "dispatchEvent(new Event('blur'))",
    'hidden': """
        Object.defineProperty(document, 'hidden', {value: true, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    """,
    'pagehide': "dispatchEvent(new Event('pagehide'))",
}


@pytest.mark.parametrize('loss', LOSSES)
def test_the_arm_rests_once_a_key_is_let_go_or_the_page_loses_the_keyboard(desk, loss):
    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await drives(page)
            await moves(desk, page)
            if LOSSES[loss] is None:
                await page.keyboard.up('ArrowUp')
            else:
                await page.evaluate(LOSSES[loss])
            await rests(desk, silent=loss == 'hidden')
            if loss == 'hidden':  # a key that is pressed meanwhile says nothing
                await page.keyboard.press('ArrowLeft')
                await rests(desk, silent=True)

    on(desk, scenario)


def test_a_key_up_is_heard_and_stop_and_estop_are_done_wherever_the_focus_is(desk):
    record(desk.ledger.root, [3])

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.wait_for_selector('#episodes button')
            await drives(page)
            for focus in ('#episodes button', '[data-deed=start]', '#drives'):
                await moves(desk, page)
                await page.focus(focus)
                await page.keyboard.up('ArrowUp')
                await rests(desk)
                desk.pressed.clear()
                for key in ('Space', 'e', 'Control+e', 'Shift+E'):
                    await page.focus(focus)
                    await page.keyboard.press(key)
                await until(lambda: len(desk.pressed) == 4)
                assert [deed for deed, _ in desk.pressed] == ['stop'] + ['estop'] * 3
            assert desk.ledger.entries[0].outcome != 'failure'

    on(desk, scenario)


def test_a_text_takes_letters_and_no_list_takes_keys(desk):
    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.evaluate(LOSSES['focus'])
            await page.keyboard.type('e y')
            assert await page.input_value('#text') == 'e y' and not desk.pressed
            assert await page.locator('select').count() == 0

    on(desk, scenario)


def test_no_key_has_two_meanings_and_a_key_that_drives_judges_nothing_after_a_reload(desk):
    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            own = await page.eval_on_selector_all(
                '[data-key]', 'all => all.map(one => one.dataset.key)'
            )
            driving = await page.evaluate(
                """async () => {
                    const text = await (await fetch('/page/drive.js')).text();
                    return [...text.matchAll(/(\\w+): \\['/g)].map(one => one[1].toLowerCase());
                }"""
            )
            assert len(own) == len({*own}) == 11 and len({*driving}) == 14
            assert not {*own, 'g'} & {*driving}
            for reloaded in (False, True):
                if reloaded:
                    await page.reload()
                    await page.wait_for_selector('body:not(.lost)')
                names = {key.lower(): key for key in ARROWS}
                for key in driving:
                    await page.keyboard.press(names.get(key, key))
            await asyncio.sleep(QUIET)
            assert not desk.pressed

    on(desk, scenario)


def test_two_people_who_both_take_over_do_not_give_back(desk):
    desk.listening.known = known()

    async def scenario(page, browser):
        async with opened(browser, page.url) as one, opened(browser, page.url) as other:
            for each in (one, other):
                await each.bring_to_front()
                await each.keyboard.press('i')
            await until(lambda: len(desk.pressed) == 2)
            desk.listening.known = DRIVEN
            await one.wait_for_selector('[data-deed=take_over][aria-disabled=true]')
            await one.keyboard.press('i')
            await shows(one, '#told', 'a person drives already')
            assert [deed for deed, _ in desk.pressed] == ['take_over'] * 2
            await one.keyboard.press('b')
            await until(lambda: len(desk.pressed) == 3)
            assert desk.pressed[-1][0] == 'give_back'

    on(desk, scenario)


def test_buttons_that_the_guard_would_refuse_are_dashed_and_say_why(desk):
    desk.listening.known = known()

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            why = {'start': 'too old', 'arm': 'too old to arm', 'home': 'too old for home'}
            for deed in why:
                await page.wait_for_selector(f'[data-deed={deed}][aria-disabled=false]')
            refused = guard(refusal=why['arm'], home_refusal=why['home'], unfit=why['start'])
            desk.listening.known = known(guard=refused)
            for deed, words in why.items():
                button = await page.wait_for_selector(f'[data-deed={deed}][aria-disabled=true]')
                assert await button.get_attribute('title') == words
                style = await button.evaluate('one => getComputedStyle(one).borderTopStyle')
                assert style == 'dashed'
                await button.evaluate('one => one.click()')
                await shows(page, '#told', words)
            assert not desk.pressed

    on(desk, scenario)


def test_a_click_that_a_busy_page_hears_late_is_refused_as_old(desk):
    desk.listening.known = known()

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.wait_for_selector('[data-deed=home][aria-disabled=false]')
            await asyncio.sleep(1.0)  # its clock is known
            box = await page.locator('[data-deed=home]').bounding_box()
            wire = await page.context.new_cdp_session(page)
            busy = asyncio.create_task(
                page.evaluate(
                    '() => { const end = performance.now() + 4000;'
                    ' while (performance.now() < end); }'
                )
            )
            await asyncio.sleep(0.5)
            place = {'x': box['x'] + 9, 'y': box['y'] + 9, 'button': 'left', 'clickCount': 1}
            clicks = [
                asyncio.create_task(wire.send('Input.dispatchMouseEvent', {'type': way, **place}))
                for way in ('mousePressed', 'mouseReleased')
            ]
            await asyncio.gather(busy, *clicks)
            await shows(page, '#told', 'press again')
            assert not desk.pressed

    on(desk, scenario)


def test_a_second_page_gets_the_stick_once_the_first_turned_it_off_and_lifts_its_keys(desk):
    async def scenario(page, browser):
        async with opened(browser, page.url) as one, opened(browser, page.url) as other:
            await one.bring_to_front()
            await drives(one)
            await moves(desk, one)
            await other.keyboard.press('g')
            await shows(other, '#drive-told', 'another page drives')
            assert await other.get_attribute('#drives', 'aria-pressed') == 'false'
            await other.keyboard.down('ArrowLeft')
            await one.keyboard.up('ArrowUp')
            await rests(desk)  # let go, and still the first one's
            await one.keyboard.press('g')
            await rests(desk, silent=True)
            await other.keyboard.press('g')  # its key is down
            await shows(other, '#drive-told', 'hold a key')
            await asyncio.sleep(QUIET)
            since = time.monotonic()
            await asyncio.sleep(QUIET)
            assert not desk.driving.node.moving(since)
            await other.keyboard.up('ArrowLeft')
            await moves(desk, other, 'ArrowLeft')

    on(desk, scenario)


def test_a_page_says_why_its_keys_say_nothing(desk):
    slow = """() => {
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (words) {
            setTimeout(() => send.call(this, words), 400);
        };
    }"""

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            desk.listening.known = known()
            await page.keyboard.press('g')
            await shows(
                page, '#drive-told', 'the policy drives: a key that you hold is the deadman'
            )
            await page.evaluate(slow)
            await page.keyboard.down('ArrowUp')
            await shows(page, '#drive-told', 's late')
            assert not desk.driving.node.moving()
            await page.keyboard.press('g')
            waits = guard('HOLD', reasons=('deadman',), cause=('deadman',))
            desk.listening.known = known(guard=waits)
            await shows(page, '#drive-told', 'the guard waits for the deadman, though the policy')
            desk.driving.node.beside = ()
            await page.keyboard.press('g')
            await shows(page, '#drive-told', 'moto_teleop does not run')

    on(desk, scenario)


@pytest.mark.parametrize('width', [1280, 390])
def test_who_demonstrates_is_told_to_start_and_sees_camera_keys_and_hint_at_once(desk, width):
    desk.listening.known = known(policy=policy_status(policy='teleop', waiting=True))
    desk.listening.pictures['front'] = Pictures(Image, compressed=False)
    desk.listening.streams['camera front'] = Stream()

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.set_viewport_size({'width': width, 'height': 900})
            await page.keyboard.press('g')
            await shows(page, '#drive-told', 'Start an episode, then hold a key')
            await shows(page, '#policy', 'no policy')
            wanted = ['#headline', 'figure', '#drives', '#drive-told', '#pad']
            assert await sees(page, *wanted) == wanted
            sizes = await page.eval_on_selector_all(
                '#pad button', 'all => all.map(one => one.getBoundingClientRect().height)'
            )
            assert len(sizes) == 14 and min(sizes) >= 44

    on(desk, scenario)


@pytest.mark.parametrize(
    'left, words', [(0.036, 'the arm is home, to 0.04 rad'), (0.4, 'ended 0.40 rad')]
)
def test_the_page_says_where_a_way_home_has_ended(desk, left, words):
    desk.listening.known = known()

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.wait_for_selector('[data-deed=home][aria-disabled=false]')
            await page.keyboard.press('h')
            await shows(page, '#told', 'home done')
            desk.listening.known = known(guard=guard('RUNNING', source='home', from_home=0.5))
            await shows(page, '#headline', 'the way home moves the arm')
            assert await page.inner_text('#told') == 'home done'
            desk.listening.known = known(guard=guard(from_home=left))
            await shows(page, '#told', words)

    on(desk, scenario)


def test_a_press_is_for_the_episode_that_the_page_shows(desk):
    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.wait_for_selector('[data-deed=success][aria-disabled=false]')
            await page.keyboard.press('y')
            await until(lambda: desk.pressed == [('success', 'X')])
            await page.keyboard.press('j')
            await shows(page, '#told', 'press discard again to do it to …X')
            desk.listening.known = known(recorder=recorder('recording', 'Y'))
            await shows(page, '#recording', '…Y')
            await page.keyboard.press('j')  # the first press was for another one
            await shows(page, '#told', '…Y')
            await page.keyboard.press('j')
            await until(lambda: desk.pressed[1:] == [('discard', 'Y')])

    on(desk, scenario)


def test_what_only_a_person_knows_is_said_twice(desk):
    desk.listening.known = known(guard=guard(refusal='the guard was just started'))

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await shows(page, '#remedy', 'the guard was just started')
            await page.click('[data-deed=begin_anew]')
            await shows(page, '#told', 'press begin_anew again, if it is so')
            assert desk.pressed == []
            await page.click('[data-deed=begin_anew]')
            await until(lambda: desk.pressed == [('begin_anew', '')])

    on(desk, scenario)


def test_a_label_of_an_old_episode_changes_by_its_own_button_and_not_by_arrows(desk):
    (one,) = record(desk.ledger.root, [3], outcome='success')

    async def scenario(page, browser):
        async with opened(browser, page.url) as page:
            await page.wait_for_selector('#episodes button')
            await drives(page)
            await page.focus('#episodes [aria-pressed=true]')
            for key in ('ArrowDown', 'ArrowUp', 'ArrowLeft', 'ArrowRight'):
                await page.keyboard.press(key)
            await asyncio.sleep(QUIET)
            assert desk.ledger.outcome(one) == 'success'
            await page.click('#episodes [data-outcome=failure]')
            await page.wait_for_selector('#episodes [data-outcome=failure][aria-pressed=true]')
            assert desk.ledger.outcome(one) == 'failure'
            assert await page.evaluate('document.activeElement === document.body')

    on(desk, scenario)


def test_a_half_open_connection_is_closed_and_another_opened(desk):
    holes = []

    async def scenario(page, browser):
        host, port = page.url.removeprefix('http://').split(':')

        async def carry(reader, writer, hole):
            while data := await reader.read(65536):
                if not hole.is_set():
                    writer.write(data)

        async def accept(reader, writer):
            there, back = await asyncio.open_connection(host, int(port))
            hole = asyncio.Event()
            holes.append(hole)
            ways = [(reader, back), (there, writer)]
            tasks = [asyncio.create_task(carry(*way, hole)) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if hole.is_set():
                await tasks[0]  # the browser hears nothing of the console's end, but of its own
            for task, (_, end) in zip(tasks, ways):
                task.cancel()
                end.close()

        async with await asyncio.start_server(accept, '127.0.0.1', 0) as server:
            own = server.sockets[0].getsockname()[1]
            async with opened(browser, f'http://127.0.0.1:{own}/') as page:
                await drives(page)
                for hole in holes:
                    hole.set()  # nothing comes through any more, and nobody hears of it
                await page.wait_for_selector('body.lost')
                await page.keyboard.press('n')
                await shows(page, '#told', "no connection: 'start' was not sent")
                await page.wait_for_selector('body:not(.lost)')
                await shows(page, '#drive-told', 'driving ended with the connection')

    on(desk, scenario)


def test_a_page_too_many_says_why_it_is_not_connected(desk):
    async def scenario(page, browser):
        others = [await page.live() for _ in range(16)]
        shown = await browser.new_page()
        shown.set_default_timeout(PATIENCE)
        await shown.goto(page.url)
        await shows(shown, '#lost', '16 pages are open already: close one')
        await others[0].close()
        await shown.wait_for_selector('body:not(.lost)')

    on(desk, scenario)
