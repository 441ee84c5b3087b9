"""moto-finetune after its data changed place: removed episodes, a folder that was moved."""

import shutil

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.commands.export import main as export
from moto_learning.commands.finetune import main
from moto_learning.data.replay import without_gone
from moto_learning.rounds import rounds as module
from moto_learning.rounds.publishing import Place
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.learning.labelled import record
from tests.learning.rounds.test_rounds import SETTINGS, Quick, write_tiny_bundle


@pytest.fixture
def ids(tmp_path, monkeypatch):
    """Trains 'run' on three episodes of 'data' in the working folder; returns their ids."""
    monkeypatch.chdir(tmp_path)
    found = [record(tmp_path / 'data', outcome) for outcome in ('success', 'failure', 'success')]
    training = Training(tiny.config(*SETTINGS), tiny.spec(), [tmp_path / 'data'], tmp_path / 'run')
    training.offline()
    training.close()

    def write(run, folder, held_out):
        updates = load_checkpoint(run).meta['updates']
        return Quick(write_tiny_bundle(folder, tiny.spec(), training={'updates': updates}))

    monkeypatch.setattr(module, 'export_run', write)
    return found


def finetuned(*words):
    names = '--bundles', 'bundles', '--name-file', 'use', '--once'
    return main(['run', *names, *words, 'held_out=0', 'starts=0'])


def learned():
    return load_checkpoint('run').meta['episodes']


def test_it_goes_on_without_an_episode_that_was_removed_and_says_so(ids, tmp_path, capsys):
    with Dataset.open(tmp_path / 'data', lock=True) as dataset:
        dataset.quarantine(ids[1], 'a test')
    new = record(tmp_path / 'data', 'success')
    assert finetuned() == 0
    said = capsys.readouterr().out
    assert '1 episodes that the run learned from are gone' in said and ids[1] in said
    assert learned() == [ids[0], ids[2], new]
    assert finetuned() == 0
    assert 'are gone' not in capsys.readouterr().out


def test_an_episode_of_another_task_is_named_once_with_what_to_do(ids, tmp_path, capsys):
    wrong = record(tmp_path / 'data', 'success', task='kettle')
    assert finetuned() == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert said.count(f"left out {wrong}: it is of task 'kettle', and the run learns none;") == 1
    assert 'nothing more to learn from' in said and learned() == ids
    record(tmp_path / 'data', 'success')
    assert finetuned() == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert said.count(f'left out {wrong}') == 1 and wrong not in learned()


def test_a_run_whose_data_was_moved_asks_where_it_lies_and_goes_on_there(ids, tmp_path, capsys):
    (tmp_path / 'data').rename(tmp_path / 'elsewhere')
    assert finetuned() == 2
    said = ' '.join(capsys.readouterr().err.split())
    assert str(tmp_path / 'data') in said and 'say where it lies now with --data' in said
    assert finetuned('--data', 'elsewhere') == 0
    assert 'are gone' not in capsys.readouterr().out
    record(tmp_path / 'elsewhere', 'success')
    assert finetuned('--data', 'elsewhere') == 0 and len(learned()) == 4
    assert finetuned() == 0  # it knows the place now


def test_a_dataset_that_stands_in_for_one_that_was_moved_must_hold_its_episodes(ids, tmp_path):
    shutil.rmtree(tmp_path / 'data')
    record(tmp_path / 'other', 'success')
    before = learned()
    assert finetuned('--data', 'other') == 2
    assert learned() == before == ids


def test_a_state_without_what_is_gone_keeps_order_outcomes_and_demonstrations():
    state = {'episodes': [*'abcd'], 'first': 3, 'outcomes': [*'wxyz'], 'mixed': 5}
    found, gone = without_gone(state, {'b', 'd'})
    assert gone == ['a', 'c']
    assert found == {'episodes': ['b', 'd'], 'first': 1, 'outcomes': ['x', 'z'], 'mixed': 5}
    assert without_gone(state, {*'abcd'}) == (state, [])


def test_an_export_does_not_take_the_name_from_a_fine_tuner_at_work(ids, tmp_path, capsys):
    words = ['run', '--out', 'bundles', '--name-file', 'use']
    held = Place(tmp_path / 'bundles', tmp_path / 'use').hold()
    try:
        assert export(words) == 2
    finally:
        held.release()
    assert "another process publishes to 'use'" in capsys.readouterr().err
    assert not (tmp_path / 'use').exists()
    assert export(words) == 0 and (tmp_path / 'use').exists()
    Place(tmp_path / 'bundles', tmp_path / 'use').hold().release()
