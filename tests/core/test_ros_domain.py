"""A domain of one's own: not one that somebody is in, and not twice."""

import os
import socket
import subprocess
import sys

import pytest

from moto_core import ros_domain
from moto_core.errors import MotoError
from moto_core.ros_domain import own_domain

ASK = 'from moto_core.ros_domain import own_domain; print(own_domain(), flush=True); input()'


def first():
    return 1 + os.getpid() % 100


@pytest.fixture
def anew(tmp_path, monkeypatch):
    """This process has asked for none, and its locks are in a folder of their own."""
    monkeypatch.setattr(ros_domain.tempfile, 'gettempdir', lambda: str(tmp_path))
    monkeypatch.setattr(ros_domain, '_held', [])
    own_domain.cache_clear()
    yield tmp_path
    own_domain.cache_clear()


def bound(port):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(('127.0.0.1', port))
    return taken


def test_a_process_has_one_domain(anew):
    assert own_domain() == own_domain() and 1 <= own_domain() <= 100


# of participant 0 discovery, of participant 0 data, of participant 31 data (DDSI-RTPS 9.6.2.3)
@pytest.mark.parametrize('port', [10, 11, 73])
def test_a_domain_with_a_participant_in_it_is_left_to_it(anew, port, monkeypatch):
    monkeypatch.setattr(os, 'getpid', lambda: 41)
    with bound(7400 + 250 * 42 + port):
        assert ros_domain.occupied(42)
        assert own_domain() == 43


def test_processes_that_ask_at_once_get_different_ones(anew, monkeypatch):
    environment = {**os.environ, 'TMPDIR': str(anew)}
    same = f'import os; os.getpid = lambda: 7; {ASK}'
    asked = [
        subprocess.Popen(
            [sys.executable, '-c', same],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    found = [int(process.stdout.readline()) for process in asked]
    for process in asked:
        process.communicate('\n')
    assert sorted(found) == [8, 9, 10]
    monkeypatch.setattr(os, 'getpid', lambda: 7)
    assert own_domain() == 8  # which its process gave back by ending


def test_no_domain_left_says_what_to_do(anew, monkeypatch):
    monkeypatch.setattr(ros_domain, 'occupied', lambda number: True)
    with pytest.raises(MotoError, match='end some, or set ROS_DOMAIN_ID yourself'):
        own_domain()


def test_another_users_lock_is_passed_over(anew):
    (anew / f'moto-domain-{first()}.lock').mkdir()
    assert own_domain() == first() % 100 + 1
