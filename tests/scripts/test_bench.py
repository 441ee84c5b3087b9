"""What a machine measured is kept by program, with where it is from; a failure loses nothing."""

import json

import pytest

from scripts import bench

PROGRAMS = {
    'fast': "import json; print(json.dumps({'ms': 3}))",
    'talks': "print('no JSON')",
    'fails': "import sys; sys.exit('what is missing')",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs programs of a folder of benchmarks; returns the exit code and what is kept."""
    folder = tmp_path / 'benchmarks'
    folder.mkdir()
    for name, text in PROGRAMS.items():
        (folder / f'{name}.py').write_text(text)
    monkeypatch.setattr(bench, 'BENCHMARKS', folder)
    monkeypatch.setattr(bench, 'ROOT', tmp_path)
    monkeypatch.setattr(bench, 'machine_name', lambda: 'cpu, 2 x Some(R) Processor')
    path = tmp_path / 'results' / 'cpu-2-x-some-r-processor.json'

    def run(*names):
        code = bench.main([*names, '--out', str(path.parent)])
        return code, json.loads(path.read_text()) if path.exists() else None

    run.path = path
    return run


def test_a_result_stands_beside_what_it_is_of(run):
    code, kept = run('fast')
    assert code == 0 and kept['machine'] == 'cpu, 2 x Some(R) Processor'
    found = kept['benchmarks'].pop('fast')
    assert kept['benchmarks'] == {}
    assert found['result'] == {'ms': 3} and found['command'] == 'python benchmarks/fast.py'
    assert found['versions']['torch'] and found['versions']['python'] and found['commit']


@pytest.mark.parametrize('bad', ['talks', 'fails'])
def test_a_program_that_fails_loses_no_earlier_result_and_the_others_run(run, bad, capfd):
    run('fast')
    kept = json.loads(run.path.read_text())
    kept['benchmarks'][bad] = {'result': 'of yesterday'}
    run.path.write_text(json.dumps(kept))
    (bench.BENCHMARKS / 'fast.py').write_text(PROGRAMS['fast'].replace('3', '4'))
    code, kept = run(bad, 'fast')
    assert code == 1
    assert kept['benchmarks'][bad] == {'result': 'of yesterday'}
    assert kept['benchmarks']['fast']['result'] == {'ms': 4}
    said = capfd.readouterr().out
    assert f'{bad} failed' in said and ('what is missing' in said or bad == 'talks')


def test_a_file_that_cannot_be_read_is_left_as_it_is(run, capfd):
    run.path.parent.mkdir()
    run.path.write_text('{"benchmarks"')
    assert bench.main(['fast', '--out', str(run.path.parent)]) == 2
    assert run.path.read_text() == '{"benchmarks"'
    assert 'move it away' in capfd.readouterr().err


def test_a_name_of_no_program_is_answered_with_those_there_are(run, capfd):
    assert bench.main(['fats', '--out', str(run.path.parent)]) == 2
    assert "'fast'" in capfd.readouterr().err and not run.path.exists()
