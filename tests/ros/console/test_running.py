"""The console beside the running twin: over HTTP, and in a real browser."""

import asyncio
import os
import signal
import subprocess
import sys

import aiohttp
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_ros.bringup.table import CONSOLE
from moto_ros.messages import LATCHED
from moto_ros.services import GUARD, RECORDER, TWIN
from tests.ros.console.browsing import (
    PATIENT,
    answers,
    chromium,
    free_port,
    opened,
    shows,
    with_console,
)
from tests.ros.console.serving import Page, picture, told

pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.fixture(scope='module')
def running(start):
    port = free_port()
    given = {'policy': 'random', 'seed': '5', 'console': 'true', 'console_port': str(port)}
    return with_console(start(**given, **PATIENT), port)


@pytest.fixture(autouse=True)
def rested(running):
    """Leaves no fault and no episode of a test that failed to the next one."""
    running.graph.call(GUARD, 'disarm')
    if running.latest.recorder.state == 'recording':
        running.graph.call(RECORDER, 'stop_episode')
    if running.latest.guard.state in LATCHED:
        running.spin(0.6)
        running.graph.call(GUARD, 'reset_fault')
    running.spin(0.3)


def on(running, scenario):
    async def run():
        async with aiohttp.ClientSession() as session:
            page = Page(session, running.url)
            async with page.live() as live:
                await asyncio.wait_for(scenario(page, live), 120)

    asyncio.run(run())


async def until(live, condition):
    """Returns what is told once all speak and it is so."""
    while True:
        words = (await told(live))['told']
        if words['guard'] and words['recorder'] and words['policy'] and condition(words):
            return words


async def press(page, live, deed):
    """Presses a button; returns what was told before."""
    words = (await told(live))['told']
    given = {'at': words['now'], 'episode': words['recorder']['episode']}
    status, text = await page.post(f'/press/{deed}', given)
    assert status == 200, (deed, text)
    return words


def episodes(running):
    with Dataset.open(running.dataset) as dataset:
        return dataset.episodes()


def the_new_one(running, before):
    """Returns the one episode that is not among those `before`."""
    (found,) = [one for one in episodes(running) if one.id not in {old.id for old in before}]
    return found


def test_an_episode_is_run_and_labelled_over_http(running):
    before = episodes(running)

    async def scenario(page, live):
        words = await until(live, lambda w: not w['waiting'] and not w['refusals']['start'])
        assert words['guard']['state'] == 'READY' and words['task'] is not None
        succeeded = words['session']['success']
        await press(page, live, 'start')
        words = await until(live, lambda w: w['recorder']['rows'] > 12)
        assert words['guard']['headline'] == 'Running: the policy moves the arm'
        assert words['refusals']['start'] and not words['refusals']['success']
        await live.send_json({'shown': 0})  # the first one went by among what was told
        assert (await picture(live))[1:3] == b'\xff\xd8'
        names = {one['name'] for one in words['streams'] if one['alive']}
        assert names >= {'camera front', 'joints', 'guard', 'policy', 'recorder', 'decisions'}
        await press(page, live, 'success')
        words = await until(live, lambda w: w['session']['success'] > succeeded)
        assert words['guard']['state'] == 'READY'
        given = {'at': words['now'], 'episode': words['recorder']['episode']}
        status, text = await page.post('/press/failure', given)
        assert status == 409 and 'correct one in the list' in text

    on(running, scenario)
    record = the_new_one(running, before)
    assert (record.outcome, record.ended, record.policy_hash) == ('success', 'done', 'random')
    assert record.rows > 12


def test_stop_ends_it_unlabelled_and_a_label_may_come_later(running):
    before = episodes(running)

    async def scenario(page, live):
        await press(page, live, 'start')
        await until(live, lambda w: w['recorder']['rows'] > 5)
        open_ones = (await press(page, live, 'stop'))['session']['unlabelled']
        await until(live, lambda w: w['session']['unlabelled'] > open_ones)
        words = await until(live, lambda w: w['guard']['state'] == 'READY')
        assert words['recorder']['state'] == 'idle'
        failed = (await press(page, live, 'failure'))['session']['failure']
        await until(live, lambda w: w['session']['failure'] > failed)

    on(running, scenario)
    assert the_new_one(running, before).outcome == 'failure'


def test_the_software_stop_latches_until_a_person_resets_it(running):
    before = episodes(running)

    async def scenario(page, live):
        await press(page, live, 'start')
        await until(
            live, lambda w: w['guard']['state'] == 'RUNNING' and w['recorder']['rows'] > 2
        )  # an episode without a row goes to quarantine
        status, _ = await page.post('/press/estop', {'at': 0})
        assert status == 200
        words = await until(live, lambda w: w['guard']['state'] == 'ESTOP')
        assert 'e-stop' in words['guard']['why'][0] and 'reset' in words['guard']['remedy']
        assert 'ESTOP' in words['refusals']['start']
        await press(page, live, 'reset_fault')
        await until(live, lambda w: w['guard']['state'] == 'READY')

    on(running, scenario)
    assert the_new_one(running, before).ended == 'estop'


