import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moto_core.episodes import dataset as module
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.labels import read_labels
from moto_core.errors import DatasetError, EpisodeError
from tests.recorded import record, tiny_header, tiny_row, tiny_spec

ROOT = Path(__file__).parents[3]
RECORDER = """
import sys
from moto_core.episodes.dataset import Dataset
from tests.recorded import tiny_header, tiny_row
dataset = Dataset.create_or_open(sys.argv[1], floor=0)
writer = dataset.new_episode(tiny_header())
for t in range(5):
    writer.append(tiny_row(t))
print('recording', flush=True)
sys.stdin.read()
"""


def spawn(root):
    return subprocess.Popen(
        [sys.executable, '-c', RECORDER, str(root)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )


def outcomes(root):
    return [episode.outcome for episode in Dataset.open(root).episodes()]


def files(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob('*') if p.is_file())


def damage(path, position=-200):
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def test_a_dataset_has_the_layout_of_the_contract(tmp_path):
    ids = record(tmp_path, [3, 4])
    each = [
        f'episodes/{name}/{file}' for name in ids for file in ('episode.mcap', 'metadata.yaml')
    ]
    assert files(tmp_path) == sorted(['LOCK', 'manifest.jsonl', *each])
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {
        'episodes',
        'cache',
        'quarantine',
    }


def test_a_record_says_what_the_episode_holds(tmp_path):
    with Dataset.create_or_open(tmp_path, tiny_spec(), floor=0) as dataset:
        writer = dataset.new_episode(tiny_header(policy_hash='p', config_hash='c'))
        for t in range(4):
            writer.append(tiny_row(t, success=t == 2))
        writer.close(ended='timeout')
        (one,) = dataset.episodes()
    assert (one.rows, one.return_, one.success, one.ended) == (4, 6.0, True, 'timeout')
    assert (one.policy_hash, one.config_hash, one.controller) == ('p', 'c', 'scripted')
    assert (one.task, one.source) == ('kitchen-microwave', 'sim')
    assert Dataset.open(tmp_path).episodes() == [one]


def test_a_second_recorder_is_refused_and_told_who_records(tmp_path):
    with spawn(tmp_path) as process:
        assert process.stdout.readline() == 'recording\n'
        with pytest.raises(DatasetError, match=f'another recorder holds .* .pid {process.pid} on'):
            Dataset.create_or_open(tmp_path)
        assert Dataset.open(tmp_path).episodes() == []
        process.send_signal(signal.SIGKILL)
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        (finding,) = dataset.findings
        (episode,) = dataset.episodes()
        assert (finding.rows, finding.id) == (5, episode.id)
        assert (episode.rows, episode.ended) == (5, 'recovered')
        assert len(dataset.read(episode.id)) == 5


def test_a_second_recorder_in_the_same_process_is_refused_until_the_first_closes(tmp_path):
    with Dataset.create_or_open(tmp_path):
        with pytest.raises(DatasetError, match='another recorder'):
            Dataset.create_or_open(tmp_path)
        with pytest.raises(DatasetError, match=f'pid {os.getpid()}'):
            Dataset.create_or_open(tmp_path)
    Dataset.create_or_open(tmp_path).close()


def test_without_the_lock_nothing_is_recorded_or_recovered(tmp_path):
    record(tmp_path, [2])
    dataset = Dataset.open(tmp_path)
    for call in (
        lambda: dataset.new_episode(tiny_header()),
        dataset.recover,
        lambda: dataset.quarantine(dataset.episodes()[0].id, 'x'),
    ):
        with pytest.raises(DatasetError, match='opened without its LOCK'):
            call()


def test_the_last_label_wins_and_all_are_kept(tmp_path):
    (name,) = record(tmp_path, [2], outcome='failure')
    dataset = Dataset.open(tmp_path)
    seen = [dataset.episodes()[0].outcome]
    for label in ('success', 'failure', 'success', 'success', 'unlabelled'):
        dataset.label(name, label, by='anna')
        seen.append(dataset.episodes()[0].outcome)
    assert seen == ['failure', 'success', 'failure', 'success', 'success', 'unlabelled']
    lines = (tmp_path / 'episodes' / name / 'labels.jsonl').read_text().splitlines()
    assert [json.loads(line)['label'] for line in lines] == seen[1:]
    assert {json.loads(line)['by'] for line in lines} == {'anna'}


def test_a_classifiers_label_counts_only_where_nobody_else_gave_one(tmp_path):
    (name,) = record(tmp_path, [2])
    dataset, folder = Dataset.create_or_open(tmp_path, floor=0), tmp_path / 'episodes' / name
    said = []
    for label, by in (
        ('failure', 'classifier:0123'),
        ('success', 'classifier:4567'),
        ('failure', 'anna'),
        ('success', 'classifier:4567'),
        ('unlabelled', 'anna'),  # she takes her own back: nor does she believe the classifier
        ('success', ''),
    ):
        dataset.label(name, label, by)
        found = read_labels(folder)
        said.append((found.outcome, found.by))
        assert dataset.find(name).outcome == found.outcome
    assert said == [
        ('failure', 'classifier:0123'),
        ('success', 'classifier:4567'),
        ('failure', 'anna'),
        ('failure', 'anna'),
        ('unlabelled', 'anna'),
        ('success', ''),
    ]
    assert len((folder / 'labels.jsonl').read_text().splitlines()) == 6
    dataset.close()


def test_a_late_label_may_be_given_while_another_process_records(tmp_path):
    (name,) = record(tmp_path, [2])
    with spawn(tmp_path) as process:
        assert process.stdout.readline() == 'recording\n'
        Dataset.open(tmp_path).label(name, 'success')
        assert outcomes(tmp_path) == ['success']
        process.stdin.close()


def test_a_torn_label_line_does_not_spoil_the_others(tmp_path):
    (name,) = record(tmp_path, [2])
    dataset, path = Dataset.open(tmp_path), tmp_path / 'episodes' / name / 'labels.jsonl'
    dataset.label(name, 'success')
    with path.open('a') as stream:
        stream.write('{"label": "fail')
    assert outcomes(tmp_path) == ['success']
    dataset.label(name, 'failure')
    assert outcomes(tmp_path) == ['failure']
    assert path.read_text().count('\n') == 3


@pytest.mark.parametrize(
    'outcome, success, wanted',
    [
        ('unlabelled', True, True),
        ('unlabelled', False, False),
        ('success', False, True),
        ('failure', True, False),
    ],
)
def test_an_unlabelled_episode_is_judged_by_its_steps_and_is_no_failure(
    tmp_path, outcome, success, wanted
):
    record(tmp_path, [3], outcome=outcome, success=success)
    (episode,) = Dataset.open(tmp_path).episodes()
    assert episode.successful is wanted
    assert episode.outcome == outcome


def test_unknown_labels_and_ids_are_named(tmp_path):
    record(tmp_path, [2, 2])
    dataset = Dataset.open(tmp_path)
    first, second = dataset.episodes()
    assert dataset.find(second.id[-6:].lower()).id == second.id
    with pytest.raises(DatasetError, match="unknown label 'good'"):
        dataset.label(first.id, 'good')
    with pytest.raises(DatasetError, match="no episode 'NOPE' among 2"):
        dataset.find('nope')
    with pytest.raises(DatasetError, match="2 episodes '01'"):
        dataset.find('01')
    with pytest.raises(DatasetError, match="no episode ''"):
        dataset.find('')


def test_another_spec_is_refused_with_the_difference(tmp_path):
    record(tmp_path, [2])
    with pytest.raises(DatasetError, match='differ: rate 12.5 and 25.0. Record into a new'):
        Dataset.create_or_open(tmp_path, tiny_spec(rate=25.0))
    with (
        Dataset.create_or_open(tmp_path, floor=0) as dataset,
        pytest.raises(DatasetError, match='proprioception'),
    ):
        dataset.new_episode(tiny_header(tiny_spec(())))


def test_a_missing_or_impossible_folder_is_a_clear_error(tmp_path):
    with pytest.raises(DatasetError, match="no dataset at .*'moto-data collect' makes one"):
        Dataset.open(tmp_path / 'none')
    (tmp_path / 'file').write_text('')
    with pytest.raises(DatasetError, match='cannot make a dataset'):
        Dataset.create_or_open(tmp_path / 'file')


def test_the_loser_of_a_race_to_make_a_dataset_takes_nothing_from_the_winner(
    tmp_path, monkeypatch
):
    root, real, winners = tmp_path / 'new' / 'data', module.acquire, []

    def late(place):
        monkeypatch.setattr(module, 'acquire', real)
        winners.append(Dataset.create_or_open(root, floor=0))
        return real(place)

    monkeypatch.setattr(module, 'acquire', late)
    with pytest.raises(DatasetError, match='another recorder'):
        Dataset.create_or_open(root)
    assert {p.name for p in root.iterdir()} == {'LOCK', 'episodes', 'cache', 'quarantine'}
    with pytest.raises(DatasetError, match='another recorder'):
        Dataset.create_or_open(root)
    with winners[0] as dataset, dataset.new_episode(tiny_header()) as writer:
        writer.append(tiny_row(0))
    assert len(Dataset.open(root).episodes()) == 1


def test_folders_that_another_process_makes_at_once_are_no_error(tmp_path, monkeypatch):
    real = Path.mkdir

    def twice(path, *args, **known):
        real(path, *args, **known)
        real(path, *args, **known)  # the other one was first

    monkeypatch.setattr(Path, 'mkdir', twice)
    Dataset.create_or_open(tmp_path / 'new' / 'data').close()
    assert Dataset.open(tmp_path / 'new' / 'data').episodes() == []


def test_folders_that_went_before_the_lock_was_held_are_made_again(tmp_path, monkeypatch):
    real = module.acquire

    def late(place):
        (place / 'episodes').rmdir()  # of one that failed, and takes back what it made
        return real(place)

    monkeypatch.setattr(module, 'acquire', late)
    Dataset.create_or_open(tmp_path / 'data').close()
    assert Dataset.open(tmp_path / 'data').episodes() == []


def test_a_dataset_that_fails_under_its_lock_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise DatasetError('no')

    monkeypatch.setattr(Dataset, 'check', fail)
    with pytest.raises(DatasetError, match='no'):
        Dataset.create_or_open(tmp_path / 'new' / 'data')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='no'):
        Dataset.create_or_open(tmp_path / 'empty')
    assert [p.name for p in tmp_path.rglob('*')] == ['empty']


