"""A person demonstrates by the page's keys, in a real browser beside the running twin."""

import time

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from tests.ros.console.browsing import PATIENT, chromium, free_port, opened, shows, with_console

pytestmark = [pytest.mark.ros, pytest.mark.slow]
LOOKS = 3.0  # [s] without a key; a joystick that is silent for so long is a fault


@pytest.fixture(scope='module')
def demonstrating(start):
    """A graph as the README's command brings it up, with its page."""
    port = free_port()
    given = {'teleop': 'page', 'console': 'true', 'console_port': str(port), 'seed': '5'}
    return with_console(start(task='kitchen-microwave', **given, **PATIENT), port)


def waits(page, state, script='([state]) => document.querySelector("#state").innerText === state'):
    page.wait_for_function(script, arg=[state])


def drives(page, key, seconds=0.7):
    """Holds a key for some time in which the arm moves."""
    page.keyboard.down(key)
    waits(page, 'RUNNING')
    page.wait_for_timeout(1000 * seconds)
    page.keyboard.up(key)
    waits(page, 'HOLD')


def test_a_person_who_stops_to_look_demonstrates_on(demonstrating):
    graph = demonstrating
    with chromium() as browser, opened(browser, graph.url, 1280, 900) as page:
        page.wait_for_selector('[data-deed=start][aria-disabled=false]')
        page.keyboard.press('g')
        shows(page, '#drive-told', 'Start an episode')
        page.keyboard.press('n')
        shows(page, '#recording', '● recording')
        shows(page, '#headline', 'by a person')
        for key in ('ArrowUp', 'w', 'ArrowLeft'):
            end = time.monotonic() + LOOKS
            while time.monotonic() < end:
                assert page.inner_text('#state') in ('ARMED', 'HOLD'), page.inner_text('#why')
                page.wait_for_timeout(100)
            drives(page, key)
        page.keyboard.press('y')
        shows(page, '#episodes', 'a person')
    with Dataset.open(graph.dataset) as dataset:
        (record,) = dataset.episodes()
    rows = read_episode(record.path)
    assert (record.outcome, record.ended, record.controller) == ('success', 'done', 'teleop')
    assert rows.intervention.all() and len(rows.stamp) > 3 * LOOKS / rows.header.spec.period
    assert (np.abs(rows.executed[:, :7]).max(axis=1) > 0.05).sum() > 15


def test_a_page_that_is_gone_while_a_key_is_held_is_a_silence_that_stops_the_arm(demonstrating):
    graph = demonstrating
    graph.spin(0.5)
    with chromium() as browser:
        with opened(browser, graph.url, 1280, 900) as page:
            page.wait_for_selector('[data-deed=start][aria-disabled=false]')
            page.keyboard.press('g')
            page.keyboard.press('n')
            shows(page, '#headline', 'by a person')
            page.keyboard.down('ArrowUp')
            waits(page, 'RUNNING')
        graph.wait(lambda: graph.latest.guard.state == 'FAULT', 5, 'the fault of a silence')
    assert graph.latest.guard.cause[0] == 'request_timeout' and graph.speed() < 0.03
