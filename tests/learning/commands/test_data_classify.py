"""`moto-data classify`: what it says, what it labels, and all that it refuses."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.commands import data_classify
from moto_learning.commands.classify_options import EXAMPLES
from moto_learning.commands.data import main
from moto_learning.data.sources import read_episodes
from tests.learning.classifier.squares import SETTINGS, record, record_labelled, square_spec


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A dataset with twelve labelled episodes, in the folder where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('COLUMNS', '200')
    record_labelled(tmp_path / 'data', 6)
    return tmp_path / 'data'


def said(capsys, *words, expected=0):
    """Runs the command; what it printed, in one line, or what it said in its one line of error."""
    code = main(['classify', *words, *([] if '--use' in words else SETTINGS)])
    out, error = capsys.readouterr()
    assert code == expected, error
    if expected == 2:
        assert error.count('\n') == 1 and error.startswith('moto-data'), error
        return error
    return ' '.join(out.split())


def outcomes(root):
    return {record.id: record.outcome for record in Dataset.open(root).episodes()}


def labels(root, name):
    path = root / 'episodes' / name / 'labels.jsonl'
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_dry_run_shows_everything_and_writes_no_label(root, capsys):
    good, bad = record(root, True, seed=50), record(root, False, seed=51)
    before = outcomes(root)
    out = said(capsys, 'data')
    assert 'of push, learned from 8 episodes; 4 held out, judged by their last 2 rows' in out
    assert 'threshold 0.9' in out
    assert 'labelled success doubtful failure success 2 0 0 failure 0 0 2' in out
    assert 'right at 0.5: 4 of 4 (95 % interval 0.51 to 1.00)' in out
    assert 'of successes: 2 of 2 (95 % interval 0.34 to 1.00)' in out
    assert 'of failures: 2 of 2 (95 % interval 0.34 to 1.00)' in out
    assert 'right of those beyond 0.9: 4 of 4 (95 % interval 0.51 to 1.00)' in out
    assert re.search(f'{good} 0.9[0-9]+ success', out)
    assert re.search(f'{bad} 0.0[0-9]+ failure', out)
    assert '2 would be labelled (--label does so): 1 success, 1 failure; 0 left as doubtful' in out
    assert outcomes(root) == before
    assert not labels(root, good)


def test_labels_name_the_classifier_and_flow_into_the_reward(root, capsys):
    good, bad = record(root, True, seed=50), record(root, False, seed=51)
    rewards = {one.id: one.learned['reward'] for one in read_episodes([root]).episodes}
    assert not rewards[good].any()
    people = {name: labels(root, name) for name in outcomes(root) if name not in (good, bad)}
    out = said(capsys, 'data', '--label')
    assert '2 labelled: 1 success, 1 failure; 0 left as doubtful' in out
    name = re.search(r'classifier:[0-9a-f]{12}', out)[0]
    assert [(one['label'], one['by']) for one in labels(root, good)] == [('success', name)]
    assert [(one['label'], one['by']) for one in labels(root, bad)] == [('failure', name)]
    assert {other: labels(root, other) for other in people} == people
    found = {one.id: one for one in read_episodes([root]).episodes}
    assert found[good].learned['reward'].tolist() == [0] * 11 + [1]
    assert not found[bad].learned['reward'].any()
    assert found[good].successful and not found[bad].successful
    assert 'no episode waits for a label' in said(capsys, 'data', '--label')
    assert len(labels(root, good)) == 1


def test_what_a_classifier_labelled_is_not_learned_from(root, capsys):
    record(root, True, seed=50)
    first = said(capsys, 'data', '--label')
    again = said(capsys, 'data')
    assert '1 episodes that a classifier labelled are not learned from' in again
    name = re.search(r'classifier:[0-9a-f]{12}', first)[0]
    assert name in again and 'learned from 8 episodes' in again  # the same one comes of it


def test_what_lies_between_stays_unlabelled(root, capsys):
    name = record(root, True, seed=50)
    out = said(capsys, 'data', '--label', 'updates=1', '--threshold', '0.999')
    assert re.search(f'{name} 0.[0-9]+ doubtful', out)
    assert '0 labelled: 0 success, 0 failure; 1 left as doubtful' in out
    assert not labels(root, name)
    assert 'threshold 0.999' in out


def test_a_label_that_a_person_gives_meanwhile_stays(root, capsys, monkeypatch):
    name = record(root, True, seed=50)
    judge = data_classify.judge

    def judged(*given):
        found = judge(*given)
        Dataset.open(root).label(name, 'failure', 'anna')
        return found

    monkeypatch.setattr(data_classify, 'judge', judged)
    out = said(capsys, 'data', '--label')
    assert '0 labelled: 0 success, 0 failure; 0 left as doubtful; 1 labelled by somebody' in out
    assert [one['by'] for one in labels(root, name)] == ['anna']


def test_a_label_that_was_taken_back_is_not_given_again(root, capsys):
    name = record(root, True, seed=50)
    said(capsys, 'data', '--label')
    assert main(['label', 'data', name, 'unlabelled', '--by', 'anna']) == 0
    capsys.readouterr()
    out = said(capsys, 'data', '--label')
    assert '1 episodes without a label are not judged: whose label somebody took back' in out
    assert outcomes(root)[name] == 'unlabelled'


def test_what_nobody_is_to_blame_for_gets_no_label_and_is_counted_by_reason(root, capsys):
    cut = [record(root, False, seed=50, ended=ended) for ended in ('estop', 'estop', 'recovered')]
    out = said(capsys, 'data', '--label')
    why = "episodes without a label are not judged: that ended by nobody's fault"
    assert f'2 {why} (estop)' in out and f'1 {why} (recovered)' in out
    assert 'no episode waits for a label' in out
    assert not any(labels(root, name) for name in cut)


def test_a_kept_classifier_says_the_same_elsewhere(root, capsys):
    record_labelled(Path('other'), 1)
    name = record(Path('other'), True, seed=50)
    first = said(capsys, 'other', '--learn-from', 'data', '--out', 'kept/success.pt')
    again = said(capsys, 'other', '--use', 'kept/success.pt', '--label')
    line = re.search(f'{name} 0.[0-9]+ success', first)[0]
    assert line in again and '1 labelled: 1 success' in again
    assert 'learned from 8 episodes; 4 held out' in again
    sure = said(capsys, 'other', '--use', 'kept/success.pt', '--threshold', '0.99999')
    assert 'threshold 1:' not in sure and 'right of those beyond 0.99999' in sure
    assert [path.name for path in Path('kept').iterdir()] == ['success.pt']


def test_the_same_seed_gives_the_same_classifier_and_another_one_another(root, capsys):
    names = [
        re.search(r'classifier:[0-9a-f]{12}', said(capsys, 'data', *words))[0]
        for words in (['--seed', '3'], ['seed=3'], ['--seed', '4'])
    ]
    assert names[0] == names[1] != names[2]


def test_the_dataset_that_is_judged_may_be_among_those_that_teach(root, capsys):
    record_labelled(Path('more'), 4, seed=100)
    record(root, True, seed=50)
    out = said(capsys, 'data', '--learn-from', 'data', 'more')
    assert 'learned from 16 episodes; 4 held out' in out and '1 would be labelled' in out


def test_a_damaged_episode_is_left_out_by_name_and_the_exit_code_says_so(root, capsys):
    name = next(iter(outcomes(root)))
    path = root / 'episodes' / name / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-200])  # half copied
    out = said(capsys, 'data', expected=1)
    assert out.count(f'left out {name}: ') == 1
    assert 'learned from 8 episodes; 3 held out' in out


@pytest.mark.parametrize('kept, words', [(0, '0 .* success and 0'), (3, '3 .* success and 3')])
def test_too_few_labels_are_refused_with_how_many_there_are(
    tmp_path, capsys, monkeypatch, kept, words
):
    monkeypatch.chdir(tmp_path)
    record_labelled(tmp_path / 'data', kept)
    for seed in range(8):
        record(tmp_path / 'data', True, seed=seed)
    error = said(capsys, 'data', '--label', '--out', 'kept.pt', expected=2)
    assert re.search(words + ' failure; .* at least 4 of each', error)
    assert not Path('kept.pt').exists()


def test_labels_of_classifiers_alone_teach_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ('success', 'failure'):
        for seed in range(5):
            record(tmp_path / 'data', kind == 'success', kind, seed, by='classifier:0123456789ab')
    assert '0 episodes are labelled success and 0 failure' in said(capsys, 'data', expected=2)


def test_another_camera_is_refused_by_name(root, capsys):
    record(Path('wrist'), True, spec=square_spec(camera='wrist'))
    record(Path('large'), True, spec=square_spec(side=32))
    error = said(capsys, 'wrist', '--learn-from', 'data', expected=2)
    assert "are of two robots: camera 'front'" in error
    said(capsys, 'data', '--out', 'kept.pt')
    error = said(capsys, 'large', '--use', 'kept.pt', '--label', expected=2)
    assert "another robot, camera or setup than 'large'" in error
    assert "camera 'front' height 16 and 32" in error


@pytest.mark.parametrize(
    'words, error',
    [
        (['--threshold', '0.4'], "'0.4' is not a number of at least 0.5 and below 1"),
        (['--threshold', '1'], "'1' is not a number of at least 0.5 and below 1"),
        (['--threshold', 'nan'], "'nan' is not a number"),
        (['threshold=1.5'], 'threshold is 1.5; expected at least 0.5, below 1'),
        (['--seed', '-1'], "'-1' is not a whole number"),
        (['lasst=3'], "unknown key 'lasst'. Did you mean 'last'"),
        (['--task', 'pour'], "unknown task of a labelled episode 'pour'"),
        (['--learn-from', 'nowhere'], "no dataset at 'nowhere'"),
        (['--out', 'data'], "--out 'data' is there already; take another name"),
        (['--use', 'nowhere.pt'], "cannot read the classifier 'nowhere.pt'"),
        (['--use', 'a.pt', '--seed', '1'], '--seed would make another'),
        (['--use', 'a.pt', '--learn-from', 'data'], '--learn-from would make another'),
        (['--use', 'a.pt', 'last=3'], 'last=3 would make another'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(root, capsys, words, error):
    assert error in said(capsys, 'data', *words, expected=2)


def test_a_damaged_file_is_refused_in_one_line(root, capsys):
    Path('bad.pt').write_bytes(np.random.default_rng(0).bytes(1000))
    error = said(capsys, 'data', '--use', 'bad.pt', '--label', expected=2)
    assert "'bad.pt' is no success classifier, or damaged" in error


def test_the_examples_of_its_help_run_and_its_settings_are_listed(root, capsys):
    record_labelled(Path('others'), 4, seed=100)
    with pytest.raises(SystemExit):
        main(['classify', '--help'])
    out = capsys.readouterr().out
    assert EXAMPLES in out and 'margin=15: rows before those' in out
    for line in EXAMPLES.splitlines()[1:]:
        words = shlex.split(line)[1:]
        assert words[0] == 'classify'
        said(capsys, *words[1:])
