"""moto-train as a user types it: settings and their sources, progress, what it refuses."""

import importlib
import re
import shutil

import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.fields import list_keys
from moto_learning.commands import train_bars
from moto_learning.commands.train import main
from moto_learning.config import Config
from moto_learning.run.checkpoints import load_learner
from tests.learning import tiny_learner as tiny
from tests.learning.run.simulated import D4RL, dataset_of, small_kitchen
from tests.recorded import record

TINY = [
    'model.encoder.channels=[2, 3]',
    'model.encoder.padding=1',
    'model.encoder.proprioception=[4]',
    'model.rssm.deter=8',
    'model.rssm.stoch=3',
    'model.rssm.classes=4',
    'model.rssm.hidden=8',
    'actor_critic.horizon=2',
    'replay.batch=2',
    'replay.length=4',
    'train.offline_updates=1',
    'train.online_episodes=0',
    'train.tensorboard=false',
    'train.threads=1',
    '--config=small',
]


def printed(capsys, *arguments):
    assert main([*arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line.split('=', 1)[0]: line.split('=', 1)[1].split('  ') for line in lines}


def test_show_config_prints_every_key_with_value_and_source(tmp_path, capsys):
    path = tmp_path / 'mine.yaml'
    path.write_text('replay: {batch: 4}\ntrain: {device: cpu}\n')
    typed = ['seed=7', 'collect.explore=noise', 'collect.noise=0.25']
    found = printed(capsys, '--config', str(path), '--show-config', *typed)
    assert list(found) == [key.name for key in list_keys(Config())]
    cells = {key: (cells[0], cells[-1].strip()) for key, cells in found.items()}
    assert cells['seed'] == ('7', 'override')
    assert cells['collect.noise'] == ('0.25', 'override')
    assert cells['replay.batch'] == ('4', str(path))
    assert cells['train.device'] == ('cpu', str(path))
    assert cells['replay.length'] == ('50', 'default')
    assert cells['collect.task'] == ("''", 'default')
    assert cells['actor_critic.actor.optimizer.rate'] == ('8.0e-05', 'default')


def test_what_show_config_prints_can_be_given_back(capsys):
    found = printed(capsys, '--config', 'demo', '--show-config')
    settings = [f'{key}={cells[0]}' for key, cells in found.items()]
    path = next(cells[-1].strip() for cells in found.values() if cells[-1].endswith('.yaml'))
    assert load_config(Config, overrides=settings) == load_config(Config, path)


def test_show_config_of_a_run_names_its_stored_settings(tmp_path, capsys):
    record(tmp_path / 'data', [8])
    out = tmp_path / 'run'
    assert main(['--data', str(tmp_path / 'data'), '--out', str(out), *TINY]) == 0
    capsys.readouterr()
    found = printed(capsys, '--resume', str(out), '--show-config', 'replay.batch=3')
    assert found['replay.batch'][0] == '3' and found['replay.batch'][-1].strip() == 'override'
    assert found['model.rssm.deter'][0] == '8'
    stored = found['model.rssm.deter'][-1].strip()
    assert re.fullmatch(rf'{out}/checkpoints/\d+/config.yaml', stored)
    assert main(['--resume', str(out), '--show-config', 'model.rssm.deter=9']) == 2
    assert 'cannot become 9' in capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments, says',
    [
        (
            ['--row', 'bc', 'actor_critic.penalty.alpha=3'],
            "changes nothing: 'bc' does not read it",
        ),
        (['agent=motto'], "unknown agent 'motto'. Did you mean 'moto'"),
    ],
)
def test_show_config_refuses_what_a_run_would(arguments, says, capsys):
    assert main([*arguments, '--show-config']) == 2
    assert says in capsys.readouterr().err


