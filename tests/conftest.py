"""What holds for every test: the processes that they start can be interrupted."""

import signal

import pytest


@pytest.fixture(scope='session', autouse=True)
def interruptible():
    """Undoes what a shell does to a job in the background: children would ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
