"""moto-console as a person starts it."""

import signal
import socket
import subprocess
import sys

import pytest

COMMAND = [sys.executable, '-m', 'moto_ros.console.command']


def said_by(*words):
    """Runs it to its end; returns its exit code and what it says on standard error."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    'words, texts',
    [
        (['--host', '0.0.0.0'], ["'0.0.0.0'", '--token-file']),
        (['--host', '0.0.0.0', '--token', 'short'], ['5 characters', 'at least 16']),
        (['--port', '99999'], ['99999', 'at most 65535']),
        (['--prot', '1'], ["'prot'", "'port'"]),
    ],
)
def test_what_cannot_be_is_one_line(words, texts):
    code, said = said_by(*words)
    assert code == 2 and said.startswith('moto-console: ')
    assert said.count('\n') == 1 and all(text in said for text in texts)


@pytest.mark.slow
def test_it_waits_for_a_graph_by_name_and_ends_with_a_signal():
    line = [*COMMAND, 'sim:=true', 'dataset:=nowhere', '--port', '0']
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("operator's page: http://127.0.0.1:")
            assert 'waiting for the guard' in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.slow
def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        code, said = said_by('sim:=true', '--port', str(taken.getsockname()[1]))
    assert code == 2 and said.count('\n') == 1, said
    assert 'cannot listen' in said and '--port' in said