def test_help_lists_every_key_with_default_and_meaning(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--help'])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for key in list_keys(Config()):
        assert f'  {key.name}=' in said
        assert key.about in said
    assert '  actor_critic.discount=0.99: gamma [D]' in said
    assert "  collect.task='': any task" in said
    marks = {mark for key in list_keys(Config()) for mark in re.findall(r'\[([A-Z])\b', key.about)}
    assert marks == {'P', 'D', 'L', 'C'}
    legend = said[said.index('Marks say where') : said.index('  agent=')]
    assert all(f'[{mark}] ' in legend for mark in marks), legend


def test_settings_may_stand_between_the_options(tmp_path, capsys):
    record(tmp_path / 'data', [8])
    out = tmp_path / 'run'
    line = ['--config', 'small', TINY[0], '--data', str(tmp_path / 'data'), TINY[1]]
    assert main([*line, '--out', str(out), *TINY[2:]]) == 0
    said = capsys.readouterr().out
    assert 'done at update 1: ' in said and (out / 'checkpoints' / '00000001').is_dir()
    assert 'compile data' in said and '1/1' in said


def test_an_episode_that_cannot_be_used_is_named(tmp_path, capsys):
    names = record(tmp_path / 'data', [8, 8])
    path = tmp_path / 'data' / 'episodes' / names[1] / 'episode.mcap'
    path.write_bytes(path.read_bytes()[:-50])
    out = str(tmp_path / 'run')
    assert main(['--data', str(tmp_path / 'data'), '--out', out, *TINY]) == 0
    assert f'left out {names[1]}: ' in capsys.readouterr().out
    assert main(['--resume', out, *TINY[1:-1]]) == 0
    assert f'left out {names[1]}: ' in capsys.readouterr().out


def test_a_round_of_fine_tuning_says_what_was_new(tmp_path, capsys):
    data, run = tmp_path / 'data', tmp_path / 'run'
    names = record(data, [8, 9, 8])
    assert main(['--data', str(data), '--out', str(run), *TINY]) == 0
    record(data, [7, 8])
    Dataset.open(data).label(names[1], 'success')
    capsys.readouterr()
    assert main(['--resume', str(run), '--phase', 'finetune', 'train.finetune_updates=1']) == 0
    assert '2 new episodes, 1 new label\n' in capsys.readouterr().out
    assert main(['--resume', str(run), '--phase', 'finetune']) == 0
    assert '0 new episodes, 0 new labels\n' in capsys.readouterr().out


@pytest.mark.parametrize('terminal', [True, False])
def test_the_whole_run_says_how_far_it_is_with_the_time_left(
    tmp_path, capsys, monkeypatch, terminal
):
    monkeypatch.setattr(train_bars, 'EVERY', 0.0)
    monkeypatch.setenv('COLUMNS', '200')
    if terminal:
        monkeypatch.setenv('FORCE_COLOR', '1')  # a terminal to rich
    record(tmp_path / 'data', [8])
    line = ['--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run'), *TINY]
    assert main([*line, 'train.offline_updates=3']) == 0
    said = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', capsys.readouterr().out)
    shown = re.search(r'whole run .* 3/3 .* 0:00:00 left', said)
    told = re.search(r'0:00:00 left, update 3 of 3, offline 3 of 3, model ', said)
    assert (bool(shown), bool(told)) == (terminal, not terminal)
    assert re.search(r'offline .* 3/3 .* model ' if terminal else 'offline 2 of 3, model', said)


def test_data_without_a_success_is_said_aloud_where_the_behaviour_prior_needs_one(
    tmp_path, capsys
):
    record(tmp_path / 'failed', [8], outcome='failure')
    record(tmp_path / 'data', [8], outcome='success')
    for name, setting, said in (
        ('failed', 'actor_critic.actor.beta=10', True),
        ('failed', 'actor_critic.actor.beta=0', False),
        ('data', 'actor_critic.actor.beta=10', False),
    ):
        out = str(tmp_path / f'{name}{setting[-1]}{said}')
        assert main(['--data', str(tmp_path / name), '--out', out, *TINY, setting]) == 0
        assert ('the behaviour prior is empty' in capsys.readouterr().out) == said


