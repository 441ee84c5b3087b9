"""moto-results: from folders of runs to a document, by two commands."""

import json

import pytest

from moto_learning.commands.results import main
from tests.learning.report.written_run import TASK, evaluation, record, write_lines, write_run


@pytest.fixture(scope='module')
def sweeps(tmp_path_factory):
    """Two sweeps of one seed each on the same demonstrations, recorded twice."""
    place = tmp_path_factory.mktemp('sweeps')
    for seed, name in enumerate(('one', 'two')):
        data = record(place / name / 'data' / TASK, episodes=1, starts=50)
        write_run(
            place / name / TASK / 'moto' / f'seed{seed}',
            f'seed={seed}',
            evaluations=[evaluation(0, 4 + seed), evaluation(10_000, 10)],
            data=[data],
        )
    return place


def test_sweeps_become_results_and_those_a_document(sweeps, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ('one', 'two'):
        assert main(['gather', str(sweeps / name), '--out', f'results/{name}.json']) == 0
    assert main(['write', 'docs/results.md']) == 0
    text = (tmp_path / 'docs/results.md').read_text()
    assert f'| {TASK} | 2 | 0.23, 9 of 40 (' in text and '0.50, 20 of 40 (' in text
    pictures = sorted((tmp_path / 'docs/images/results').iterdir())
    assert [path.name for path in pictures] == ['less-data.svg', 'rows.svg', 'success.svg']
    before = [path.read_bytes() for path in pictures]
    assert all(picture.startswith(b'<?xml') and len(picture) < 60_000 for picture in before)
    assert main(['write', 'docs/results.md']) == 0
    assert (tmp_path / 'docs/results.md').read_text() == text
    assert [path.read_bytes() for path in pictures] == before, 'the same bytes every time'
    assert 'one.json: 1 runs, 1 of them new, 0 with more evaluations' in capsys.readouterr().out


def test_gathering_into_a_file_adds_what_is_new_and_leaves_out_what_contradicts(
    sweeps, tmp_path, capsys
):
    out = tmp_path / 'both.json'
    for name in ('one', 'two', 'one'):
        assert main(['gather', str(sweeps / name), '--out', str(out)]) == 0
    found = json.loads(out.read_text())
    assert [run['seed'] for run in found['runs']] == [0, 1]
    out.write_text(out.read_text().replace('"successes": 10', '"successes": 11'))
    before = out.read_bytes()
    capsys.readouterr()
    assert main(['gather', str(sweeps / 'one'), '--out', str(out)]) == 1
    assert 'left out: seed 0 of ' in capsys.readouterr().out
    assert out.read_bytes() == before


def test_what_contradicts_keeps_nothing_else_from_being_written(sweeps, tmp_path):
    out = tmp_path / 'both.json'
    assert main(['gather', str(sweeps / 'one'), '--out', str(out)]) == 0
    changed = out.read_text().replace('"successes": 10', '"successes": 11')
    out.write_text(changed)
    assert main(['gather', str(sweeps / 'one'), str(sweeps / 'two'), '--out', str(out)]) == 1
    assert [run['seed'] for run in json.loads(out.read_text())['runs']] == [0, 1]
    assert json.loads(out.read_text())['runs'][0] == json.loads(changed)['runs'][0]


def test_a_seed_that_was_trained_anew_goes_in_the_place_of_the_earlier(sweeps, tmp_path, capsys):
    out = tmp_path / 'both.json'
    for name in ('one', 'two'):
        assert main(['gather', str(sweeps / name), '--out', str(out)]) == 0
    whole = json.loads(out.read_text())
    out.write_text(out.read_text().replace('"successes": 10', '"successes": 11', 1))
    capsys.readouterr()
    assert main(['gather', str(sweeps / 'one'), '--out', str(out), '--replace']) == 0
    assert 'replaced: seed 0 of ' in capsys.readouterr().out
    assert json.loads(out.read_text()) == whole


def test_a_name_that_the_document_would_not_read_is_refused(sweeps, tmp_path, capsys):
    assert main(['gather', str(sweeps / 'one'), '--out', str(tmp_path / 'r.txt')]) == 2
    assert "r.txt'; expected <name>.json" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_data_that_are_not_there_any_more_are_said_to_be_named_by_their_ids(tmp_path, capsys):
    data = record(tmp_path / 'data', episodes=1, starts=50)
    write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)], data=[data])
    for there in (True, False):
        assert (
            main(['gather', str(tmp_path / 'run'), '--out', str(tmp_path / f'{there}.json')]) == 0
        )
        assert ('its data are named by their ids' in capsys.readouterr().out) is not there
        if there:
            data.rename(tmp_path / 'away')


