"""The whole loop beside a running robot: episodes logged, learned from, published, swapped in."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.commands import data as data_command
from moto_learning.commands import train
from moto_learning.rounds.journal import read_rounds
from tests.test_help_examples import TINY, own_environment

PATIENCE = 240.0  # [s] for a policy to be learned, published and swapped in

pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with demonstrations and a run that has hardly learned from them."""
    monkeypatch.chdir(tmp_path)
    words = ['--task', 'kitchen-microwave', '--episodes', '2', '--out', 'data']
    assert data_command.main(['collect', *words]) == 0
    words = ['--config', 'demo', '--phase', 'offline', '--data', 'data', '--out', 'run']
    assert train.main([*words, *TINY]) == 0
    return tmp_path


def start(place, module, *words):
    """Starts a command of ours in a process group of its own, its words in a file."""
    with (place / f'{module.rpartition(".")[2]}.log').open('a') as log:
        return subprocess.Popen(
            [sys.executable, '-m', module, *words],
            cwd=place,
            env=own_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def until(found, process, what):
    """Waits for a condition while a process lives."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert process.poll() is None, f'it ended while waiting for {what}'
        assert time.monotonic() < end, what
        time.sleep(0.5)


def drivers(place):
    """Which bundle drove each episode that a policy drove, in order."""
    records = Dataset.open(place / 'data').episodes()
    return [one.policy_hash for one in records if one.controller == 'policy']


def test_what_is_learned_beside_the_robot_drives_a_later_episode_of_the_same_session(place):
    finetune = start(
        place,
        'moto_learning.commands.finetune',
        *('run', '--bundles', 'bundles', '--name-file', 'bundles/use'),
        *('starts=0', 'held_out=0', 'updates=1', 'nice=5'),
    )
    up = None
    try:
        until((place / 'bundles' / 'use').is_file, finetune, 'the first policy')
        first = read_rounds(place / 'run')[0].bundle
        up = start(
            place,
            'moto_ros.bringup.up',
            *('sim:=true', 'policy:=bundles/use', 'policy.follow:=true', 'policy.shadow:=3'),
            *('policy.probation:=3', 'dataset:=data', 'episodes:=40', 'max_steps:=12'),
        )
        until(lambda: len(set(drivers(place))) > 1, up, 'a policy that was learned meanwhile')
    finally:
        for process in (up, finetune):
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)
                process.wait(60)
    drove, rounds = drivers(place), read_rounds(place / 'run')
    assert drove[0] == first
    published = [one.bundle for one in rounds if one.published]
    assert set(drove) <= set(published)
    assert sorted(set(drove), key=drove.index) == [one for one in published if one in drove]
    text = Path('up.log').read_text()
    assert 'is tried in the shadow' in text and 'is in use' in text
