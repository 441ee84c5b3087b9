"""A console beside a running twin, and a page of it in a real browser."""

import shutil
import socket
import time
from contextlib import contextmanager

import pytest

from moto_ros.bringup.table import CONSOLE, command

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'google-chrome', 'chrome'))), None)
PATIENCE = 60_000  # [ms] of the browser, on a busy machine
PATIENT = {  # a graph beside a browser on two cores; what is tested is not its freshness
    'guard.joint_age': '0.5',
    'policy.joint_age': '1',
    'policy.camera_age': '1',
    'record.policy_timeout': '5',
    'twin.joint_rate': '50',
}


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def with_console(graph, port):
    """Starts the console beside a running graph; returns the graph, its `url` and `console`."""
    graph.url = f'http://127.0.0.1:{port}'
    (process,) = [one for one in graph.given if one.node == CONSOLE]
    graph.console = command(process)
    graph.children.start(CONSOLE, graph.console)
    answers(graph)
    return graph


def answers(graph):
    """Waits until the console's page is there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as one:
            if not one.connect_ex(('127.0.0.1', int(graph.url.rpartition(':')[2]))):
                return
        time.sleep(0.1)
    raise AssertionError('the console did not come')


@contextmanager
def chromium():
    """A headless browser; skips the test where there is none."""
    playwright = pytest.importorskip(
        'playwright.sync_api', reason="playwright comes with pip install '.[dev]'"
    )
    if CHROMIUM is None:
        pytest.skip('no Chromium here: apt-get install chromium')
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
        )
        yield made
        made.close()


@contextmanager
def opened(browser, url, width=1024, height=768):
    """A page that is connected and whose scripts raised nothing."""
    page, errors = browser.new_page(viewport={'width': width, 'height': height}), []
    page.set_default_timeout(PATIENCE)
    page.on('pageerror', lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector('body:not(.lost)')
    yield page
    page.close()
    assert not errors


def shows(page, selector, text):
    """Waits until an element's words hold a text."""
    page.wait_for_function(
        '([one, text]) => document.querySelector(one).innerText.includes(text)',
        arg=[selector, text],
    )
