"""moto-data export and import, as typed."""

import json

import pytest
import yaml

from moto_core.episodes.dataset import Dataset
from moto_learning.commands.data import main
from tests.learning.exchange.test_lerobot import DATA, FOREIGN, cut, foreign
from tests.recorded import record


@pytest.fixture
def ours(tmp_path):
    record(tmp_path / 'ours', [4, 5])
    return tmp_path / 'ours'


def run(*words):
    return main([str(word) for word in words])


def test_a_dataset_goes_out_and_comes_back(ours, tmp_path, capsys):
    assert run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out') == 0
    assert (
        f'2 episodes in {tmp_path}/out. Every row is there; what else' in capsys.readouterr().out
    )
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    assert run(*given) == 0
    assert '2 episodes, 9 rows, 0 successful' in ' '.join(capsys.readouterr().out.split())
    assert run(*given) == 0
    assert '2 were there already, 0 refused' in ' '.join(capsys.readouterr().out.split())
    ids = [[r.id for r in Dataset.open(root).episodes()] for root in (ours, tmp_path / 'back')]
    assert ids[0] == ids[1]


def test_a_mapping_is_a_file_and_key_value_goes_over_it(ours, tmp_path, capsys):
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    foreign(tmp_path / 'out')
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(FOREIGN))
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    assert run(*given) == 2
    assert '--mapping FILE' in capsys.readouterr().err
    assert run(*given, 'task=push') == 2
    assert "'task=push' changes a mapping; name one" in capsys.readouterr().err
    assert run(*given, '--mapping', tmp_path / 'none.yaml') == 2
    assert 'expected a mapping in YAML' in capsys.readouterr().err
    assert run(*given, '--mapping', tmp_path / 'map.yaml', 'tsk=push') == 2
    assert "Did you mean 'task'" in capsys.readouterr().err
    assert run(*given, '--mapping', tmp_path / 'map.yaml', 'task=push') == 0
    assert 'not taken: observation.images.wrist' in ' '.join(capsys.readouterr().out.split())
    assert {r.task for r in Dataset.open(tmp_path / 'back').episodes()} == {'push'}


def test_the_end_says_how_many_actions_were_cut_off(ours, tmp_path, capsys):
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    foreign(tmp_path / 'out')
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(FOREIGN))
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    given = (*given, '--mapping', tmp_path / 'map.yaml', 'action_means=velocity')
    capsys.readouterr()
    assert run(*given, 'action_scale=[0.001,1,1]') == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert '7 of 27 action entries lay beyond action_scale and were cut off at it: are' in said
    assert run(*given, 'action.key=') == 2
    assert 'action.key has no value; expected one' in capsys.readouterr().err


def test_what_is_refused_is_named_and_is_the_exit_code(ours, tmp_path, capsys):
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    cut(tmp_path / 'out' / DATA)
    capsys.readouterr()
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    assert run(*given) == 1
    out = ' '.join(capsys.readouterr().out.split())
    assert 'refused: 2 episodes, episode 0 to episode 1: cannot read' in out and '2 refused' in out
    info = tmp_path / 'out/meta/info.json'
    info.write_text(json.dumps({**json.loads(info.read_text()), 'codebase_version': 'v2.1'}))
    assert run(*given) == 2
    assert "codebase_version is 'v2.1'" in capsys.readouterr().err


def test_one_wrong_name_is_said_once_with_the_number_of_episodes(ours, tmp_path, capsys):
    record(ours, [3])
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    foreign(tmp_path / 'out')
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump(FOREIGN))
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    capsys.readouterr()
    assert run(*given, '--mapping', tmp_path / 'map.yaml', 'action.key=actoin') == 1
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith('refused')]
    assert len(lines) == 1, lines
    assert lines[0].startswith("refused: 3 episodes, episode 0 to episode 2: unknown feature 'act")


def test_a_file_in_place_of_a_folder_says_which_format_takes_it(ours, tmp_path, capsys):
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    run('export', ours, '--to', 'robomimic', '--out', tmp_path / 'out.hdf5')
    capsys.readouterr()
    back = ('--into', tmp_path / 'back')
    assert run('import', tmp_path / 'out.hdf5', '--format', 'lerobot', *back) == 2
    assert "out.hdf5' is a file; expected the folder of a LeRobot" in capsys.readouterr().err
    assert run('import', tmp_path / 'out', '--format', 'robomimic', *back) == 2
    assert "out' is a folder; expected an HDF5 file" in capsys.readouterr().err


def test_an_error_leaves_no_bar_of_what_has_not_begun(ours, tmp_path, capsys):
    assert run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out') == 0
    assert '2/2' in capsys.readouterr().out
    assert run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out') == 2
    said = capsys.readouterr()
    assert 'is there already' in said.err and not said.out.strip()


def test_what_came_before_is_imported_without_a_word_of_what_is_not_there(ours, tmp_path, capsys):
    run('export', ours, '--to', 'lerobot', '--out', tmp_path / 'out')
    given = ('import', tmp_path / 'out', '--format', 'lerobot', '--into', tmp_path / 'back')
    capsys.readouterr()
    assert run(*given) == 0
    assert 'Every row is there' in capsys.readouterr().out
    assert run(*given) == 0
    assert 'Every row is there' not in capsys.readouterr().out


def test_the_help_of_an_import_shows_its_key_value(capsys):
    with pytest.raises(SystemExit):
        run('import', '--help')
    usage = ' '.join(capsys.readouterr().out.split('\n\n')[0].split())
    assert usage.startswith('usage: moto-data import [-h]') and usage.endswith('[key=value ...]')
