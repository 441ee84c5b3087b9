"""A process ends with the bring-up that started it, and only with that."""

import os
import subprocess
import sys

import pytest

from moto_ros.wire.started_by import STARTED_BY, end_with_bringup, own_name

CODE = (
    'import signal, time\n'
    'from moto_ros.wire.started_by import end_with_bringup\n'
    "signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True))\n"
    'end_with_bringup()\n'
    "print('ready', flush=True)\n"
    'time.sleep(30)\n'
)


@pytest.fixture
def bringup():
    process = subprocess.Popen(['sleep', '60'])
    yield process
    process.kill()
    process.wait()


def watching(bringup, host=None):
    name = f'{bringup.pid}@{host or own_name().partition("@")[2]}'
    return subprocess.Popen(
        [sys.executable, '-c', CODE],
        env={**os.environ, STARTED_BY: name},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_bringup_that_is_killed_is_a_sigterm_to_what_it_started(bringup):
    process = watching(bringup)
    assert process.stdout.readline() == 'ready\n'
    bringup.kill()
    assert process.stdout.readline() == 'told\n'
    process.kill()
    process.communicate()


def test_a_bringup_that_is_gone_already_is_noticed_at_the_start(bringup):
    bringup.kill()
    bringup.wait()
    process = watching(bringup)
    assert process.stdout.readline() == 'told\n'
    process.kill()
    process.communicate()


@pytest.mark.parametrize('name', ['', 'x', '1@elsewhere', f'x@{own_name().partition("@")[2]}'])
def test_who_was_started_by_nobody_here_watches_nobody(name):
    assert end_with_bringup({STARTED_BY: name}) is None


def test_who_was_started_by_a_process_here_watches_it():
    assert end_with_bringup({STARTED_BY: own_name()}).daemon
