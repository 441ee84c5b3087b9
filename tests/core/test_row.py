import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.codec import encode_row
from moto_core.episodes.reader import read_episode
from moto_core.errors import EpisodeError
from moto_core.row import ARRAYS, COLUMNS, info_from_json, info_to_json
from tests.recorded import record, tiny_header, tiny_row, tiny_spec

ROOT = Path(__file__).parents[2]
FORMAT_1 = Path(__file__).parent / 'episodes' / 'format_1.mcap'  # 3 rows, by the first version
LAST = '    reasons: tuple[str, ...] ='
FORCE = '    force: float = _info(NUMBER, np.float32, 0.0, batch=True)\n'
PROGRAM = """
import sys
from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import compile_dataset
from moto_learning.data.replay import Replay
from tests.recorded import tiny_header, tiny_row

with Dataset.create_or_open(sys.argv[1], floor=0) as dataset:
    with dataset.new_episode(tiny_header()) as writer:
        for t in range(5):
            writer.append(tiny_row(t, force=t + 0.5))
    replay = Replay(compile_dataset(dataset).episodes, batch=1, length=5)
print(replay.sample()['force'].tolist())
"""
SIMULATED = """
import sys
from moto_core.episodes.dataset import Dataset
from moto_core.policy.policy import ZeroPolicy
from moto_learning.data.cache import compile_dataset
from moto_learning.data.replay import Replay
from moto_sim.env import TaskEnv
from moto_sim.episode import run_episode, simulated_header
from tests.sim.counting_task import CountingTask

class Feeling(TaskEnv):
    def _info(self, executed, reasons):
        return {**super()._info(executed, reasons), 'force': self.task.t + 0.5}

env = Feeling(CountingTask())
with Dataset.create_or_open(sys.argv[1], floor=0) as dataset:
    with dataset.new_episode(simulated_header(env, 0)) as writer:
        run_episode(env, ZeroPolicy(env.spec), 0, writer.append)
    replay = Replay(compile_dataset(dataset).episodes, batch=1, length=5)
print(replay.sample()['force'].tolist())
"""
COMPILE = """
import sys
from moto_core.episodes.dataset import Dataset
from moto_learning.data.cache import compile_dataset

compiled = compile_dataset(Dataset.open(sys.argv[1]))
print(compiled.built, getattr(compiled.episodes[0], sys.argv[2]).tolist())
"""


def copied_tree(folder):
    for name in ('moto_core', 'moto_learning', 'sim', 'tests'):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('*.pyc'))
    return folder


def add_scalar(tree, line):
    source = tree / 'moto_core' / 'row.py'
    assert source.read_text().count(LAST) == 1
    source.write_text(source.read_text().replace(LAST, line + LAST))