def test_the_manifest_is_rebuilt_from_the_episodes(tmp_path):
    record(tmp_path, [2, 3])
    before = Dataset.open(tmp_path).episodes()
    manifest = tmp_path / 'manifest.jsonl'
    for spoiled in ('', 'not json\n', manifest.read_text()[:-30]):
        manifest.write_text(spoiled)
        assert Dataset.open(tmp_path).episodes() == before
        assert Dataset.open(tmp_path).spec == tiny_spec()
    Dataset.create_or_open(tmp_path).close()
    assert len(manifest.read_text().splitlines()) == 3


def test_recovery_at_the_start_quarantines_what_holds_no_step(tmp_path):
    record(tmp_path, [2])
    for name, content in (('EMPTY', b''), ('NOISE', b'\x89MCAP0\r\n' + bytes(100))):
        folder = tmp_path / 'episodes' / name
        folder.mkdir()
        (folder / 'episode.mcap.active').write_bytes(content)
    with Dataset.create_or_open(tmp_path) as dataset:
        assert [f.id for f in dataset.findings] == ['EMPTY', 'NOISE']
        assert len(dataset.episodes()) == 1
    assert (tmp_path / 'quarantine/EMPTY/episode.mcap.active').read_bytes() == b''
    assert 'no whole row' in (tmp_path / 'quarantine/NOISE/REASON').read_text()
    assert not (tmp_path / 'episodes/EMPTY').exists()