def test_a_discarded_episode_is_in_quarantine(running):
    before = episodes(running)

    async def scenario(page, live):
        await press(page, live, 'start')
        await until(live, lambda w: w['recorder']['rows'] > 5)
        await press(page, live, 'discard')
        await until(live, lambda w: w['recorder']['episode'] == '')

    on(running, scenario)
    assert episodes(running) == before


def test_a_person_takes_over_and_gives_back(running):
    async def scenario(page, live):
        await press(page, live, 'take_over')
        await until(live, lambda w: w['guard']['source'] == 'teleop')
        await press(page, live, 'give_back')
        await until(live, lambda w: w['guard']['source'] == 'policy')

    on(running, scenario)


def test_a_killed_console_stops_nothing_and_a_new_one_goes_on(running):
    running.reset()
    running.arm()
    running.wait(lambda: running.latest.guard.state == 'RUNNING', 10, 'RUNNING')
    process = running.children.running[CONSOLE]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    running.spin(1.0)
    assert running.latest.guard.state == 'RUNNING'
    running.graph.call(GUARD, 'disarm')
    running.children.start(CONSOLE, running.console)
    answers(running)


@pytest.fixture(scope='module')
def browser():
    with chromium() as made:
        yield made


def test_an_episode_is_run_labelled_and_corrected_in_a_browser(running, browser):
    before = episodes(running)
    with opened(browser, running.url) as page, opened(browser, running.url) as second:
        page.wait_for_selector('[data-deed=start][aria-disabled=false]')
        page.click('[data-deed=start]')
        page.wait_for_selector('#state[data-state=RUNNING]')
        shows(page, '#recording', 'recording')
        shows(second, '#recording', 'recording')  # two browsers at once
        page.wait_for_function("document.querySelector('figure img').naturalWidth > 0")
        page.wait_for_function("parseFloat(document.querySelector('#doubt-now').innerText) >= 0")
        second.keyboard.press('l')
        shows(page, '#headline', 'Disarmed')
        page.wait_for_function(
            """before => {
                const newest = document.querySelector('#episodes li');
                return newest && !before.includes(newest.dataset.episode)
                    && newest.querySelector('[aria-pressed=true]').dataset.outcome === 'failure';
            }""",
            arg=[one.id for one in before],
        )
        newest = page.locator('#episodes li').first
        identity = newest.get_attribute('data-episode')
        newest.locator('[data-outcome=success]').click()
        shows(page, '#told', 'failure -> success')
    record = the_new_one(running, before)
    assert (record.id, record.outcome) == (identity, 'success')
    assert len(read_episode(record.path).stamp) == record.rows > 1
    shown = subprocess.run(
        [sys.executable, '-m', 'moto_learning.commands.data', 'inspect', str(running.dataset)],
        env={**os.environ, 'COLUMNS': '250'},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert identity[-6:] in shown.stdout, shown.stderr


@pytest.mark.parametrize('width, height', [(1024, 768), (390, 844)])
def test_it_fits_a_tablet_and_a_phone_and_fingers(running, browser, width, height):
    with opened(browser, running.url, width, height) as page:
        page.wait_for_selector('#streams tr')
        assert page.evaluate('document.documentElement.scrollWidth') <= width
        sizes = page.eval_on_selector_all(
            'button',
            'all => all.filter(e => e.offsetParent || e.offsetHeight)'
            '.map(e => e.getBoundingClientRect()).map(r => [r.width, r.height])',
        )
        assert len(sizes) >= 10 and min(min(size) for size in sizes) >= 44
        note = page.inner_text('.note')
        assert 'does not replace the emergency stop' in ' '.join(note.split())
        assert 'not an emergency stop' in page.inner_text('[data-deed=estop]')


def test_a_lost_console_greys_the_page_and_a_new_one_is_found(running, browser):
    with opened(browser, running.url) as page:
        process = running.children.running[CONSOLE]
        os.killpg(process.pid, signal.SIGSTOP)  # the connection stands, and nothing comes
        page.wait_for_selector('body.lost')
        shows(page, '#lost', 'no connection since')
        os.killpg(process.pid, signal.SIGCONT)
        page.wait_for_selector('body:not(.lost)')
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        page.wait_for_selector('body.lost')
        assert running.latest.guard.state == 'READY'
        running.children.start(CONSOLE, running.console)
        page.wait_for_selector('body:not(.lost)')


def test_a_frozen_camera_shows_its_age(running, browser):
    with opened(browser, running.url) as page:
        shows(page, 'figcaption', 'Hz')
        running.kill(TWIN)
        shows(page, 'figcaption', 'frozen: this image is')
        shows(page, '#why', 'silent' if page.inner_text('#state') == 'SILENT' else '')
        page.wait_for_selector('figure.old')