def run_in(tree, program, *arguments):
    done = subprocess.run(
        [sys.executable, '-c', program, *map(str, arguments)],
        cwd=tree,
        env={'PYTHONPATH': f'{tree}:{tree / "sim"}', 'PATH': ''},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_new_scalar_is_one_line_and_comes_out_in_a_batch(tmp_path):
    tree = copied_tree(tmp_path)
    add_scalar(tree, FORCE)
    assert run_in(tree, PROGRAM, tmp_path / 'data') == '[[0.5, 1.5, 2.5, 3.5, 4.5]]'


def test_a_new_scalar_that_the_simulator_knows_is_one_line_and_its_producer(tmp_path):
    """The producer puts it into the environment's info; row t holds what came with x_t."""
    pytest.importorskip('gymnasium')  # not on a robot's computer
    tree = copied_tree(tmp_path)
    add_scalar(tree, FORCE)
    assert run_in(tree, SIMULATED, tmp_path / 'data') == '[[0.5, 1.5, 2.5, 3.5, 4.5]]'


def test_what_was_compiled_before_a_new_scalar_is_compiled_again(tmp_path):
    tree = copied_tree(tmp_path)
    (name,) = record(tmp_path / 'data', [3])
    assert run_in(tree, COMPILE, tmp_path / 'data', 'reward') == f"['{name}'] [0.0, 1.0, 2.0]"
    add_scalar(tree, FORCE.replace(', batch=True', ''))
    assert run_in(tree, COMPILE, tmp_path / 'data', 'force') == f"['{name}'] [0.0, 0.0, 0.0]"
    assert run_in(tree, COMPILE, tmp_path / 'data', 'force') == '[] [0.0, 0.0, 0.0]'


def test_every_field_of_a_row_is_logged_once():
    assert {column.log for column in COLUMNS} == {'stamp', 'image', 'joints', 'velocity', 'info'}
    written = [topic for topic, _, _ in encode_row(tiny_spec(), tiny_row(0), 0)]
    assert len(written) == len(set(written)) == 6
    assert set(info_to_json(tiny_row(0))) == {c.name for c in COLUMNS if c.log == 'info'}


def test_the_json_of_a_row_comes_back():
    row = tiny_row(3, done_parts=('kettle',), gap=True, reward=math.nan)
    found = info_from_json(info_to_json(row))
    assert math.isnan(found.pop('reward'))
    assert found == {name: getattr(row, name) for name in found}
    assert found['gap'] and found['done_parts'] == ('kettle',)


def test_a_field_that_a_log_does_not_hold_has_its_default():
    assert info_from_json({}) == info_from_json(info_to_json(blank()))


def blank():
    return replace(
        tiny_row(0), is_first=False, reward=0.0, disagreement=0.0, reasons=(), latency={}
    )


@pytest.mark.parametrize(
    'name, value, said',
    [
        ('reward', 'high', "reward: 'high' is no number"),
        ('reward', True, 'reward: True is no number'),
        ('success', 1, 'success: 1 is neither true nor false'),
        ('reasons', 'jerk', "reasons: 'jerk' is no list of names"),
        ('done_parts', [1], 'done_parts: a name is 1; expected plain text'),
        ('latency', {'a': 'b'}, "latency: 'b' is no number"),
        ('latency', [], r'latency: \[\] is no map'),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(name, value, said):
    with pytest.raises(ValueError, match=said):
        info_from_json({name: value})


def test_done_parts_stack_in_the_order_of_the_headers_parts(tmp_path):
    from moto_core.episodes.writer import EpisodeWriter

    header = tiny_header(parts=('microwave', 'kettle', 'switch'))
    with EpisodeWriter(tmp_path, header, floor=0) as writer:
        for t, done in enumerate([(), ('kettle',), ('kettle', 'microwave')]):
            writer.append(tiny_row(t, done_parts=done))
    episode = read_episode(tmp_path)
    assert episode.done_parts.tolist() == [
        [False, False, False],
        [False, True, False],
        [True, True, False],
    ]
    assert episode.header.parts == ('microwave', 'kettle', 'switch')


def test_an_episode_of_the_first_format_is_read():
    episode = read_episode(FORMAT_1)
    assert len(episode) == 3
    assert episode.disagreement.tolist() == [0.0, 0.125, 0.25]  # it was called uncertainty
    assert not episode.gap.any()
    assert (episode.header.seed, episode.header.parts, episode.header.setup.profile) == (
        None,
        (),
        '',
    )
    for column in ARRAYS:
        assert len(getattr(episode, column.name)) == 3, column.name


@pytest.mark.parametrize('name', ['', '../../escaped', '/tmp/x', 'a' * 26, '01ARZ3NDEKTSV4RRFFQ'])
def test_an_episode_id_that_is_no_ulid_is_refused(name):
    with pytest.raises(EpisodeError, match='expected a ULID'):
        tiny_header(id=name)


def test_an_attribute_that_is_no_column_is_an_attribute_error():
    episode = read_episode(FORMAT_1)
    with pytest.raises(AttributeError, match='nothing'):
        _ = episode.nothing
    assert np.shape(episode.requested) == (3, 3)