@pytest.mark.parametrize('left', ['', '.00000001.new', '00000001'])
def test_a_run_without_a_checkpoint_says_what_to_type_and_that_begins_it_anew(
    tmp_path, capsys, left
):
    """Killed in its first save, which may have failed for want of room; or its one is cut."""
    record(tmp_path / 'data', [8])
    out = tmp_path / 'run'
    start = ['--data', str(tmp_path / 'data'), '--out', str(out), *TINY]
    assert main(start) == 0
    folder = out / 'checkpoints'
    whole = load_learner(out).networks()
    shutil.rmtree(folder / '00000001')
    if left:
        (folder / left).mkdir()
        (folder / left / 'state.pt').write_bytes(b'half')
    assert main(['--resume', str(out)]) == 2
    said = capsys.readouterr().err
    typed = re.search("'moto-train (--config .*)' .* begins the run anew", said)
    if left == '00000001':
        assert 'there is none before it: remove it, then' in said
        shutil.rmtree(folder / left)
    line = typed[1].replace('DATASET', str(tmp_path / 'data')).split()
    assert main(line) == 0
    found = load_learner(out).networks()
    assert all(tiny.same(found[n].state_dict(), whole[n].state_dict()) for n in whole)
    assert [path.name for path in folder.iterdir()] == ['00000001']
    assert main(start) == 2  # it would be begun over what it has
    assert f"'{out}' holds a run already; --resume" in capsys.readouterr().err


def test_a_run_killed_while_its_only_checkpoint_was_replaced_goes_on_from_it(tmp_path, capsys):
    record(tmp_path / 'data', [8])
    out = tmp_path / 'run'
    start = ['--data', str(tmp_path / 'data'), '--out', str(out), *TINY]
    assert main(start) == 0
    folder = out / 'checkpoints'
    (folder / '00000001').rename(folder / '.00000001.old')
    assert main(start) == 2
    assert 'holds a run already' in capsys.readouterr().err
    assert main(['--resume', str(out), 'train.offline_updates=2']) == 0
    assert 'continuing' in capsys.readouterr().out
    assert load_learner(out).updates == 2


@pytest.mark.parametrize(
    'row, says',
    [
        ('bc', 'nothing is imitated, and so nothing is learned until one is'),
        ('dreamer_v2', ''),
        ('sac', ''),
    ],
)
def test_what_a_row_lacks_without_a_success_is_its_own(tmp_path, capsys, row, says):
    record(tmp_path / 'data', [8], outcome='failure')
    line = ['--row', row, '--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run')]
    frames = ['model_free.encoder.padding=1', 'model_free.encoder.channels=[2]']
    frames = TINY[:8] if row == 'dreamer_v2' else frames
    run = [one for one in TINY if one.startswith(('replay', 'train', '--config'))]
    assert main([*line, *frames, *run]) == 0
    said = capsys.readouterr().out
    assert ('no episode of the data is successful' in said) == bool(says) and says in said
    assert 'actor_critic' not in said


def test_a_setting_that_the_row_does_not_read_is_one_line(tmp_path, capsys):
    record(tmp_path / 'data', [8])
    line = ['--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run'), *TINY]
    assert main([*line, 'latent.alpha=2']) == 2
    assert "'latent.alpha=2.0' changes nothing: 'moto' does not read it" in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
    assert main(line) == 0
    assert main(['--resume', str(tmp_path / 'run'), 'model_free.iql.beta=4']) == 2
    assert "'model_free.iql.beta=4.0' changes nothing" in capsys.readouterr().err


