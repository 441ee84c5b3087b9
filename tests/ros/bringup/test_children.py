"""What becomes of a bring-up whose processes end, played by processes that only end."""

import os
import sys

import pytest

from moto_ros.bringup import children
from moto_ros.bringup.children import Children, tend
from moto_ros.bringup.table import MANAGER, Process

GUARD = Process(node='moto_guard', module='guard', required=True)
SESSION = Process(node='moto_session', module='session')
HINT = "active: 'moto_session --episodes 10'"
WAITS = 'import time; time.sleep(60)'
KILLED = 'import os; os.kill(os.getpid(), 9)'


@pytest.fixture
def tended(monkeypatch, capsys):
    """A function that tends a guard, a manager and a session; returns exit code and output."""

    def run(session, manager='', hint='', stop=()):
        lines = {'moto_session': [sys.executable, '-c', session]}
        monkeypatch.setattr(children, 'command', lambda process: lines[process.node])
        here = Children(os.environ)
        here.start('moto_guard', [sys.executable, '-c', WAITS])
        here.start(MANAGER, [sys.executable, '-c', manager])
        try:
            code = tend(here, [GUARD], SESSION, list(stop), hint)
        finally:
            here.stop()
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize('code', [0, 3])
def test_the_sessions_code_is_the_bringups(tended, code):
    assert tended(f'raise SystemExit({code})') == (code, '')


def test_a_session_that_is_killed_ends_the_bringup_with_a_line_and_code_1(tended):
    assert tended(KILLED) == (1, 'moto_session ended with code -9\n')


def test_how_to_go_on_is_said_once_all_are_active_and_not_before(tended):
    assert tended('', hint=HINT) == (0, f'{HINT}\n')
    code, said = tended('', manager='raise SystemExit(1)', hint=HINT)
    assert (code, said) == (1, f'{MANAGER} ended with code 1\n')
