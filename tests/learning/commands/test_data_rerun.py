"""moto-data inspect --rerun, --rrd: an episode for the viewer of rerun-sdk, if that is there."""

import subprocess
import sys

import pytest

from moto_learning.commands import data_rerun
from moto_learning.commands.data import main
from tests.recorded import record


@pytest.fixture
def ours(tmp_path):
    record(tmp_path / 'ours', [4])
    return str(tmp_path / 'ours')


def test_without_rerun_the_command_says_what_to_install(ours, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('moto_core.packages.find_spec', lambda name: None)
    assert main(['inspect', ours, '--episode', 'last', '--rrd', str(tmp_path / 'x.rrd')]) == 2
    assert 'rerun cannot be imported (it is not installed); pip' in capsys.readouterr().err
    assert not (tmp_path / 'x.rrd').exists()


@pytest.mark.parametrize('words', [['--rerun'], ['--rrd', 'x.rrd']])
def test_a_viewer_is_of_one_episode(ours, capsys, words):
    assert main(['inspect', ours, *words]) == 2
    assert f'{words[0]} needs --episode ID' in capsys.readouterr().err


def test_the_file_holds_images_actions_and_the_guards_reasons(ours, tmp_path, capsys):
    pytest.importorskip('rerun', reason='rerun-sdk is not installed')
    file = tmp_path / 'new' / 'x.rrd'
    assert main(['inspect', ours, '--episode', 'last', '--rrd', str(file)]) == 0
    assert f'recording: {file}' in capsys.readouterr().out.replace('\n', '')
    told = subprocess.run(
        [sys.executable, '-m', 'rerun', 'rrd', 'print', '-vv', str(file)],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    for name in ('cameras/front', 'cameras/wrist', 'requested', 'executed', 'proprioception'):
        assert f'/{name}' in told.stdout, told.stdout
    for name in (*data_rerun.SCALARS, 'guard'):
        assert f'/{name}' in told.stdout, told.stdout


def test_the_viewer_is_opened_before_anything_is_logged(ours, monkeypatch):
    rerun = pytest.importorskip('rerun', reason='rerun-sdk is not installed')
    calls = []
    monkeypatch.setattr(rerun.RecordingStream, 'spawn', lambda self: calls.append('spawn'))
    log = rerun.RecordingStream.log
    monkeypatch.setattr(
        rerun.RecordingStream,
        'log',
        lambda self, name, *values, **more: (calls.append(name), log(self, name, *values, **more)),
    )
    assert main(['inspect', ours, '--episode', 'last', '--rerun']) == 0
    assert calls[0] == 'spawn' and calls.count('cameras/front') == 4