def test_a_robots_recordings_are_learned_from_without_a_simulator(tmp_path, capsys):
    record(tmp_path / 'data', [8], outcome='success', task='my-task', source='robot')
    line = ['--data', str(tmp_path / 'data'), *TINY, 'evaluate.every=1']
    assert main([*line, '--out', str(tmp_path / 'one'), '--phase', 'offline']) == 0
    said = capsys.readouterr().out
    assert (
        "nothing is evaluated: the episodes are a robot's" in said and 'done at update 1' in said
    )
    assert main([*line, '--out', str(tmp_path / 'two'), 'train.online_episodes=1']) == 2
    assert 'there is no online phase. --phase offline' in capsys.readouterr().err
    assert main([*line, '--out', str(tmp_path / 'three'), 'collect.task=my-task']) == 2
    assert 'Without a simulator: --phase offline evaluate.every=0' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('setting', 'says'),
    [
        ('collect.view=wide', 'wide'),  # other cameras
        ('collect.actuation=hold', "actuation none and 'd4rl'"),  # other dynamics
        ('collect.task=metaworld-door-open', "MetaWorld's own hand"),  # another action
    ],
)
def test_data_that_do_not_fit_the_simulator_are_refused_before_the_first_update(
    tmp_path, capsys, setting, says
):
    env = small_kitchen()
    for _ in range(4):
        dataset_of(tmp_path / 'data', env, D4RL)
    env.close()
    out = tmp_path / 'run'
    line = ['--data', str(tmp_path / 'data'), '--out', str(out), *TINY, 'train.online_episodes=1']
    assert main([*line, setting]) == 2
    said = capsys.readouterr().err
    assert says in said and len(said.splitlines()) == 1
    assert not (out / 'metrics.jsonl').read_text() and not (out / 'checkpoints').exists()
    assert main([*line, setting, '--phase', 'offline']) == 0  # it needs no simulator


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (['horizon=5'], "unknown key 'horizon'. Did you mean 'actor_critic.horizon'?"),
        (['actor_critic.discount=7'], 'actor_critic.discount is 7; expected above 0, at most 1'),
        (['train.threads=-3'], 'train.threads is -3; expected at least 0'),
        (['model.encoder.channels=[]'], 'model.encoder.channels has 0 entries'),
        (['stray'], "override 'stray' is not 'key=value'"),
        (['seed=${oc.env:HOME}'], 'neither'),
        (['--config', 'smal'], "Did you mean 'small'?"),
    ],
)
def test_a_wrong_setting_is_one_line_and_makes_nothing(tmp_path, capsys, arguments, says):
    record(tmp_path / 'data', [8])
    line = ['--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run'), *arguments]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert said.startswith('moto-train: ') and says in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    'arguments',
    [
        ['train', '--data', 'data', '--out', 'file/run', *TINY],
        ['train', '--data', 'data', '--out', 'file', *TINY],
        ['eval', '--policy', 'zero', '--task', 'kitchen-kettle', '--json', 'file/a.json'],
        ['eval', '--policy', 'zero', '--task', 'kitchen-kettle', '--video', '/proc/no/a.mp4'],
        ['eval', '--policy', 'zero', '--task', 'kitchen-kettle', '--json', 'data'],
        ['data', 'collect', '--task', 'kitchen-kettle', '--episodes', '1', '--out', 'file'],
        ['data', 'collect', '--task', 'kitchen-kettle', '--episodes', '1', '--out', 'file/a'],
        ['data', 'inspect', 'data', '--episode', 'last', '--png', 'file/a.png'],
        ['export', 'run', '--out', 'file'],
        ['export', 'run', '--out', 'bundles', '--name-file', 'file/name'],
        ['demo', '--out', 'file'],
        ['demo', '--out', 'file/demo'],
        ['demo', '--out', '/proc/demo'],
    ],
    ids=' '.join,
)
def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys, arguments):
    record(tmp_path / 'data', [8])
    (tmp_path / 'file').write_text('precious')
    if arguments[0] == 'export':
        line = ['--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run'), *TINY]
        assert main(line) == 0
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    command = importlib.import_module(f'moto_learning.commands.{arguments[0]}')
    assert command.main(arguments[1:]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1, said
    assert re.match(rf"moto-{arguments[0]}.*'(file|/proc|data)", said)
    assert (tmp_path / 'file').read_text() == 'precious'
