"""LeRobotDataset v3: what we wrote comes back whole; others come through a mapping."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError
from moto_core.row import COLUMNS
from moto_learning.exchange.lerobot_read import open_lerobot
from moto_learning.exchange.lerobot_write import export_lerobot
from moto_learning.exchange.mapping import Mapping
from moto_learning.exchange.taking import take_episodes
from tests.learning.exchange.damage import flip
from tests.recorded import record, tiny_spec

FOREIGN = {
    'task': 'lift',
    'joints': ['j1', 'j2'],
    'gripper': ['finger'],
    'action_scale': [2.0, 2.0, 0.05],
    'cameras': {'front': {'key': 'observation.images.front', 'height': 8, 'width': 8}},
    'action': {'key': 'action'},
    'reward': 'next.reward',
}


@pytest.fixture
def ours(tmp_path):
    record(tmp_path / 'ours', [5, 7], success=True, parts=('microwave',))
    record(tmp_path / 'ours', [3], outcome='failure', task='kitchen-kettle')
    return Dataset.open(tmp_path / 'ours')


def exported(dataset, place, **options):
    told = []
    assert export_lerobot(dataset, place, told=told.append, **options) == len(told)
    return place


def equal(one, other, but=()):
    assert (one.header, one.outcome, one.ended) == (other.header, other.outcome, other.ended)
    for column in COLUMNS:
        if column.log != 'image' and column.name not in but:
            a, b = getattr(one, column.name), getattr(other, column.name)
            assert np.array_equal(a, b) if column.dtype is not None else a == b, column.name


def test_what_was_exported_comes_back_as_it_was(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    source = open_lerobot(place)
    assert (source.spec, source.setup, len(source.places)) == (ours.spec, ours.setup, 3)
    done = take_episodes(source, tmp_path / 'back')
    assert len(done.new) == 3 and not done.refused
    back = Dataset.open(tmp_path / 'back')
    assert [r.id for r in back.episodes()] == [r.id for r in ours.episodes()]
    for record_ in ours.episodes():
        one, other = ours.read(record_.id), back.read(record_.id)
        equal(one, other)
        assert all(np.array_equal(one.images[name], other.images[name]) for name in one.images)
    assert len(take_episodes(source, tmp_path / 'ours').present) == 3


def test_videos_hold_the_images_nearly(tmp_path):
    spec = tiny_spec(size=32)
    record(tmp_path / 'ours', [6, 4], spec)
    ours = Dataset.open(tmp_path / 'ours')
    place = exported(ours, tmp_path / 'shared', videos=True)
    assert len(list(place.glob('videos/*/chunk-000/file-000.mp4'))) == 2
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    back = Dataset.open(tmp_path / 'back')
    for record_ in done.new:
        one, other = ours.read(record_.id), back.read(record_.id)
        equal(one, other)
        for name, images in one.images.items():  # noise: what a codec is worst at
            apart = np.abs(images.astype(float) - other.images[name]).mean((1, 2, 3))
            far = np.abs(images.astype(float) - other.images[name][::-1]).mean((1, 2, 3))
            assert (apart < 0.8 * far).sum() >= len(images) - 1, (apart, far)


def test_each_file_is_what_the_format_says(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    info = json.loads((place / 'meta/info.json').read_text())
    assert info['fps'] == 12.5 and info['total_frames'] == 15 and info['total_tasks'] == 2
    table = pq.read_table(place / 'data/chunk-000/file-000.parquet')
    assert table.column('index').to_pylist() == list(range(15))
    assert table.column('episode_index').to_pylist() == [0] * 5 + [1] * 7 + [2] * 3
    assert table.column('next.reward').to_pylist()[:5] == [1, 2, 3, 4, 0]
    assert table.column('next.done').to_pylist()[:5] == [False] * 4 + [True]
    assert table.column('next.success').to_pylist()[:5] == [False, False, False, True, False]
    assert table.column('timestamp').to_pylist()[1] == pytest.approx(0.08)
    lines = pq.read_table(place / 'meta/episodes/chunk-000/file-000.parquet').to_pylist()
    assert [(x['dataset_from_index'], x['dataset_to_index']) for x in lines] == [
        (0, 5),
        (5, 12),
        (12, 15),
    ]
    stats = json.loads((place / 'meta/stats.json').read_text())
    action = np.concatenate([ours.read(r.id).requested for r in ours.episodes()])
    for key, expected in (
        ('mean', action.mean(0)),
        ('std', action.std(0)),
        ('max', action.max(0)),
    ):
        assert stats['action'][key] == pytest.approx(expected)
    image = np.concatenate([ours.read(r.id).images['front'] for r in ours.episodes()]) / 255
    found = stats['observation.images.front']
    assert np.shape(found['mean']) == (3, 1, 1)
    assert np.ravel(found['mean']) == pytest.approx(image.mean((0, 1, 2)))
    assert np.ravel(found['std']) == pytest.approx(image.std((0, 1, 2)))


LEROBOT = os.environ.get('MOTO_LEROBOT_PYTHON', '')
READ = """
import json, sys
from lerobot.datasets.lerobot_dataset import LeRobotDataset
data = LeRobotDataset('moto/ours', root=sys.argv[1], video_backend='pyav')
row = data[6]
print(json.dumps({
    'frames': len(data), 'episodes': data.num_episodes, 'task': row['task'],
    'action': row['action'].tolist(), 'state': len(row['observation.state']),
    'image': list(row['observation.images.front'].shape),
    'pixel': row['observation.images.front'][:, 0, 0].tolist(),
    'reward': float(row['next.reward']),
}))
"""


@pytest.mark.skipif(
    not LEROBOT, reason='MOTO_LEROBOT_PYTHON names no python with lerobot 0.4.4 installed'
)
def test_lerobot_itself_reads_it(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    run = subprocess.run(
        [LEROBOT, '-c', READ, str(place)],
        capture_output=True,
        text=True,
        env={'PATH': os.environ['PATH'], 'HF_HUB_OFFLINE': '1', 'HOME': str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    episode = ours.read(ours.episodes()[1].id)
    assert found['frames'] == 15 and found['episodes'] == 3
    assert found['task'] == 'kitchen-microwave' and found['state'] == 6
    assert found['action'] == pytest.approx(episode.requested[1])
    assert found['image'] == [3, 8, 8]
    assert found['pixel'] == pytest.approx(episode.images['front'][1, 0, 0] / 255, abs=1e-6)
    assert found['reward'] == pytest.approx(episode.reward[2])


def foreign(place):
    """Makes an export somebody else's: what only we know is taken away."""
    path = place / 'meta/info.json'
    info = json.loads(path.read_text())
    del info['moto']
    info['features'] = {k: v for k, v in info['features'].items() if not k.startswith('moto')}
    path.write_text(json.dumps(info))
    for file in (*place.glob('data/*/*.parquet'), *place.glob('meta/episodes/*/*.parquet')):
        table = pq.read_table(file)
        pq.write_table(
            table.select([n for n in table.column_names if not n.startswith('moto')]), file
        )
    return place


