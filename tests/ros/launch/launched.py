"""`ros2 launch` as a person runs it, wherever it can be imported."""

import os
import select
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def missing():
    """What of ROS 2's launch is not installed; `launch` alone may be this tree's folder."""
    needed = ('launch.actions', 'launch_ros', 'ros2cli', 'ros2launch')
    return [name for name in needed if not _there(name)]


def _there(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


needs_launch = pytest.mark.skipif(
    bool(missing()), reason=f'{", ".join(missing())} come with a ROS 2 distro only'
)


class Launched:
    """A `ros2 launch` and the processes that it starts."""

    def __init__(self, file, *words, environment=None):
        self.process = subprocess.Popen(
            [sys.executable, '-c', 'import sys; from ros2cli.cli import main; sys.exit(main())']
            + ['launch', str(file), *words],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.seen = ''

    def read_until(self, text):
        """Reads what it says until a text comes; fails with all of it if it ends before."""
        while text not in self.seen:
            assert self._read(40), self.seen

    def _read(self, seconds):
        """Reads what is said next; returns whether anything was within the time."""
        output = self.process.stdout.fileno()
        if not select.select([output], [], [], seconds)[0]:
            return False
        said = os.read(output, 65536).decode()
        self.seen += said
        return bool(said)

    def children(self):
        """The process ids of what it started and what lives."""
        number = self.process.pid
        return [int(n) for n in Path(f'/proc/{number}/task/{number}/children').read_text().split()]

    def end(self, number=signal.SIGINT):
        """Sends a signal and waits; returns the exit code, with all that was said in `seen`.

        launch loses what it is about if a signal comes in one of its callbacks (a task ends with
        KeyboardInterrupt, and it waits for ever): so it is sent when launch has nothing to say.
        """
        while self._read(0.3):
            pass
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        """Waits for the end; returns the exit code."""
        while self._read(40):
            pass
        return self.process.wait(10)
