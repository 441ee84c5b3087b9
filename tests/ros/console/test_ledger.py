"""The dataset as a page shows it, and labels given through it."""

import json

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError
from moto_ros.console.ledger import Count, Ledger
from tests.recorded import record


def test_a_dataset_that_is_not_there_yet_is_empty_and_comes_later(tmp_path):
    ledger = Ledger(tmp_path / 'd', since=0)
    ledger.read()
    assert (ledger.entries, ledger.problem) == ((), '')
    with pytest.raises(DatasetError, match='no dataset at'):
        ledger.label('x', 'success')
    ids = record(tmp_path / 'd', [3, 4])
    ledger.read()
    assert [entry.id for entry in ledger.entries] == ids[::-1]  # the newest first
    assert ledger.total == ledger.session == Count(2, 0, 0, 2)


def test_a_label_is_appended_as_moto_data_does_and_counted(tmp_path):
    (one,) = record(tmp_path / 'd', [3], outcome='success')
    ledger = Ledger(tmp_path / 'd', since=0)
    ledger.read()
    version = ledger.version
    assert ledger.label(one, 'failure') == f'{one}: success -> failure'
    assert ledger.outcome(one) == 'failure' and ledger.version > version
    assert ledger.total == Count(1, 0, 1, 0)
    with Dataset.open(tmp_path / 'd') as dataset:
        assert dataset.find(one).outcome == 'failure'
        lines = (dataset.find(one).path.parent / 'labels.jsonl').read_text().splitlines()
    assert [json.loads(line)['by'] for line in lines] == ['moto-console']


@pytest.mark.parametrize('episode', ['', '..', 'X' * 26, '../../etc'])
def test_what_is_no_episode_or_no_label_changes_nothing(tmp_path, episode):
    (one,) = record(tmp_path / 'd', [3])
    ledger = Ledger(tmp_path / 'd', since=0)
    with pytest.raises(DatasetError):
        ledger.label(episode, 'success')
    with pytest.raises(DatasetError, match='whole id'):
        ledger.label(one[-6:], 'success')
    with pytest.raises(DatasetError, match="'won'"):
        ledger.label(one, 'won')
    ledger.read()
    assert ledger.outcome(one) == 'unlabelled'


@pytest.mark.parametrize(
    'known, by',
    [
        ({'controller': 'policy', 'policy_hash': '4faece1826a1b2c3'}, 'policy 4faece1826a1'),
        ({'controller': 'teleop'}, 'a person'),
        ({'controller': 'scripted'}, 'a script'),
    ],
)
def test_an_episode_says_who_chose_what_was_done(tmp_path, known, by):
    record(tmp_path / 'd', [3], **known)
    ledger = Ledger(tmp_path / 'd', since=0)
    ledger.read()
    assert ledger.entries[0].by == by


def test_only_this_sessions_episodes_count_as_such(tmp_path):
    record(tmp_path / 'd', [3], created=5)
    record(tmp_path / 'd', [3], created=50, outcome='success')
    ledger = Ledger(tmp_path / 'd', since=10)
    ledger.read()
    assert (ledger.session, ledger.total) == (Count(1, 1, 0, 0), Count(2, 1, 0, 1))