def test_a_damaged_episode_is_found_repaired_and_its_file_kept(tmp_path):
    good, bad = record(tmp_path, [3, 6])
    path = tmp_path / 'episodes' / bad / 'episode.mcap'
    Dataset.open(tmp_path).label(bad, 'success')
    assert Dataset.open(tmp_path).verify() == []
    damage(path, path.stat().st_size // 2)
    broken = path.read_bytes()
    (finding,) = Dataset.open(tmp_path).verify()
    assert finding.id == bad
    assert 0 < finding.rows < 6
    with pytest.raises(DatasetError, match=f'is damaged: .* {finding.rows} whole rows before it'):
        Dataset.open(tmp_path).read(bad)
    with Dataset.create_or_open(tmp_path) as dataset:
        (repaired,) = dataset.verify(repair=True)
        assert dataset.verify() == []
        assert [e.rows for e in dataset.episodes()] == [3, finding.rows]
        assert dataset.episodes()[1].outcome == 'unlabelled'
    taken = "its end is lost, and its label 'success' taken back"
    assert repaired.reason.startswith(f'{finding.reason}; {taken}')
    assert repaired == finding._replace(damaged=False, reason=repaired.reason)
    assert (tmp_path / 'quarantine' / bad / 'episode.mcap.damaged').read_bytes() == broken
    assert (tmp_path / 'quarantine' / bad / 'REASON').read_text()


def test_an_episode_may_be_set_aside_with_its_labels(tmp_path):
    name, other = record(tmp_path, [2, 2])
    with Dataset.create_or_open(tmp_path) as dataset:
        dataset.label(name, 'failure')
        place = dataset.quarantine(name, 'discarded by the operator')
        assert [episode.id for episode in dataset.episodes()] == [other]
    kept = ['REASON', 'episode.mcap', 'labels.jsonl', 'metadata.yaml']
    assert sorted(p.name for p in place.iterdir()) == kept
    assert [episode.id for episode in Dataset.open(tmp_path).episodes()] == [other]


def test_the_floor_of_the_dataset_holds_for_its_episodes(tmp_path):
    left = iter([500, 500, 10])
    with Dataset.create_or_open(tmp_path, floor=100, free=lambda _: next(left)) as dataset:
        writer = dataset.new_episode(tiny_header())
        writer.append(tiny_row(0))
        writer.append(tiny_row(1))
        with pytest.raises(EpisodeError, match='free some space'):
            writer.append(tiny_row(2))
        (episode,) = dataset.episodes()
    assert (episode.rows, episode.ended, episode.outcome) == (2, 'disk_full', 'unlabelled')


@pytest.mark.parametrize('label, then', [('success', 'unlabelled'), ('failure', 'failure')])
def test_a_success_whose_end_is_lost_is_none_until_a_person_says_so_again(tmp_path, label, then):
    (name,) = record(tmp_path, [20])
    with Dataset.open(tmp_path, lock=True) as dataset:
        dataset.label(name, label, 'a person')
        path = tmp_path / 'episodes' / name / 'episode.mcap'
        damage(path)  # of the summary: no row is lost
        assert 'taken back' not in dataset.verify(repair=True)[0].reason
        assert dataset.find(name).outcome == label
        damage(path, path.stat().st_size // 2)
        (finding,) = dataset.verify(repair=True)
        assert 0 < finding.rows < 20
        assert ("label 'success' taken back" in finding.reason) == (label == 'success')
        assert dataset.find(name).outcome == then
        dataset.label(name, 'success', 'a person')
        assert dataset.find(name).outcome == 'success' and not dataset.verify(repair=True)


@pytest.mark.parametrize('label', [None, 'failure'])
def test_that_a_recorded_outcome_was_lost_with_the_end_is_said_unless_a_label_tells_it(
    tmp_path, label
):
    (name,) = record(tmp_path, [20], outcome='success')
    path = tmp_path / 'episodes' / name / 'episode.mcap'
    with Dataset.open(tmp_path, lock=True) as dataset:
        if label:
            dataset.label(name, label, 'a person')
        damage(path)  # of the summary: the outcome is not lost
        assert 'its outcome' not in dataset.verify(repair=True)[0].reason
        assert dataset.find(name).outcome == (label or 'success')
        damage(path, path.stat().st_size // 2)
        reason = dataset.verify(repair=True)[0].reason
        assert ('its outcome, if it had one, was in the end that is lost' in reason) != bool(label)
        assert dataset.find(name).outcome == (label or 'unlabelled')


@pytest.mark.parametrize(
    'label, rows, then',
    [
        ('success', 3, 'success'),
        ('success', 4, 'unlabelled'),
        ('success', 0, 'success'),  # nobody says of how many
        ('failure', 4, 'failure'),
    ],
)
def test_an_open_episodes_success_outlives_its_recorder_with_the_rows_that_it_speaks_of(
    tmp_path, label, rows, then
):
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        writer = dataset.new_episode(tiny_header())
        for t in range(3):
            writer.append(tiny_row(t))
        name = writer.header.id
        with pytest.raises(DatasetError, match='no episode'):
            dataset.label(name[-6:], label)
        dataset.label(name, label, rows=rows)
        writer.abandon()
    with Dataset.open(tmp_path, lock=True) as dataset:
        (finding,) = dataset.findings
        assert ("label 'success' taken back" in finding.reason) == (then != label)
        (record_,) = dataset.episodes()
        assert (record_.rows, record_.outcome, record_.ended) == (3, then, 'recovered')


def test_verify_tells_a_stale_unfinished_file_from_a_recorders(tmp_path):
    first, second = record(tmp_path, [2, 2])
    for name, moved in ((first, False), (second, True)):
        path = tmp_path / 'episodes' / name / 'episode.mcap'
        path.with_name('episode.mcap.active').write_bytes(path.read_bytes())
        if moved:
            path.unlink()
    said = {found.id: found.reason for found in Dataset.open(tmp_path).verify()}
    assert said[first] == 'it lies beside a closed episode.mcap: moto-data recover sets it aside'
    assert said[second].startswith('it is being recorded, or its recorder died')


def test_an_open_episode_of_our_own_is_not_recovered_from_under_us(tmp_path):
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        writer = dataset.new_episode(tiny_header())
        writer.append(tiny_row(0))
        assert dataset.recover() == []
        writer.append(tiny_row(1))
        writer.close()
        assert [episode.rows for episode in dataset.episodes()] == [2]


def test_an_episode_of_another_process_is_adopted_once_it_is_whole(tmp_path):
    from moto_core.episodes.writer import EpisodeWriter

    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        header = tiny_header()
        writer = EpisodeWriter(tmp_path / 'episodes' / header.id, header, floor=0)
        writer.append(tiny_row(0))
        record_ = dataset.adopt(writer.close('success'))
        assert dataset.episodes() == [record_]
        with pytest.raises(DatasetError, match='is not under'):
            dataset.adopt(tmp_path / 'episode.mcap')