def test_somebody_elses_comes_through_a_mapping(ours, tmp_path):
    place = foreign(exported(ours, tmp_path / 'shared'))
    with pytest.raises(ConfigError, match='a mapping says which.*action.*images.front'):
        open_lerobot(place)
    source = open_lerobot(place, load_config(Mapping, FOREIGN))
    assert source.spec.rate == 12.5 and 'observation.images.wrist' in source.notes[0]
    done = take_episodes(source, tmp_path / 'back')
    assert [r.rows for r in done.new] == [5, 7, 3] and not done.refused
    assert {r.task for r in done.new} == {'lift'} and [r.success for r in done.new] == [1, 1, 0]
    back = Dataset.open(tmp_path / 'back')
    one, other = ours.read(ours.episodes()[1].id), back.read(done.new[1].id)
    assert np.array_equal(one.requested, other.requested)
    assert np.array_equal(one.images['front'], other.images['front'])
    assert np.array_equal(one.reward, other.reward) and np.array_equal(one.success, other.success)
    assert np.diff(other.stamp) == pytest.approx(80e6, abs=100)


def test_a_place_that_is_taken_and_an_empty_dataset_are_refused(ours, tmp_path):
    (tmp_path / 'shared').mkdir()
    with pytest.raises(DatasetError, match='is there already'):
        exported(ours, tmp_path / 'shared')
    Dataset.create_or_open(tmp_path / 'empty').close()
    with pytest.raises(DatasetError, match='no episode to write'):
        exported(Dataset.open(tmp_path / 'empty'), tmp_path / 'other')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['empty', 'ours', 'shared']


def test_an_export_that_is_stopped_leaves_nothing(ours, tmp_path):
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_lerobot(ours, tmp_path / 'shared', told=stop)
    assert [p.name for p in tmp_path.iterdir()] == ['ours']


def change(path, key, value):
    data = json.loads(path.read_text())
    data[key] = value
    path.write_text(json.dumps(data))


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def column(path, name, values):
    table = pq.read_table(path)
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, pa.array(values)), path)


def forget(place, feature):
    info = json.loads((place / INFO).read_text())
    del info['features'][feature]
    (place / INFO).write_text(json.dumps(info))


INFO = 'meta/info.json'
LINES = 'meta/episodes/chunk-000/file-000.parquet'
DATA = 'data/chunk-000/file-000.parquet'


