import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.spec import Setup
from moto_learning.commands.data import main
from moto_learning.commands.data_inspect import contact_sheet
from tests.recorded import record, tiny_header, tiny_row, tiny_spec

COMMANDS = (
    'collect',
    'inspect',
    'compile',
    'classify',
    'label',
    'recover',
    'verify',
    'stats',
    'remove',
    'merge',
)
ROOT = Path(__file__).parents[3]


def test_inspect_lists_the_episodes(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    ids = record(tmp_path, [3, 4], success=True)
    assert main(['inspect', str(tmp_path)]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert '2 episodes, 7 rows, 2 successful' in out
    assert all(name[-8:] in out for name in ids)
    assert out.count('scripted') == 2
    assert out.count('kitchen-microwave') == 2 and '…' not in out


def test_inspect_shows_more_reasons_than_there_are_letters(tmp_path, capsys):
    reasons = tuple(f'reason_{i}' for i in range(60))
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        dataset.new_episode(tiny_header()) as writer,
    ):
        writer.append(tiny_row(0, reasons=reasons))
        writer.append(tiny_row(1, reasons=reasons[:52]))
    assert main(['inspect', str(tmp_path), '--episode', 'last']) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'Z reason_51, * 8 rarer ones' in out
    assert 'reason_52' not in out
    assert out.count('*') == 2  # once a row, and what it means


def test_inspect_shows_an_episode_in_80_columns_one_line_a_row(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    spec = replace(
        tiny_spec(),
        joints=[f'panda_joint{i}' for i in range(1, 8)],
        gripper=['panda_finger_joint1', 'panda_finger_joint2'],
        action_scale=[1.0] * 9,
    )
    asked = np.array([-0.391, 0.012, 0.07, 0.3, -1, 0.15, 0.36, 1, -1], np.float32)
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        dataset.new_episode(tiny_header(spec)) as writer,
    ):
        for t in range(60):
            row = tiny_row(t, spec, requested=asked, executed=asked / 4, success=t == 59)
            writer.append(row)
    assert main(['inspect', str(tmp_path), '--episode', 'last', '--rows', '5']) == 0
    out = capsys.readouterr().out
    lines = [line.rstrip() for line in out.splitlines()]
    assert max(map(len, lines)) <= 80 and '…' not in out
    assert 'row time reward  dis. requested                      off flags guard' in lines
    vector = '-39 1 7 30 -100 15 36 100 -100'
    assert f'  0 0.00   0.00 0.000 {vector}  75 F' in lines
    assert f' 15 1.20  15.00 1.875 {vector}  75       ab' in lines
    assert f' 59 4.72  59.00 7.375 {vector}   - LS    ab' in lines
    flat = ' '.join(lines)
    assert ', '.join(spec.names) in flat
    assert 'guard: a velocity, b jerk' in lines
    assert 'flags: F first, L last, G gap, S success, I intervention' in lines
    assert 'latency [ms], median: policy 31.0' in lines


def test_inspect_says_in_how_many_rows_the_arm_did_something_else(tmp_path, capsys):
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        dataset.new_episode(tiny_header()) as writer,
    ):
        for t in range(4):
            writer.append(tiny_row(t, reasons=('not_armed',) if t < 3 else (), is_last=t == 3))
    assert main(['inspect', str(tmp_path), '--episode', 'last']) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'in 3 of 3 rows the arm did not do what was asked: not_armed 3' in out


def test_inspect_shows_the_limits_that_a_robots_episode_was_made_under(tmp_path, capsys):
    extra = {'limits_file': '/cell/fr3.yaml', 'limits_sha256': '0123456789abcdef'}
    setup = Setup(robot='fr3', profile='commissioning')
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        dataset.new_episode(tiny_header(extra=extra, setup=setup)) as writer,
    ):
        writer.append(tiny_row(0))
    assert main(['inspect', str(tmp_path), '--episode', 'last']) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'limits: commissioning of /cell/fr3.yaml, sha256 01234567' in out


