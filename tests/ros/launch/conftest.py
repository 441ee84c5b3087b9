"""`ros2 launch` inside a test: everything ends with it."""

import signal

import pytest

from tests.ros.launch.launched import ROOT, Launched


@pytest.fixture
def launched():
    """Starts launch files of the tree, or those at a path."""
    started = []

    def launched(name, *words, **options):
        started.append(Launched(ROOT / 'launch' / name, *words, **options))
        return started[-1]

    yield launched
    for one in started:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)
        one.process.stdout.close()