@pytest.mark.parametrize(
    ('damage', 'says'),
    [
        (lambda p: change(p / INFO, 'codebase_version', 'v2.1'), "is 'v2.1'; expected 'v3.0'"),
        (lambda p: change(p / INFO, 'data_path', '../{x}'), "data_path is '../{x}'"),
        (lambda p: change(p / INFO, 'fps', 0), 'fps is 0'),
        (lambda p: (p / INFO).write_text('{"codebase_version": NaN}'), 'cannot read.*info.json'),
        (lambda p: (p / INFO).unlink(), 'no LeRobotDataset at'),
        (lambda p: cut(p / LINES), 'cannot read.*file-000.parquet'),
        (lambda p: column(p / LINES, 'data/chunk_index', [-1, 0, 0]), 'chunk_index is -1'),
        (lambda p: column(p / LINES, 'moto/header', ['{}'] * 3), 'header of episode 0'),
        (lambda p: (p / LINES).unlink(), 'no episode in meta/episodes'),
    ],
)
def test_a_damaged_dataset_is_refused_by_name(ours, tmp_path, damage, says):
    place = exported(ours, tmp_path / 'shared')
    damage(place)
    with pytest.raises(DatasetError, match=says):
        open_lerobot(place)


@pytest.mark.parametrize(
    ('damage', 'says'),
    [
        (lambda p: cut(p / DATA), 'cannot read.*file-000.parquet'),
        (lambda p: column(p / DATA, 'moto.row', ['{}', 'x', *['{}'] * 13]), 'episode 0, row 1'),
        (
            lambda p: column(p / DATA, 'moto.row', ['{"reward": "much"}', *['{}'] * 14]),
            "row 0: it is damaged or was changed .a row's reward",
        ),
        (lambda p: column(p / DATA, 'episode_index', [0] * 4 + [1] * 11), '4 rows of episode 0'),
        (lambda p: column(p / DATA, 'moto.stamp', [None, *range(14)]), '1 rows without a value'),
        (
            lambda p: column(p / DATA, 'observation.images.front', [{'bytes': b'png'}] * 15),
            "'observation.images.front' is no image",
        ),
        (
            lambda p: column(p / DATA, 'action', [[1.0]] * 15),
            "'action' has 1 numbers at row 0; expected 3",
        ),
        (
            lambda p: column(
                p / DATA, 'action', [[0.0] * 3] * 2 + [[0.0] * 2, [0.0] * 4] + [[0.0] * 3] * 11
            ),
            "'action' has 2 numbers at row 2; expected 3",
        ),
        (lambda p: forget(p, 'moto.executed'), "info.json has no feature 'moto.executed'"),
    ],
)
def test_a_damaged_episode_is_refused_and_nothing_half_stays(ours, tmp_path, damage, says):
    place = exported(ours, tmp_path / 'shared')
    damage(place)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert 'episode 0' in done.refused
    assert re.search(says, done.refused['episode 0'])
    there = [p.name for p in tmp_path.glob('back/episodes/*')]
    assert sorted(there) == sorted(r.id for r in done.new)


