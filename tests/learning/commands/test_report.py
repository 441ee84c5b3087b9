"""moto-report: its two files, whole or as they were; mistakes in one line."""

import json

import pytest

from moto_learning.commands import report as command
from tests.learning.report.written_run import TASK, evaluation, record, write_run


@pytest.fixture
def run(tmp_path):
    data = record(tmp_path / 'data')
    return write_run(tmp_path / 'run', evaluations=[evaluation(0, 4)], data=[data])


def times_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


def written(out):
    return sorted(path.name for path in out.iterdir())


def test_the_command_writes_a_page_and_its_numbers_and_says_what_is_missing(run, tmp_path, capsys):
    out, before = tmp_path / 'new' / 'out', times_of(tmp_path)
    line = [str(run), str(tmp_path / 'gone'), '--out', str(out), '--videos', '0', '--starts', '1']
    assert command.main(line) == 0
    assert written(out) == ['report.html', 'report.json']
    assert times_of(tmp_path) == before | times_of(out), 'a run is only read'
    found = json.loads((out / 'report.json').read_text())
    assert found['tables'][0]['rows'][0]['cells'][0]['mean'] == 0.2
    page = (out / 'report.html').read_text()
    assert page.endswith('</html>') and TASK in page
    said = capsys.readouterr().out
    assert "gone' is no folder" in said and f'report: {out / "report.html"}' in said


def test_a_report_that_fails_leaves_the_one_before_whole(tmp_path, monkeypatch):
    run = write_run(tmp_path / 'run', updates=0)
    out = tmp_path / 'out'
    line = [str(run), '--out', str(out), '--videos', '0', '--starts', '1']
    assert command.main(line) == 0
    before = {name: (out / name).read_bytes() for name in written(out)}

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    assert command.main(line) == 2
    assert {name: (out / name).read_bytes() for name in written(out)} == before


@pytest.mark.parametrize(
    'words, says',
    [
        (['gone'], "'gone' is no folder"),
        (['.'], 'holds no run'),
        (['.', '--videos', '-1'], 'argument --videos'),
        (['.', '--starts', '0'], 'argument --starts'),
        ([], 'the following arguments are required: RUN'),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, words, says, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main([*words, '--out', str(tmp_path / 'out')]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count('\n') == 1
    assert not (tmp_path / 'out' / 'report.html').exists()