def test_inspect_writes_the_frames_of_one(tmp_path):
    (name,) = record(tmp_path, [60], success=True)
    sheet = tmp_path / 'frames.png'
    assert main(['inspect', str(tmp_path), '--episode', name[-5:], '--png', str(sheet)]) == 0
    episode = Dataset.open(tmp_path).read(name)
    frames = contact_sheet(episode)
    assert frames.shape == (2 * 5 * 8, 8 * 16, 3)
    np.testing.assert_array_equal(cv2.imread(str(sheet))[..., ::-1], frames)
    np.testing.assert_array_equal(frames[32:40, 56:64], episode.images['front'][59])


def test_compile_says_what_it_did_and_what_it_skipped(tmp_path, capsys):
    good, bad = record(tmp_path, [3, 4])
    assert main(['compile', str(tmp_path)]) == 0
    assert '2 episodes, 7 rows ready; 2 compiled now, 0 left out' in capsys.readouterr().out
    path = tmp_path / 'episodes' / bad / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-100])
    assert main(['compile', str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f'left out {bad}' in out
    assert '1 episodes, 3 rows ready; 0 compiled now, 1 left out' in out


def test_compile_says_that_a_copy_was_read_whole_and_keeps_what_was_read(tmp_path, capsys):
    record(tmp_path / 'a', [2] * 10)
    assert main(['compile', str(tmp_path / 'a')]) == 0
    assert 'read whole' not in capsys.readouterr().out
    copy = tmp_path / 'b'
    shutil.copytree(tmp_path / 'a', copy, copy_function=shutil.copyfile)
    assert main(['compile', str(copy)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if 'read whole' in line]
    assert len(lines) == 1
    assert f'{copy}: 10 episodes were read whole' in lines[0] and 'moto-data' not in lines[0]
    assert not Dataset.open(copy).index.stale
    assert main(['compile', str(copy)]) == 0
    assert 'read whole' not in capsys.readouterr().out


def test_label_and_recover_do_what_they_say(tmp_path, capsys):
    (name,) = record(tmp_path, [5])
    assert main(['label', str(tmp_path), name[-6:], 'success', '--by', 'anna']) == 0
    assert f'{name}: unlabelled -> success' in capsys.readouterr().out
    path = tmp_path / 'episodes' / name / 'episode.mcap'
    path.rename(path.with_name('episode.mcap.active'))
    assert main(['recover', str(tmp_path)]) == 0
    assert '1 episode whole; 1 finding' in capsys.readouterr().out
    (episode,) = Dataset.open(tmp_path).episodes()
    assert (episode.rows, episode.outcome) == (5, 'success')


def test_last_names_the_newest_episode(tmp_path, capsys):
    _, newest = record(tmp_path, [3, 4])
    assert main(['label', str(tmp_path), 'last', 'success']) == 0
    assert f'{newest}: unlabelled -> success' in capsys.readouterr().out


@pytest.mark.parametrize('first', [0, 1])
def test_last_is_refused_while_an_episode_is_not_ended(tmp_path, capsys, first):
    before = record(tmp_path, [3] * first)
    with Dataset.create_or_open(tmp_path, floor=0) as held:
        writer = held.new_episode(tiny_header())
        writer.append(tiny_row(0))
        assert main(['label', str(tmp_path), 'last', 'success']) == 2
        said = capsys.readouterr().err
        writer.abandon()
    name = writer.header.id
    closed = f'the last closed one is {before[-1]}' if first else 'no other one is closed'
    assert f"'last' may mean another episode: {name} is being recorded; {closed}. Give" in said
    assert len(said.splitlines()) == 1
    assert main(['label', str(tmp_path), 'last', 'success']) == 2
    said = capsys.readouterr().err
    assert f'{name} was never ended: its recorder died' in said and closed in said
    assert len(said.splitlines()) == 1 and "'moto-data recover'" in said
    assert [one.outcome for one in Dataset.open(tmp_path).episodes()] == ['unlabelled'] * first
    for named in before:
        assert main(['label', str(tmp_path), named, 'failure']) == 0
    assert main(['recover', str(tmp_path)]) == 0
    assert main(['label', str(tmp_path), 'last', 'success']) == 0
    assert Dataset.open(tmp_path).find(name).outcome == 'success'


def test_last_is_clear_beside_what_an_episode_left_of_its_recording(tmp_path):
    (name,) = record(tmp_path, [3])
    path = tmp_path / 'episodes' / name / 'episode.mcap'
    path.with_name('episode.mcap.active').write_bytes(path.read_bytes()[:100])
    assert main(['label', str(tmp_path), 'last', 'success']) == 0
    assert Dataset.open(tmp_path).find(name).outcome == 'success'


def test_inspect_refuses_a_negative_number_of_rows_in_one_line(tmp_path, capsys):
    record(tmp_path, [3])
    assert main(['inspect', str(tmp_path), '--episode', 'last', '--rows', '-2']) == 2
    said = capsys.readouterr().err
    assert said.startswith("moto-data inspect: argument --rows: '-2' is not a whole number")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['inspect', 'nowhere'], "no dataset at 'nowhere'"),
        (['compile', 'nowhere'], "no dataset at 'nowhere'"),
        (['label', 'nowhere', 'x', 'success'], "no dataset at 'nowhere'"),
        (['recover', 'nowhere'], "no dataset at 'nowhere'"),
        (['verify', 'nowhere'], "no dataset at 'nowhere'"),
        (['stats', 'nowhere'], "no dataset at 'nowhere'"),
        (['remove', 'nowhere', 'x'], "no dataset at 'nowhere'"),
        (['merge', 'nowhere', '--into', 'new'], "no dataset at 'nowhere'"),
    ],
)
def test_a_missing_dataset_is_one_line_and_status_two(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_verify_says_what_is_wrong_and_changes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    good, bad = record(tmp_path / 'data', [3, 4])
    (foreign,) = record(tmp_path / 'other', [2], spec=tiny_spec(size=4))
    root = tmp_path / 'data'
    assert main(['verify', str(root)]) == 0
    assert '2 episodes whole; 0 findings' in capsys.readouterr().out
    place = root / 'episodes' / foreign
    shutil.copytree(tmp_path / 'other' / 'episodes' / foreign, place)
    path = root / 'episodes' / bad / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-100])
    before = {str(p): p.stat().st_mtime_ns for p in root.rglob('*')}
    assert main(['verify', str(root)]) == 1
    out = capsys.readouterr().out
    assert bad in out and foreign in out
    assert "camera 'front' height 8 and 4" in out
    assert {str(p): p.stat().st_mtime_ns for p in root.rglob('*')} == before
    assert main(['recover', str(root)]) == 1  # the foreign one stays, by name
    assert foreign in capsys.readouterr().out
    assert main(['remove', str(root), foreign]) == 0
    assert main(['verify', str(root)]) == 0