def test_without_results_the_document_stays_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    document = tmp_path / 'document'
    document.write_text('<!-- results: rows -->\na table\n<!-- end -->\n')
    assert main(['write', 'document', '--results', 'reslts']) == 2
    assert "--results 'reslts' is no folder" in capsys.readouterr().err
    assert 'a table' in document.read_text()


def test_what_is_damaged_in_a_run_is_said(sweeps, tmp_path, capsys):
    data = record(tmp_path / 'data', episodes=1)
    run = write_run(tmp_path / 'run', evaluations=[evaluation(0, 4), {}], data=[data])
    assert main(['gather', str(run), '--out', str(tmp_path / 'r.json')]) == 0
    assert f"'{run}': evaluations.jsonl: 1 damaged line" in capsys.readouterr().out


def test_a_run_that_grew_is_no_new_one_and_is_counted(tmp_path, capsys):
    data, out = record(tmp_path / 'data', episodes=1), str(tmp_path / 'r.json')
    for seed in (0, 1):
        write_run(
            tmp_path / f'run{seed}', f'seed={seed}', evaluations=[evaluation(0, 4)], data=[data]
        )
    runs = [str(tmp_path / 'run0'), str(tmp_path / 'run1')]
    assert main(['gather', runs[0], '--out', out]) == 0
    write_lines(tmp_path / 'run0' / 'evaluations.jsonl', [evaluation(0, 4), evaluation(5000, 6)])
    assert main(['gather', *runs, '--out', out]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f'{out}: 2 runs, 1 of them new, 1 with more evaluations than before'
    assert main(['gather', *runs, '--out', out]) == 0
    assert '2 runs, 0 of them new, 0 with more' in capsys.readouterr().out


def test_a_run_that_is_not_evaluated_yet_is_named_and_advised_only_what_helps(tmp_path, capsys):
    data, out = record(tmp_path / 'data', episodes=1), str(tmp_path / 'r.json')
    for name, every in (('set', 25), ('unset', 0)):
        write_run(tmp_path / name, f'evaluate.every={every}', f'seed={every}', data=[data])
    main(['gather', str(tmp_path / 'set'), str(tmp_path / 'unset'), '--out', out])
    said = capsys.readouterr().out.splitlines()
    assert f"'{tmp_path / 'set'}': it has no evaluations yet" in said
    assert f"'{tmp_path / 'unset'}': it has no evaluations yet: evaluate.every makes them" in said


def test_one_seed_from_two_folders_and_what_was_not_evaluated_are_refused(
    sweeps, tmp_path, capsys
):
    again = record(tmp_path / 'data', episodes=1, starts=50)
    copy = write_run(tmp_path / 'copy', evaluations=[evaluation(0, 4)], data=[again])
    out = str(tmp_path / 'r.json')
    assert main(['gather', str(sweeps / 'one'), str(copy), '--out', out]) == 2
    assert 'are both seed 0 of moto' in capsys.readouterr().err
    begun = write_run(tmp_path / 'begun', updates=0)
    assert main(['gather', str(begun), str(tmp_path / 'gone'), '--out', out]) == 2
    said = capsys.readouterr()
    assert 'is left out' in said.out and "gone' is no folder" in said.out
    assert said.err.count('\n') == 1 and 'no run was gathered' in said.err