def test_a_link_in_the_place_of_a_file_is_not_followed(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    outside = Path(tmp_path / 'outside.parquet')
    (place / DATA).rename(outside)
    (place / DATA).symlink_to(outside)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert len(done.refused) == 3 and 'is a link' in done.refused['episode 0']


@pytest.mark.parametrize(
    'name', ['action', 'moto.executed', 'moto.stamp', 'moto.row', 'observation.images.front']
)
def test_a_flipped_bit_in_the_pages_of_an_export_is_refused(ours, tmp_path, name):
    place = exported(ours, tmp_path / 'shared')
    group = pq.ParquetFile(place / DATA).metadata.row_group(1)
    (page,) = (
        one
        for one in (group.column(n) for n in range(group.num_columns))
        if one.path_in_schema in (name, f'{name}.list.element', f'{name}.bytes')
    )
    begin = page.dictionary_page_offset or page.data_page_offset
    flip(place / DATA, begin + page.total_compressed_size - 3)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert list(done.refused) == ['episode 1'] and len(done.new) == 2


@pytest.mark.parametrize(
    ('file', 'name', 'values'),
    [
        (DATA, 'action', [[0.5] * 3] * 15),
        (LINES, 'moto/outcome', ['success'] * 3),
        (LINES, 'moto/ended', ['timeout'] * 3),
    ],
)
def test_an_export_that_was_changed_is_refused(ours, tmp_path, file, name, values):
    place = exported(ours, tmp_path / 'shared')
    column(place / file, name, values)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert len(done.refused) == 3
    assert 'episode 0 is damaged or was changed' in done.refused['episode 0']


def test_an_export_without_seals_comes_as_before(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    table = pq.read_table(place / LINES)
    pq.write_table(table.drop_columns(['moto/seal']), place / LINES)
    assert len(take_episodes(open_lerobot(place), tmp_path / 'back').new) == 3


def test_a_flipped_bit_in_a_video_of_an_export_is_refused(tmp_path):
    record(tmp_path / 'ours', [6], tiny_spec(size=32))
    place = exported(Dataset.open(tmp_path / 'ours'), tmp_path / 'shared', videos=True)
    video = next(place.glob('videos/*front/*/*.mp4'))
    flip(video, video.stat().st_size // 2)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert 'file-000.mp4' in done.refused['episode 0']
    assert 'is damaged or was changed' in done.refused['episode 0']


def test_one_damaged_header_leaves_the_others(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    headers = pq.read_table(place / LINES).column('moto/header').to_pylist()
    column(place / LINES, 'moto/header', [headers[0][:50], *headers[1:]])
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert 'the header of episode 0' in done.refused['episode 0'] and len(done.new) == 2


def test_an_episode_that_is_listed_twice_comes_once(ours, tmp_path):
    place = exported(ours, tmp_path / 'shared')
    table = pq.read_table(place / LINES)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), place / LINES)
    done = take_episodes(open_lerobot(place), tmp_path / 'back')
    assert len(done.new) == 3 and done.present == ['episode 0'] and not done.refused


def test_times_in_nanoseconds_are_refused(ours, tmp_path):
    place = foreign(exported(ours, tmp_path / 'shared'))
    column(place / DATA, 'timestamp', [1.7e18 + 1e8 * t for t in range(15)])
    done = take_episodes(open_lerobot(place, load_config(Mapping, FOREIGN)), tmp_path / 'back')
    assert 'its times begin at 1.7e+18; expected [s]' in done.refused['episode 0']


def test_images_with_odd_sides_are_refused_before_a_video_is_begun(tmp_path):
    record(tmp_path / 'ours', [3], tiny_spec(size=33))
    with pytest.raises(ConfigError, match="'front' has images of 33 x 33 px; expected even"):
        exported(Dataset.open(tmp_path / 'ours'), tmp_path / 'shared', videos=True)
    assert [p.name for p in tmp_path.iterdir()] == ['ours']


def test_a_rate_that_contradicts_the_files_is_refused(ours, tmp_path):
    place = foreign(exported(ours, tmp_path / 'shared'))
    with pytest.raises(ConfigError, match='the mapping says rate 15 Hz, and the file 12.5 Hz'):
        open_lerobot(place, load_config(Mapping, {**FOREIGN, 'rate': 15.0}))
    assert open_lerobot(place, load_config(Mapping, {**FOREIGN, 'rate': 12.5})).spec.rate == 12.5


def test_episodes_of_others_that_were_renumbered_do_not_come_again(ours, tmp_path):
    place, says = foreign(exported(ours, tmp_path / 'shared')), load_config(Mapping, FOREIGN)
    assert len(take_episodes(open_lerobot(place, says), tmp_path / 'back').new) == 3
    lines = pq.read_table(place / LINES).slice(1)
    pq.write_table(lines, place / LINES)
    column(place / LINES, 'episode_index', [0, 1])
    pq.write_table(pq.read_table(place / DATA).slice(5), place / DATA)
    column(place / DATA, 'episode_index', [0] * 7 + [1] * 3)
    column(place / DATA, 'index', list(range(10)))
    done = take_episodes(open_lerobot(place, says), tmp_path / 'back')
    assert done.present == ['episode 0', 'episode 1'] and not done.new


def test_a_row_without_a_value_counts_only_where_a_mapping_takes_it(ours, tmp_path):
    place = foreign(exported(ours, tmp_path / 'shared'))
    column(place / DATA, 'next.reward', [0.0, None, *[1.0] * 13])
    says = load_config(Mapping, {**FOREIGN, 'reward': ''})
    assert len(take_episodes(open_lerobot(place, says), tmp_path / 'back').new) == 3
    done = take_episodes(open_lerobot(place, load_config(Mapping, FOREIGN)), tmp_path / 'other')
    assert "'next.reward' has 1 rows without a value" in done.refused['episode 0']


@pytest.mark.parametrize(
    ('key', 'says'),
    [
        ('actoin', "unknown feature 'actoin'. Did you mean 'action'"),
        ('task_index', "'task_index' has 1 entries a row; expected 3"),
        ('observation.images.front', "unknown array 'observation.images.front'"),
    ],
)
def test_an_action_that_is_none_is_named(ours, tmp_path, key, says):
    place = foreign(exported(ours, tmp_path / 'shared'))
    mapping = load_config(Mapping, {**FOREIGN, 'action': {'key': key}})
    done = take_episodes(open_lerobot(place, mapping), tmp_path / 'back')
    assert says in done.refused['episode 0']