def test_recover_says_what_it_kept_and_nothing_alarming_of_the_index(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv('COLUMNS', '400')
    _, bad = record(tmp_path, [3, 9], outcome='success')
    path = tmp_path / 'episodes' / bad / 'episode.mcap'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert main(['verify', str(tmp_path)]) == 1
    assert '1 episode whole; 1 finding\n' in capsys.readouterr().out
    Dataset.create_or_open(tmp_path).close()  # writes the index without the damaged one
    assert main(['recover', str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert 'its outcome, if it had one, was in the end that is lost' in out
    for line in out.splitlines():
        assert 'manifest.jsonl' not in line or '0' not in line.split('│')[2]


def test_remove_sets_aside_with_a_reason_and_deletes_only_when_told(tmp_path, capsys):
    first, second, third = record(tmp_path, [2, 2, 2])
    assert main(['remove', str(tmp_path), first, '--reason', 'the camera was dirty']) == 0
    place = tmp_path / 'quarantine' / first
    assert (place / 'REASON').read_text() == 'the camera was dirty\n'
    assert (place / 'episode.mcap').exists()
    assert main(['remove', str(tmp_path), second, '--delete']) == 0
    assert [p.name for p in (tmp_path / 'quarantine').iterdir()] == [first]
    assert main(['remove', str(tmp_path), '../..']) == 2
    assert "no episode '../..'" in capsys.readouterr().err
    assert [item.id for item in Dataset.open(tmp_path).episodes()] == [third]


def test_a_deleted_episode_leaves_no_cache_entry_and_its_neighbour_keeps_its_own(tmp_path, capsys):
    first, second, third = record(tmp_path, [2, 2, 2])
    assert main(['compile', str(tmp_path)]) == 0
    assert main(['remove', str(tmp_path), first]) == 0
    assert main(['remove', str(tmp_path), second[-8:], '--delete']) == 0
    assert f'{second}: deleted' in capsys.readouterr().out
    (folder,) = (tmp_path / 'cache').iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [first, third, 'LOCK']


@pytest.mark.parametrize('rows', [2**63 - 1, 10**12, 4, 5])
def test_inspect_shows_at_most_the_rows_that_there_are(tmp_path, capsys, rows):
    record(tmp_path, [4])
    assert main(['inspect', str(tmp_path), '--episode', 'last', '--rows', str(rows)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.lstrip()[:1].isdigit()][1:] == list('0123')


def test_merge_copies_and_says_what_it_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    names = record(tmp_path / 'a', [2, 3])
    (foreign,) = record(tmp_path / 'b', [2], spec=tiny_spec(size=4))
    into = str(tmp_path / 'c')
    assert main(['merge', str(tmp_path / 'a'), '--into', into]) == 0
    assert '2 copied, 0 there already (0 labels came), 0 refused' in capsys.readouterr().out
    assert main(['merge', str(tmp_path / 'a'), str(tmp_path / 'b'), '--into', into]) == 1
    out = capsys.readouterr().out
    assert '0 copied, 2 there already' in out
    assert foreign in out
    assert [item.id for item in Dataset.open(into).episodes()] == names


def test_what_is_refused_is_named_in_full_in_80_columns(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    record(tmp_path / 'a', [2])
    (foreign,) = record(tmp_path / 'b', [3], tiny_spec(size=4))
    assert main(['merge', *(str(tmp_path / x) for x in 'ab'), '--into', str(tmp_path / 'c')]) == 1
    cells = [line.split('│') for line in capsys.readouterr().out.splitlines() if '│' in line]
    columns = [''.join(part).replace(' ', '') for part in zip(*cells)]
    assert columns[1] == foreign
    assert columns[4].endswith(f'/b/episodes/{foreign}/episode.mcap')


def test_stats_counts_and_sums(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '200')
    setup = Setup(profile='ceiling')
    record(tmp_path, [3, 5], success=True, setup=setup)
    record(tmp_path, [2], setup=setup, task='other', controller='teleop')
    assert main(['stats', str(tmp_path)]) == 0
    table = [line.replace('│', ' ').split() for line in capsys.readouterr().out.splitlines()]
    assert ['task', 'kitchen-microwave', '2', '8', '2'] in table
    assert ['task', 'other', '1', '2', '0'] in table
    assert ['controller', 'teleop', '1', '2', '0'] in table
    assert ['profile', 'ceiling', '3', '10', '2'] in table
    assert ['rows', '10'] in table
    assert ['return', 'mean', '4.67,', '1.00', 'to', '10.00'] in table
    assert ['duration', '[s]', '0.6'] in table
    assert ['gaps', '0'] in table
    monkeypatch.setenv('COLUMNS', '80')
    assert main(['stats', str(tmp_path)]) == 0


def test_help_shows_every_command_and_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for word in (*COMMANDS, 'examples:'):
        assert word in out


def test_the_command_needs_neither_torch_nor_mujoco_nor_ros():
    code = (
        "import sys\nfor name in ('torch', 'mujoco', 'rclpy'): sys.modules[name] = None\n"
        'import moto_learning.commands.data, moto_learning.commands.data_actions, '
        'moto_learning.data.replay, '
        'moto_learning.data.demonstrations\n'
    )
    result = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
