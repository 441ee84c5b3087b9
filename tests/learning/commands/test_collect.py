"""moto-data collect and moto-eval as a user types them, with the real simulators."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_header
from moto_core.spec import Setup
from moto_learning.commands import data
from moto_learning.commands import eval as evaluation
from moto_sim.kitchen import VIEWS
from moto_sim.views import View

ROOT = Path(__file__).parents[3]
SMALL = ('--episodes', '1', '--size', '8')


def examples(text, command):
    """The arguments of every example in a help text that runs a command."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith(command)]
    return [shlex.split(line)[len(command.split()) :] for line in lines]


@pytest.mark.parametrize('arguments', examples(data.EXAMPLES, 'moto-data collect'), ids=' '.join)
def test_every_example_of_collect_records(arguments, tmp_path):
    out = str(tmp_path / arguments[arguments.index('--out') + 1])
    assert data.main(['collect', *arguments, *SMALL, '--out', out]) == 0
    (record,) = Dataset.open(out).episodes()
    what = '--recipe' if '--recipe' in arguments else '--task'
    assert record.task == arguments[arguments.index(what) + 1]


@pytest.mark.parametrize('arguments', examples(evaluation.EXAMPLES, 'moto-eval'), ids=' '.join)
def test_every_example_of_eval_runs_its_task(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a video or a table goes there
    known = ('scripted', 'zero', 'random')
    policy = arguments[arguments.index('--policy') + 1]
    instead = [] if policy in known else ['--policy', 'zero']  # for a bundle, a run
    small = ['--episodes', '1', '--max-steps', '2']
    assert evaluation.main([*arguments, *instead, *small]) == 0


def test_collect_adds_to_a_dataset_and_says_how_much(tmp_path, capsys):
    arguments = ['collect', '--task', 'kitchen-microwave', *SMALL, '--out', str(tmp_path)]
    assert data.main([*arguments, '--after-success', '2']) == 0
    assert '1 episodes' in capsys.readouterr().out
    assert data.main([*arguments, '--seed', '1']) == 0
    assert len(Dataset.open(tmp_path).episodes()) == 2


def test_collect_takes_a_setup_and_refuses_another_for_the_same_dataset(tmp_path, capsys):
    arguments = ['collect', '--task', 'kitchen-microwave', *SMALL, '--out', str(tmp_path)]
    assert data.main([*arguments, '--actuation', 'd4rl', '--view', 'paper']) == 0
    assert Dataset.open(tmp_path).setup == Setup(
        robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'}
    )
    assert data.main(arguments) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and "actuation 'd4rl' and none" in error
    assert len(list((tmp_path / 'episodes').iterdir())) == 1


def test_a_recipe_without_groups_goes_on_where_it_was_stopped(tmp_path, capsys):
    recipe, out = tmp_path / 'own.yaml', tmp_path / 'data'
    recipe.write_text('task: metaworld-drawer-open')
    line = ['collect', '--recipe', str(recipe), '--size', '8', '--after-success', '0']
    line += ['--out', str(out), '--episodes']
    assert data.main([*line, '1']) == data.main([*line, '2']) == 0
    said = capsys.readouterr().out
    assert '1 of the 2 episodes were there already' in said and 'other settings' not in said
    assert data.main([*line, '1', '--noise', '0.2']) == 0
    assert 'holds 3 episodes: 2 are of other settings than these' in capsys.readouterr().out
    assert len({read_header(one.path).seed for one in Dataset.open(out).episodes()}) == 2, (
        'of one number'
    )


def test_collect_refuses_a_dataset_that_is_being_recorded(tmp_path, capsys):
    with Dataset.create_or_open(tmp_path):
        arguments = ['collect', '--task', 'kitchen-microwave', *SMALL, '--out', str(tmp_path)]
        assert data.main(arguments) == 2
    error = capsys.readouterr().err
    assert 'another recorder holds' in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    'extra, message',
    [
        (('--task', 'kitchen-microwav'), "Did you mean 'microwave'"),
        (('--task', 'kitchen-microwave', '--episodes', '0'), 'argument --episodes'),
        (('--task', 'kitchen-microwave', '--seed', '-1'), 'argument --seed'),
        (('--task', 'kitchen-microwave', '--size', '-64'), 'argument --size'),
        (('--task', 'kitchen-microwave', '--size', '513'), 'argument --size'),
        (('--task', 'kitchen-microwave', '--after-success', '-1'), 'argument --after-success'),
        (('--task', 'metaworld-door-open', '--profile', 'normal'), 'takes no robot'),
        (('--recipe', 'kitchen-mxed'), "Did you mean 'kitchen-mixed'"),
        (('--recipe', 'kitchen-mixed', '--task', 'kitchen-mixed'), 'not allowed with'),
        (('--recipe', 'kitchen-mixed', '--human', 'x.npz'), 'both say which objects are moved'),
        (('--task', 'kitchen-mixed', '--human', 'x.npz'), "from 'x.npz': [Errno 2]"),
        ((), 'one of the arguments --task --recipe is required'),
    ],
)
def test_collect_refuses_bad_settings_in_one_line_and_makes_nothing(
    tmp_path, capsys, extra, message
):
    assert data.main(['collect', '--out', str(tmp_path / 'data'), *extra]) == 2
    error = capsys.readouterr().err
    assert error.startswith('moto-data collect: ') and message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / 'data').exists()


@pytest.mark.parametrize(
    'main, line', [(data.main, ['collect', '--help']), (evaluation.main, ['--help'])]
)
def test_the_help_names_every_view_of_the_kitchen(main, line, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '400')
    with pytest.raises(SystemExit):
        main(line)
    (said,) = [text for text in capsys.readouterr().out.splitlines() if '--view VIEW ' in text]
    free = [name for name, view in VIEWS.items() if isinstance(view, View)]
    assert len(free) == 4 and all(name in said for name in free)


def test_the_help_says_that_d4rls_names_are_the_other_way_round():
    for module in ('data', 'eval'):
        line = [sys.executable, '-m', f'moto_learning.commands.{module}']
        found = subprocess.run(
            [*line, *(['collect'] if module == 'data' else []), '--help'],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, 'COLUMNS': '400'},
        )
        assert "D4RL's are the other way round" in found.stdout
