"""What is left of an episode after kill -9 and after damage, at random, many times.

The full numbers (200 kills, 10,000 damaged files) are slow; a share of them is not.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.messages import encode_string
from moto_core.episodes.reader import read_episode, salvage
from moto_core.episodes.recovery import recover
from moto_core.episodes.writer import CHUNK, EpisodeWriter
from moto_core.errors import EpisodeError, MotoError
from moto_core.row import COLUMNS
from tests.recorded import record, tiny_header, tiny_row

ROOT = Path(__file__).parents[3]
COUNT = 8  # rows of an episode that is damaged
RAW = '/moto/guard/state'
SLOWEST = 10.0  # [s] of the processor that a damaged file of 12 kB may take
RECOVERED = 20  # every so many damaged files are recovered, too
WRITER = """
import os, signal, sys
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.messages import encode_string
from tests.recorded import tiny_header, tiny_row

def write(root):
    with Dataset.create_or_open(root, floor=0) as dataset:
        while True:
            header = tiny_header()
            writer = dataset.new_episode(header)
            say('open', header.id)
            for t in range(12):
                row = tiny_row(t)
                writer.raw('/moto/guard/state', 'std_msgs/msg/String', encode_string(f'{t}'),
                           row.stamp)
                say('give', t)
                writer.append(row)
                say('done', t)
            say('close', header.id)
            writer.close('success')
            say('closed', header.id)

def say(*words):
    os.write(1, (' '.join(map(str, words)) + '\\n').encode())

for line in sys.stdin:
    child = os.fork()
    if not child:
        write(line.strip())
        os._exit(1)
    say('child', child)
    os.waitpid(child, 0)
    say('end')
"""


class Writers:
    """A process that forks a recorder for each dataset it is told, so that each starts at once."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, '-c', WRITER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )

    def killed(self, root, lines, seconds):
        """Kills a recorder so long after its n-th word; returns what it said, in order."""
        self.process.stdin.write(f'{root}\n')
        self.process.stdin.flush()
        _, child = self.process.stdout.readline().split()
        said = [self.process.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        os.kill(int(child), signal.SIGKILL)
        while (line := self.process.stdout.readline()) != 'end\n':
            said.append(line)
        return [line.split() for line in said]

    def close(self):
        self.process.communicate(timeout=30)


@pytest.fixture
def writers():
    made = Writers()
    yield made
    made.close()


def files(root):
    """Every file of the episodes with its bytes."""
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted((root / 'episodes').rglob('*'))
        if path.is_file()
    }


def kill_at_random(writers, root, kills, seed=0):
    """Kills recorders of one dataset at random moments; returns how many at which word."""
    draw, moments = random.Random(seed), Counter()
    record(root, [3, 4])
    for _ in range(kills):
        before, known = files(root), Dataset.open(root).episodes()
        said = writers.killed(root, draw.randrange(60), draw.uniform(0.0, 0.003))
        moments[said[-1][0] if said else 'start'] += 1
        given = Counter(word for word, _ in said[last_open(said) :])
        with Dataset.create_or_open(root, floor=0) as dataset:  # the next start
            after = dataset.episodes()
            assert not dataset.left_out
            assert [item.id for item in after[: len(known)]] == [item.id for item in known]
            assert {path: files(root).get(path) for path in before} == before
            closed = [name for word, name in said if word == 'closed']
            assert {*closed} <= {item.id for item in after}
            check_rows(dataset, after[len(known) :], closed, given)
    with Dataset.create_or_open(root, floor=0) as dataset:
        assert dataset.verify() == [] and not list((root / 'episodes').rglob('*.active'))
    return moments


def last_open(said):
    """Where in the words the last episode begins."""
    return max((i for i, (word, _) in enumerate(said) if word == 'open'), default=len(said))


def check_rows(dataset, new, closed, given):
    """All rows of a closed episode, and of the last one all that was handed over but one."""
    for item in new:
        episode = dataset.read(item.id)
        assert_first_rows(episode, len(episode))
        if item.id in closed:
            assert (len(episode), item.outcome) == (12, 'success')
    left = [len(dataset.read(item.id)) for item in new if item.id not in closed]
    assert len(left) <= 1, 'one was open'
    if 'closed' not in given:
        assert sum(left) >= given['done'], 'what append returned from is there'
        assert sum(left) >= given['give'] - 1, 'at most one row of those handed over is lost'


def assert_first_rows(episode, count):
    """The rows are the first ones that were written, every column of them."""
    for t in range(count):
        wanted = tiny_row(t)
        for name, image in wanted.images.items():
            np.testing.assert_array_equal(episode.images[name][t], image)
        np.testing.assert_array_equal(episode.requested[t], wanted.requested)
        assert episode.stamp[t] == wanted.stamp and episode.reward[t] == wanted.reward


def test_a_recorder_killed_at_a_random_moment_loses_at_most_a_row_and_nothing_else(
    writers, tmp_path
):
    moments = kill_at_random(writers, tmp_path / 'data', 12)
    assert sum(moments.values()) == 12


@pytest.mark.slow
def test_two_hundred_kills_lose_at_most_a_row_each(writers, tmp_path):
    moments = kill_at_random(writers, tmp_path / 'data', 200)
    sys.stdout.write(f'the last word before the kill: {dict(moments)}\n')
    assert sum(moments.values()) == 200 and len(moments) >= 4


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """An unfinished and a finished file as bytes, and how long each was after each row."""
    folder = tmp_path_factory.mktemp('written')
    writer, sizes = EpisodeWriter(folder, tiny_header(), floor=0), []
    for t in range(COUNT):
        writer.raw(RAW, 'std_msgs/msg/String', encode_string(f'state {t}'), tiny_row(t).stamp - 1)
        writer.append(tiny_row(t))
        sizes.append(writer.active.stat().st_size)
    data = {'episode.mcap.active': writer.active.read_bytes()}
    data['episode.mcap'] = writer.close('success').read_bytes()
    return data, sizes


def cut(data, draw):
    """The file up to a random place; and the place."""
    place = draw.randrange(len(data))
    return data[:place], place


def flipped(data, draw):
    """The file with one to three bits changed within 64 bytes; and the first place."""
    place, damaged = draw.randrange(len(data)), bytearray(data)
    for other in {place, *(place + draw.randrange(64) for _ in range(draw.randrange(3)))}:
        if other < len(data):
            damaged[other] ^= 1 << draw.randrange(8)
    return bytes(damaged), place


def same(row, wanted):
    """Whether a row is, in every column and image, the one that was written."""
    return all(
        np.array_equal(row.images[name], image) for name, image in wanted.images.items()
    ) and all(
        np.array_equal(getattr(row, column.name), getattr(wanted, column.name))
        for column in COLUMNS
        if column.name not in ('images', 'is_last')
    )


def damage_at_random(written, tmp_path, spoil, count, seed=0):
    """Damages files at random, half of them finished; returns how many kept how many rows."""
    data, sizes = written
    draw, found, rows = random.Random(seed), Counter(), [tiny_row(t) for t in range(COUNT)]
    for number in range(count):
        name = draw.choice(sorted(data))
        damaged, place = spoil(data[name], draw)
        path = tmp_path / name
        path.write_bytes(damaged)
        begun = time.process_time()
        read = salvage(path, raw=True)
        whole = sum(size <= place for size in sizes)
        assert len(read.rows) >= whole, (number, place)
        assert all(same(row, rows[t]) for t, row in enumerate(read.rows)), (number, place)
        raw = [message.cdr for message in read.raw]
        assert raw == [encode_string(f'state {t}') for t in range(len(raw))], (number, place)
        assert read.damage and ' at byte ' in read.damage, (number, place, read.damage)
        found[f'{len(read.rows)} rows'] += 1
        if number % RECOVERED == 0:
            with pytest.raises(EpisodeError, match='at byte'):
                read_episode(path)
            check_recovery(path, len(read.rows))
        assert time.process_time() - begun < SLOWEST
        for left in tmp_path.iterdir():
            left.unlink()
    return found


def check_recovery(path, rows):
    """Recovery makes an episode of the whole rows, or says in a line that there are none."""
    try:
        episode = read_episode(recover(path))
    except MotoError as error:
        assert rows == 0, 'whole rows are kept'
        assert len(str(error).splitlines()) == 1
        return
    assert len(episode) == rows
    assert_first_rows(episode, rows)


@pytest.mark.parametrize('spoil', [cut, flipped])
def test_damage_anywhere_is_named_with_its_place_and_the_rows_before_it_are_kept(
    written, tmp_path, spoil
):
    found = damage_at_random(written, tmp_path, spoil, 60)
    assert sum(found.values()) == 60 and len(found) > 5


@pytest.mark.parametrize('bit', range(8))
def test_a_chunk_whose_kind_is_damaged_is_missed_before_anything_after_it_counts(
    written, tmp_path, bit
):
    (data, sizes), path = written, tmp_path / 'episode.mcap.active'
    damaged = bytearray(data[path.name])
    assert damaged[sizes[3]] == 6, 'a chunk begins there'
    damaged[sizes[3]] ^= 1 << bit
    path.write_bytes(damaged)
    read = salvage(path, raw=True)
    assert (len(read.rows), len(read.raw)) == (4, 4)
    assert ' at byte ' in read.damage


def test_a_damaged_chunk_of_channels_of_its_own_is_missed_and_kept_beside_what_is_recovered(
    tmp_path,
):
    writer = EpisodeWriter(tmp_path, tiny_header(), compression='none', floor=0)
    for t in range(3):
        writer.append(tiny_row(t))
        if t == 0:
            begin = writer.active.stat().st_size
            writer.raw('/camera', 'std_msgs/msg/String', bytes(CHUNK + 1), 5)
    writer.abandon()
    damaged = bytearray(writer.active.read_bytes())
    assert damaged[begin] == 6, 'a chunk begins there'
    damaged[begin] ^= 0x40
    writer.active.write_bytes(damaged)
    read = salvage(writer.active, raw=True)
    assert (len(read.rows), read.raw) == (1, [])
    assert 'a chunk is missing' in read.damage
    recover(writer.active)
    assert (tmp_path / 'episode.mcap.damaged').read_bytes() == damaged


@pytest.mark.slow
@pytest.mark.parametrize('spoil', [cut, flipped])
def test_ten_thousand_damaged_files_give_no_wrong_value(written, tmp_path, spoil):
    found = damage_at_random(written, tmp_path, spoil, 5_000)
    sys.stdout.write(f'{spoil.__name__}: {dict(found)}\n')
    assert sum(found.values()) == 5_000
