import json
import math
import os
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
import yaml

from moto_core.config import to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError, DatasetError
from moto_core.row import Row
from moto_core.spec import Setup
from moto_core.strict_json import read_maps
from moto_learning.commands.sweep_standing import standing_of
from moto_learning.commands.train import main
from moto_learning.run.checkpoint_files import CheckpointError
from moto_learning.run.checkpoints import load_checkpoint, load_learner, save_checkpoint
from moto_learning.run.heldout import ASIDE, Evaluation, HeldOut, read_evaluations
from moto_learning.run.journal import read_journal
from moto_learning.run.lock import RunLockedError
from moto_learning.run.metrics import read_metrics
from moto_learning.run.train import Training, _mean
from moto_learning.run.watch import TrainingError
from moto_sim.episode import ONLINE, learning_seed
from tests.learning import tiny_learner as tiny
from tests.learning.report.written_run import evaluation, write_lines

SETUP = Setup(robot='counter', profile='slow', views={'front': 'paper'})


def record(root, episodes, success=True, seed=0, start=None, reward=1.0):
    """Records episodes of 7 random steps under SETUP, from a start's seed."""
    spec = tiny.spec()
    with Dataset.create_or_open(root, floor=0) as dataset:
        for index in range(episodes):
            random = np.random.default_rng([seed, index])
            header = EpisodeHeader(task='none', source='sim', spec=spec, setup=SETUP, seed=start)
            with dataset.new_episode(header) as writer:
                for t in range(7):
                    action = random.uniform(-1, 1, 2).astype(np.float32)
                    writer.append(
                        Row(
                            stamp=t,
                            images={'front': random.integers(0, 255, (8, 12, 3), np.uint8)},
                            requested=action,
                            executed=action,
                            reward=reward * (t == 6),
                            success=t == 6,
                            is_first=t == 0,
                            is_last=t == 6,
                        )
                    )
                writer.close('success' if success else 'failure')
    return root


IDLE = tiny.config('train.offline_updates=0')


@pytest.fixture
def data(tmp_path):
    return record(tmp_path / 'data', 3)


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / 'tiny.yaml'
    path.write_text(yaml.safe_dump(to_dict(tiny.config())))
    return path


class Simulator:
    """A stand-in for the online phase: episodes of fixed contents by their number."""

    def __init__(self, config, learner, data, root):
        self.root, self.metrics = root, {}

    def collect(self, index):
        from moto_learning.data.cache import cache_episode

        record(self.root, 1, seed=100 + index)
        self.metrics = {'episode/success': 1.0}
        return cache_episode(self.root, Dataset.open(self.root).episodes()[-1], tiny.spec())[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def simulator(monkeypatch):
    monkeypatch.setattr('moto_learning.run.train.OnlineCollector', Simulator)
    monkeypatch.setattr('moto_learning.run.simulator.Simulator.env', lambda self: None)


def networks(run):
    return {name: tiny.weights(net) for name, net in load_learner(run).networks().items()}


def rows(run):
    return [
        {k: v for k, v in row.items() if k not in ('began', 'time', 'cpu')}
        for row in read_metrics(run)
    ]


def test_two_offline_and_two_online_updates_resume_with_the_same_numbers(
    tmp_path, data, preset, simulator
):
    settings = ['train.offline_updates=2', 'train.online_episodes=2', 'train.episode_updates=1']
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    start = ['--config', str(preset), '--data', str(data)]
    assert main([*start, '--out', str(whole), *settings]) == 0
    assert load_learner(whole).updates == 4

    assert (
        main(
            [
                *start,
                '--out',
                str(parts),
                *settings,
                'train.offline_updates=1',
                '--phase',
                'offline',
            ]
        )
        == 0
    )
    assert main(['--resume', str(parts), '--phase', 'offline', 'train.offline_updates=2']) == 0
    assert main(['--resume', str(parts), '--phase', 'online', 'train.online_episodes=1']) == 0
    assert main(['--resume', str(parts), '--phase', 'online', 'train.online_episodes=2']) == 0
    for name, expected in networks(whole).items():
        assert tiny.same(networks(parts)[name], expected), name
    assert rows(parts) == rows(whole)
    assert [row['phase'] for row in rows(whole)] == [
        'offline',
        'offline',
        'episode',
        'online',
        'episode',
        'online',
    ]
    assert load_checkpoint(whole).run['counters'] == load_checkpoint(parts).run['counters']


def test_a_signal_stops_after_the_update_and_the_rest_continues_equally(tmp_path, data):
    config = tiny.config('train.offline_updates=4')
    whole = Training(config, tiny.spec(), [data], tmp_path / 'whole')
    whole.offline()
    whole.close()

    stopped = Training(config, tiny.spec(), [data], tmp_path / 'stopped')

    def stop(phase, done, goal, metrics):
        stopped.stopped = done == 3

    stopped.listener = stop
    stopped.offline()
    stopped.close()
    assert load_learner(tmp_path / 'stopped').updates == 3
    assert main(['--resume', str(tmp_path / 'stopped')]) == 0
    for name, expected in networks(tmp_path / 'whole').items():
        assert tiny.same(networks(tmp_path / 'stopped')[name], expected), name


def test_fine_tuning_takes_in_the_episodes_that_came_since(tmp_path, data, preset):
    run = tmp_path / 'run'
    assert (
        main(
            [
                '--config',
                str(preset),
                '--data',
                str(data),
                '--out',
                str(run),
                'train.offline_updates=2',
            ]
        )
        == 0
    )
    before = networks(run)['actor']
    record(data, 2, success=False, seed=9)
    assert main(['--resume', str(run), '--phase', 'finetune', 'train.finetune_updates=3']) == 0
    checkpoint = load_checkpoint(run)
    assert len(checkpoint.meta['episodes']) == 5 and checkpoint.meta['updates'] == 5
    assert checkpoint.config.train.finetune_updates == 3
    assert not tiny.same(before, networks(run)['actor'])
    assert main(['--resume', str(run), '--phase', 'finetune']) == 0  # a round of 3 again
    assert load_checkpoint(run).meta['updates'] == 8


def test_resuming_offline_says_that_later_episodes_are_not_used(tmp_path, data, preset, capsys):
    run = tmp_path / 'run'
    main(
        [
            '--config',
            str(preset),
            '--data',
            str(data),
            '--out',
            str(run),
            'train.offline_updates=1',
        ]
    )
    record(data, 1, seed=9)
    assert main(['--resume', str(run), 'train.offline_updates=2']) == 0
    assert '1 episodes came later and are not used' in capsys.readouterr().out
    assert len(load_checkpoint(run).meta['episodes']) == 3


def test_a_checkpoint_holds_the_setup_of_the_episodes_that_it_learned_from(tmp_path, data):
    training = Training(IDLE, tiny.spec(), [data], tmp_path / 'run')
    training.offline()
    training.close()
    assert load_checkpoint(tmp_path / 'run').setup == SETUP


def test_the_resolved_config_lies_beside_run_and_checkpoint(tmp_path, data, preset):
    run = tmp_path / 'run'
    main(
        [
            '--config',
            str(preset),
            '--data',
            str(data),
            '--out',
            str(run),
            'train.offline_updates=1',
            'seed=7',
        ]
    )
    checkpoint = load_checkpoint(run)
    for path in (run / 'config.yaml', checkpoint.path / 'config.yaml'):
        assert yaml.safe_load(path.read_text())['seed'] == 7
    assert checkpoint.meta['data'] == [str(data)]
    assert 'git' in checkpoint.meta


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--data', 'DATA', '--out', 'RUN', 'trian.offline_updates=1'], "Did you mean 'train'"),
        (['--data', 'DATA', '--out', 'RUN', '--config', 'smal'], "Did you mean 'small'"),
        (['--data', 'DATA', '--out', 'RUN', 'train'], "'train' is not 'key=value'"),
        (['--data', 'RUN', '--out', 'OTHER'], 'no dataset at'),
        (['--data', 'DATA'], 'needs --data DATASET and --out FOLDER'),
        (['--resume', 'NOWHERE'], 'no checkpoint under'),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(tmp_path, data, capsys, arguments, message):
    named = {
        'DATA': str(data),
        'RUN': str(tmp_path / 'run'),
        'OTHER': str(tmp_path / 'other'),
        'NOWHERE': str(tmp_path / 'nowhere'),
    }
    assert main([named.get(argument, argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1


def test_a_run_is_not_overwritten_and_a_fixed_setting_not_ignored(tmp_path, data, preset, capsys):
    run = str(tmp_path / 'run')
    start = ['--config', str(preset), '--data', str(data), '--out', run, 'train.offline_updates=1']
    assert main(start) == 0
    assert main(start) == 2
    assert 'holds a run already' in capsys.readouterr().err
    assert main(['--resume', run, 'seed=9']) == 2
    assert 'seed is 0 in this run and cannot become 9' in capsys.readouterr().err


def test_an_empty_dataset_and_too_short_a_one_are_refused(tmp_path, capsys):
    with Dataset.create_or_open(tmp_path / 'empty', tiny.spec(), floor=0):
        pass
    assert main(['--data', str(tmp_path / 'empty'), '--out', str(tmp_path / 'run')]) == 2
    assert 'has no episodes' in capsys.readouterr().err
    record(tmp_path / 'short', 1)
    with pytest.raises(DatasetError, match='7 rows'):
        Training(
            tiny.config('replay.length=50'), tiny.spec(), [tmp_path / 'short'], tmp_path / 'run'
        )


def test_a_batch_that_is_not_finite_is_kept_and_many_in_a_row_end_the_run(
    tmp_path, data, monkeypatch
):
    monkeypatch.setattr('moto_learning.run.watch.GIVE_UP', 3)
    training = Training(
        tiny.config('train.offline_updates=9'), tiny.spec(), [data], tmp_path / 'run'
    )
    sample = training.replay.sample

    def broken():
        batch = sample()
        batch['reward'][:] = float('nan')
        return batch

    monkeypatch.setattr(training.replay, 'sample', broken)
    with pytest.raises(TrainingError, match='3 updates in a row'):
        training.offline()
    training.close()
    dumps = sorted((tmp_path / 'run' / 'nonfinite').glob('*.npz'))
    assert [dump.stem for dump in dumps] == ['00000001', '00000002', '00000003']
    with np.load(dumps[0]) as dump:
        assert np.isnan(dump['reward']).all() and dump['image_front'].dtype == np.uint8
    assert training.learner.skipped == 3
    assert [row['update/skipped'] for row in read_metrics(tmp_path / 'run')] == [1, 1, 1]


def test_a_line_of_metrics_leaves_out_updates_that_were_skipped(tmp_path):
    rows = [{'update/skipped': 0.0, 'a': 2.0}, {'update/skipped': 1.0, 'a': float('nan')}]
    assert _mean(rows) == {'update/skipped': 1.0, 'a': 2.0}
    assert math.isnan(_mean(rows[1:])['a'])


def test_metrics_are_json_lines_with_the_losses_of_every_part(tmp_path, data, preset):
    run = tmp_path / 'run'
    main(
        [
            '--config',
            str(preset),
            '--data',
            str(data),
            '--out',
            str(run),
            'train.offline_updates=3',
            'train.log_every=2',
        ]
    )
    lines = [json.loads(line) for line in (run / 'metrics.jsonl').read_text().splitlines()]
    assert [line['update'] for line in lines] == [2, 3]
    assert {'model/loss', 'actor/behaviour', 'critics/data_loss'} <= set(lines[0])


def test_a_run_is_trained_by_one_process_at_a_time_and_the_second_names_the_first(
    tmp_path, data, preset, capsys
):
    run = tmp_path / 'run'
    training = Training(tiny.config('train.offline_updates=1'), tiny.spec(), [data], run)
    training.offline()
    with pytest.raises(RunLockedError, match=f'another process .pid {os.getpid()} on '):
        Training(training.config, tiny.spec(), [data], run, resumed=load_checkpoint(run))
    assert main(['--resume', str(run)]) == 2
    error = capsys.readouterr().err
    assert f'pid {os.getpid()}' in error and len(error.strip().splitlines()) == 1
    training.close()
    assert main(['--resume', str(run)]) == 0
    assert main(['--resume', str(run)]) == 0  # given back by the command too


def test_a_run_that_could_not_start_gives_its_lock_back(tmp_path, data):
    with pytest.raises(DatasetError, match='7 rows|21 rows'):
        Training(tiny.config('replay.length=50'), tiny.spec(), [data], tmp_path / 'run')
    Training(tiny.config(), tiny.spec(), [data], tmp_path / 'run').close()


def test_weights_are_saved_every_so_many_updates_and_not_after_each_episode(
    tmp_path, data, simulator, monkeypatch
):
    saved = []
    real = save_checkpoint

    def count(run, learner, state, config, spec, meta, keep):
        saved.append((meta['updates'], meta['counters']['episodes']))
        return real(run, learner, state, config, spec, meta, keep)

    monkeypatch.setattr('moto_learning.run.train.save_checkpoint', count)
    settings = ['train.online_episodes=6', 'train.episode_updates=1', 'train.save_every=4']
    run = tmp_path / 'run'
    training = Training(tiny.config(*settings), tiny.spec(), [data], run)
    training.online()
    training.close()
    assert saved == [(0, 0), (4, 4), (6, 6)]
    entries = [json.loads(line) for line in (run / 'episodes.jsonl').read_text().splitlines()]
    assert [(entry['index'], entry['update']) for entry in entries] == [(i, i) for i in range(6)]
    assert [entry['id'] for entry in entries] == list(training.replay.episodes[3:])


def test_milestones_by_updates_and_by_episodes_stay(tmp_path, data, simulator):
    settings = [
        'train.offline_updates=3',
        'train.online_episodes=4',
        'train.episode_updates=2',
        'train.keep=1',
        'train.milestone_updates=[2]',
        'train.milestone_episodes=[1,2]',
    ]
    run = tmp_path / 'run'
    training = Training(tiny.config(*settings), tiny.spec(), [data], run)
    training.offline()
    training.online()
    training.close()
    kept = sorted(path.name for path in (run / 'checkpoints').iterdir())
    assert [int(name) for name in kept] == [2, 3 + 2, 3 + 4, 3 + 8]
    counted = [load_checkpoint(run / 'checkpoints' / n).meta['counters']['episodes'] for n in kept]
    assert counted == [0, 1, 2, 4]


def test_the_end_of_the_offline_phase_is_a_milestone_and_what_was_stopped_before_it_is_none(
    tmp_path, data, simulator
):
    settings = [
        'train.offline_updates=3',
        'train.online_episodes=2',
        'train.episode_updates=2',
        'train.keep=1',
        'train.milestone_episodes=[0,1]',
    ]
    run = tmp_path / 'run'
    stopped = Training(tiny.config(*settings), tiny.spec(), [data], run)
    stopped.listener = lambda phase, done, goal, metrics: setattr(stopped, 'stopped', done == 2)
    stopped.offline()
    stopped.online()
    stopped.close()
    assert load_checkpoint(run).meta['updates'] == 2 and not load_checkpoint(run).meta['kept']
    assert main(['--resume', str(run)]) == 0
    kept = sorted(int(path.name) for path in (run / 'checkpoints').iterdir())
    assert kept == [3, 3 + 2, 3 + 4]


def test_a_resumed_runs_first_line_averages_the_updates_before_the_stop_too(tmp_path, data):
    settings = ['train.offline_updates=6', 'train.log_every=3']
    whole = Training(tiny.config(*settings), tiny.spec(), [data], tmp_path / 'whole')
    whole.offline()
    whole.close()
    run = tmp_path / 'run'
    stopped = Training(tiny.config(*settings), tiny.spec(), [data], run)
    stopped.listener = lambda phase, done, goal, metrics: setattr(stopped, 'stopped', done == 4)
    stopped.offline()
    stopped.close()
    assert main(['--resume', str(run)]) == 0
    assert rows(run) == rows(tmp_path / 'whole')


def test_a_round_of_fine_tuning_takes_changed_labels_too(tmp_path, data):
    training = Training(tiny.config(), tiny.spec(), [data], tmp_path / 'run')
    assert training.take_new_episodes() == (0, 0)
    assert all(training.replay.sample()['bc_mask'].all() for _ in range(5))
    dataset = Dataset.open(data)
    for episode in dataset.episodes():
        dataset.label(episode.id, 'failure')
    record(data, 1, success=False, seed=9)
    assert training.take_new_episodes() == (1, 3)
    assert not any(training.replay.sample()['bc_mask'].any() for _ in range(5))
    training.close()


def test_a_round_says_what_was_new_once_and_a_stopped_one_goes_on(tmp_path, data):
    training = Training(tiny.config(), tiny.spec(), [data], tmp_path / 'run')
    first = Dataset.open(data).episodes()[0]
    Dataset.open(data).label(first.id, 'failure')
    record(data, 1, success=False, seed=9)
    assert training.begin_round() == (1, 1)
    assert training.begin_round() is None
    training.finetune()
    assert training.begin_round() == (0, 0)
    training.close()


def test_a_checkpoint_of_another_spec_than_the_data_is_refused(tmp_path, data):
    run = tmp_path / 'run'
    training = Training(IDLE, tiny.spec(), [data], run)
    training.offline()
    training.close()
    other = replace(tiny.spec(), rate=5.0)
    with pytest.raises(DatasetError, match='of two robots: rate 5.0 and 12.5'):
        Training(IDLE, other, [data], run, resumed=load_checkpoint(run))


@pytest.mark.parametrize(
    'change',
    [
        lambda run: run.pop('counters'),
        lambda run: run['counters'].update(offline='one'),
        lambda run: run['counters'].update(online=-1),
        lambda run: run['counters'].update(more=1),
        lambda run: run.update(replay=[]),
        lambda run: run['replay'].pop('random'),
        lambda run: run['replay'].update(outcomes=['success']),
        lambda run: run['replay']['random'].update(state=3),
        lambda run: run.update(recent=[{'model/loss': 1.0}]),
        lambda run: run.update(lines='all'),
    ],
)
def test_a_run_state_of_wrong_contents_is_one_line(tmp_path, data, change):
    run = tmp_path / 'run'
    training = Training(IDLE, tiny.spec(), [data], run)
    training.offline()
    training.close()
    checkpoint = load_checkpoint(run)
    change(checkpoint.run)
    with pytest.raises(CheckpointError, match='does not hold') as error:
        Training(IDLE, tiny.spec(), [data], run, resumed=checkpoint)
    assert len(str(error.value).splitlines()) == 1
    Training(IDLE, tiny.spec(), [data], run, resumed=load_checkpoint(run)).close()


def test_one_checkpoint_is_no_run_to_resume(tmp_path, data, preset, capsys):
    run = tmp_path / 'run'
    training = Training(IDLE, tiny.spec(), [data], run)
    training.offline()
    training.close()
    assert main(['--resume', str(run / 'checkpoints' / '00000000')]) == 2
    assert 'is one checkpoint' in capsys.readouterr().err


def test_data_without_any_reward_is_said_aloud_and_how_to_label_it(tmp_path, data, preset, capsys):
    bare = tmp_path / 'bare'
    ids = [label_only(bare, seed) for seed in range(3)]
    start = ['--config', str(preset), '--data', str(bare), 'train.offline_updates=1']
    assert main([*start, '--out', str(tmp_path / 'one')]) == 0
    said = capsys.readouterr().out
    assert 'no row of the data has a reward' in said
    assert f'moto-data label {bare} EPISODE success' in said
    Dataset.open(bare).label(ids[0], 'success')
    assert main([*start, '--out', str(tmp_path / 'two')]) == 0
    assert 'has a reward' not in capsys.readouterr().out


@pytest.fixture
def openings(monkeypatch):
    """The folders that are opened as datasets."""
    found, real = [], Dataset.__init__

    def told(self, root, *rest):
        found.append(root)
        real(self, root, *rest)

    monkeypatch.setattr(Dataset, '__init__', told)
    return found


def test_a_copied_dataset_is_opened_and_read_once_by_a_run_which_says_so(
    tmp_path, data, preset, openings, capsys
):
    many, copy, run = tmp_path / 'many', tmp_path / 'copy', tmp_path / 'run'
    record(many, 10)
    shutil.copytree(many, copy, copy_function=shutil.copyfile)
    openings.clear()
    start = ['--config', str(preset), 'train.offline_updates=1', '--data', str(data)]
    assert main([*start, '--data', str(copy), '--out', str(run)]) == 0
    assert openings == [data, copy]
    said = capsys.readouterr().out
    assert f'{copy}: 10 episodes were read whole' in said
    assert f"'moto-data compile {copy}' keeps what was read" in said
    openings.clear()
    assert main(['--resume', str(run), '--phase', 'finetune', 'train.finetune_updates=1']) == 0
    assert openings == [data, copy]


def test_a_round_takes_in_what_was_recorded_after_the_datasets_were_opened(tmp_path, data):
    training = Training(IDLE, tiny.spec(), [Dataset.open(data)], tmp_path / 'run')
    assert training.begin_round() == (0, 0)
    record(data, 1, seed=7)
    known = Dataset.open(data).episodes()[0].id
    Dataset.open(data).label(known, 'failure')
    training.counters.finetune = training.counters.finetune_goal
    assert training.begin_round() == (1, 1)
    training.close()


def test_data_that_cannot_be_used_leaves_no_folder_of_a_run(tmp_path, preset, data, capsys):
    Dataset.create_or_open(tmp_path / 'empty').close()
    start = ['--config', str(preset), '--data', str(data), '--out', str(tmp_path / 'run')]
    for name, text in (('empty', 'has no episodes'), ('nowhere', 'no dataset at')):
        assert main([*start, '--data', str(tmp_path / name)]) == 2
        assert text in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_a_simulators_data_without_reward_is_not_said_to_need_labels(tmp_path, preset, capsys):
    """A label changes no reward of a simulator's episode (moto_learning/data/rewards.py)."""
    bare, robots = tmp_path / 'bare', tmp_path / 'robots'
    record(bare, 2, reward=0.0)
    label_only(robots, 0)
    start = ['--config', str(preset), 'train.offline_updates=1', '--data', str(bare)]
    assert main([*start, '--out', str(tmp_path / 'one')]) == 0
    said = capsys.readouterr().out
    assert 'no row of the data has a reward' in said
    assert "simulator's" in said and 'moto-data collect' in said and 'moto-data label' not in said
    assert main([*start, '--data', str(robots), '--out', str(tmp_path / 'two')]) == 0
    said = capsys.readouterr().out
    assert "simulator's" in said and f'moto-data label {robots} EPISODE success' in said


def test_a_run_killed_in_its_first_online_episode_can_be_resumed(tmp_path, data, simulator):
    run = tmp_path / 'run'
    training = Training(tiny.config('train.offline_updates=1'), tiny.spec(), [data], run)
    training.offline()
    training.close()
    Dataset.create_or_open(run / 'dataset', tiny.spec(), floor=0).close()
    settings = ['train.online_episodes=1', 'train.episode_updates=1']
    assert main(['--resume', str(run), '--phase', 'online', *settings]) == 0
    assert load_checkpoint(run).run['counters']['online'] == 1


def label_only(root, seed):
    """Records a robot's episode of 7 random rows, no reward, not labelled; returns its id."""
    spec, random = tiny.spec(), np.random.default_rng(seed)
    with Dataset.create_or_open(root, floor=0) as dataset:
        header = EpisodeHeader(task='none', source='robot', spec=spec)
        with dataset.new_episode(header) as writer:
            for t in range(7):
                action = random.uniform(-1, 1, 2).astype(np.float32)
                image = random.integers(0, 255, (8, 12, 3), np.uint8)
                writer.append(
                    Row(stamp=t, images={'front': image}, requested=action, executed=action)
                )
            writer.close('unlabelled')
    return header.id


def test_what_a_killed_or_full_start_left_is_cleared_at_the_next_start(tmp_path, data):
    run = tmp_path / 'run'
    training = Training(IDLE, tiny.spec(), [data], run)
    training.offline()
    training.close()
    for name in ('.00000000.old', '.00000010.new'):
        (run / 'checkpoints' / name).mkdir()
    Training(IDLE, tiny.spec(), [data], run, resumed=load_checkpoint(run)).close()
    assert [path.name for path in (run / 'checkpoints').iterdir()] == ['00000000']


def test_an_uncounted_episode_of_the_run_is_set_aside_and_others_stay(tmp_path, data, capsys):
    """A kill leaves the next online episode, by its start; somebody merges one in beside it."""
    run = tmp_path / 'run'
    training = Training(tiny.config('train.offline_updates=1'), tiny.spec(), [data], run)
    training.offline()
    training.close()
    mine = run / 'dataset'
    record(mine, 1)
    (foreign,) = [episode.id for episode in Dataset.open(mine).episodes()]
    record(mine, 1, start=learning_seed(ONLINE, training.config.seed, 0))
    (killed,) = [e.id for e in Dataset.open(mine).episodes() if e.id != foreign]
    assert main(['--resume', str(run), '--phase', 'finetune', 'train.finetune_updates=1']) == 0
    assert f'set aside {killed}: ' in capsys.readouterr().out
    assert [episode.id for episode in Dataset.open(mine).episodes()] == [foreign]
    assert (mine / 'quarantine' / killed / 'REASON').exists()
    assert load_checkpoint(run).run['replay']['episodes'][-1] == foreign


@pytest.fixture
def gone_back(tmp_path, data, preset, simulator):
    """A run of four online episodes whose checkpoint after the second is the last one left."""
    run = tmp_path / 'run'
    start = ['--config', str(preset), '--data', str(data), '--out', str(run)]
    settings = ['train.offline_updates=0', 'train.online_episodes=4', 'train.episode_updates=1']
    assert main([*start, *settings, 'train.save_every=2', 'train.keep=9']) == 0
    shutil.rmtree(run / 'checkpoints' / '00000004')
    return run


def learned(run):
    """The online episodes that a run's last checkpoint has learned from, in order."""
    return load_checkpoint(run).run['replay']['episodes'][3:]


SLOWER = 'actor_critic.critic.optimizer.rate=1e-6'


def test_a_run_that_goes_back_and_on_with_other_settings_collects_its_own_episodes(
    gone_back, capsys
):
    first = [entry.id for entry in read_journal(gone_back)]
    mine = gone_back / 'dataset'
    found = [evaluation(100 * n, n, updates=n) for n in (2, 4)]
    write_lines(gone_back / 'evaluations.jsonl', found)
    assert main(['--resume', str(gone_back), SLOWER]) == 0
    assert [one.updates for one in read_evaluations(gone_back)] == [2]
    said = capsys.readouterr().out
    assert learned(gone_back)[:2] == first[:2] and len(learned(gone_back)) == 4
    for episode in first[2:]:  # none is lost
        assert f'set aside {episode}: the run went back to before this episode' in said
        assert (mine / 'quarantine' / episode / 'REASON').exists()
    there = [record.id for record in Dataset.open(mine).episodes()]
    assert sorted(there) == sorted(learned(gone_back))
    shutil.rmtree(gone_back / 'checkpoints' / '00000004')
    assert main(['--resume', str(gone_back), SLOWER]) == 0  # killed: the same settings
    assert sorted(learned(gone_back)) == sorted(there)


def test_a_run_that_goes_back_and_on_as_it_was_meets_its_episodes_again(gone_back):
    first = [entry.id for entry in read_journal(gone_back)]
    longer = ['train.online_episodes=5', 'train.save_every=3', 'train.log_every=2']
    harmless = ['train.divergence=0', 'evaluate.episodes=3']
    settings = read_journal(gone_back)[0].settings
    found = evaluation(400, 4, updates=4, settings=settings)
    write_lines(gone_back / 'evaluations.jsonl', [found])
    assert main(['--resume', str(gone_back), *longer, *harmless]) == 0
    assert [one.updates for one in read_evaluations(gone_back)] == [4]
    assert learned(gone_back)[:4] == first and len(learned(gone_back)) == 5


@pytest.fixture
def stranded(gone_back):
    """A run of four online episodes that has lost its checkpoints, and how it is begun anew."""
    shutil.rmtree(gone_back / 'checkpoints')
    config, data = gone_back / 'config.yaml', gone_back.parent / 'data'
    return gone_back, ['--config', str(config), '--data', str(data), '--out', str(gone_back)]


def test_a_run_that_lost_its_checkpoints_begins_anew_and_meets_its_episodes_again(stranded):
    run, line = stranded
    first, metrics = [entry.id for entry in read_journal(run)], rows(run)
    assert main(line) == 0
    assert learned(run) == first == [entry.id for entry in read_journal(run)]
    assert rows(run) == metrics


def test_a_run_begun_anew_with_other_settings_would_strand_what_was_collected_and_is_refused(
    stranded, capsys
):
    run, line = stranded
    before = sorted(run.rglob('*')), (run / 'config.yaml').read_bytes()
    assert main([*line, SLOWER]) == 2
    said = capsys.readouterr().err
    assert 'has no checkpoint, but 4 episodes that it collected under other settings' in said
    assert f"move '{run}/dataset' elsewhere" in said and said.count('\n') == 1
    assert (sorted(run.rglob('*')), (run / 'config.yaml').read_bytes()) == before
    (run / 'dataset').rename(run.parent / 'moved')
    assert main([*line, SLOWER, '--data', str(run.parent / 'moved')]) == 0
    assert len(load_checkpoint(run).run['replay']['episodes']) == 3 + 4 + 4


def test_a_resume_that_is_refused_leaves_the_settings_as_they_were(gone_back, monkeypatch):
    before = (gone_back / 'config.yaml').read_bytes()

    def refused(self, phase):
        raise ConfigError('it does not fit')

    with monkeypatch.context() as patch:
        patch.setattr(Training, 'prepare', refused)
        assert main(['--resume', str(gone_back), SLOWER]) == 2
    assert (gone_back / 'config.yaml').read_bytes() == before
    assert main(['--resume', str(gone_back), SLOWER]) == 0
    assert (gone_back / 'config.yaml').read_bytes() != before
    newest = load_checkpoint(gone_back).path
    assert (gone_back / 'config.yaml').read_bytes() == (newest / 'config.yaml').read_bytes()


def test_a_run_that_goes_back_offline_makes_its_own_evaluations(
    tmp_path, data, preset, simulator, monkeypatch
):
    monkeypatch.setattr(HeldOut, '_evaluate', evaluated)
    monkeypatch.setattr(Training, 'prepare', lambda self, phase: None)
    run = tmp_path / 'run'
    settings = ['train.offline_updates=4', 'train.save_every=2', 'train.keep=9']
    start = ['--config', str(preset), '--data', str(data), '--out', str(run), *settings]
    assert main([*start, 'evaluate.every=2', 'evaluate.episodes=1']) == 0
    (first,) = read_evaluations(run)
    shutil.rmtree(run / 'checkpoints' / '00000004')
    with monkeypatch.context() as patch:
        patch.setattr(HeldOut, 'measure', killed)
        with pytest.raises(Killed):
            main(['--resume', str(run), 'model.optimizer.rate=1e-6'])
    assert not standing_of(run).finished(load_checkpoint(run).config)
    assert main(['--resume', str(run)]) == 0
    (second,) = read_evaluations(run)
    assert second.updates == first.updates and second.settings != first.settings
    assert second.policy != first.policy
    assert standing_of(run).finished(load_checkpoint(run).config)
    assert [line['policy'] for line in read_maps(run / ASIDE)] == [first.policy]


def evaluated(self, point, policy, listener):
    """An evaluation as if the simulator had been there."""
    line = evaluation(0, 0, policy=policy.hash, settings=self.settings[0])
    return Evaluation(**{**line, **asdict(point)})


class Killed(BaseException):
    """The end of a process."""


def killed(*_, **__):
    raise Killed


def test_settings_given_to_a_run_that_is_killed_at_once_are_the_runs(gone_back, monkeypatch):
    before = [entry.id for entry in read_journal(gone_back)]
    with monkeypatch.context() as patch:
        patch.setattr(Training, '_update', killed)
        with pytest.raises(Killed):
            main(['--resume', str(gone_back), '--phase', 'online', SLOWER])
    (own,) = {entry.id for entry in read_journal(gone_back)} - set(before)
    assert main(['--resume', str(gone_back)]) == 0
    assert load_checkpoint(gone_back).config.actor_critic.critic.optimizer.rate == 1e-6
    assert learned(gone_back)[2] == own
    aside = {path.name for path in (gone_back / 'dataset' / 'quarantine').iterdir()}
    assert aside == set(before[2:])


def test_an_online_phase_may_begin_twice_after_going_back(gone_back, data):
    checkpoint = load_checkpoint(gone_back)
    config = tiny.config(SLOWER, 'train.offline_updates=0', 'train.online_episodes=2')
    training = Training(config, checkpoint.spec, [data], gone_back, resumed=checkpoint)
    training.online()
    assert len(training.discarded) == 2
    training.online()
    training.close()


def test_a_program_that_has_gained_a_setting_meets_the_episodes_of_a_run(gone_back, monkeypatch):
    first = [entry.id for entry in read_journal(gone_back)]
    (name,) = {entry.settings for entry in read_journal(gone_back)}
    monkeypatch.setattr('moto_learning.run.resume.learning_hash', lambda config: 'another')
    assert main(['--resume', str(gone_back), 'train.online_episodes=5']) == 0
    assert learned(gone_back)[:4] == first
    assert {entry.settings for entry in read_journal(gone_back)} == {name}
    assert load_checkpoint(gone_back).meta['settings'] == name


def test_a_round_of_fine_tuning_takes_in_what_was_collected_under_any_settings(gone_back):
    first = [entry.id for entry in read_journal(gone_back)]
    tune = ['--phase', 'finetune', 'train.finetune_updates=1']
    left = evaluation(400, 4, updates=4, settings=read_journal(gone_back)[0].settings)
    write_lines(gone_back / 'evaluations.jsonl', [left])
    assert main(['--resume', str(gone_back), *tune, SLOWER]) == 0
    assert sorted(learned(gone_back)) == sorted(first)
    assert not read_evaluations(gone_back)
    assert main(['--resume', str(gone_back), '--phase', 'online']) == 0
    assert len(learned(gone_back)) == 6 and set(first) < set(learned(gone_back))


def test_episodes_of_a_journal_without_settings_are_the_runs(gone_back):
    path = gone_back / 'episodes.jsonl'
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    first = [entry['id'] for entry in lines]
    for entry in lines:
        del entry['settings']
    path.write_text(''.join(json.dumps(entry) + '\n' for entry in lines))
    assert main(['--resume', str(gone_back), SLOWER]) == 0
    assert learned(gone_back) == first


@pytest.mark.parametrize(('g', 'updates'), [(1, [1, 1, 1]), (5, [5, 5, 5])])
def test_another_number_of_updates_an_episode_holds_for_the_episodes_to_come(
    tmp_path, data, preset, simulator, g, updates
):
    run = tmp_path / 'run'
    start = ['--config', str(preset), '--data', str(data), '--out', str(run)]
    settings = ['train.offline_updates=0', 'train.log_every=1']
    online = ['train.online_episodes=2', 'train.episode_updates=3']
    assert main([*start, *settings, *online]) == 0
    more = ['train.online_episodes=5', f'train.episode_updates={g}']
    assert main(['--resume', str(run), '--phase', 'online', *more]) == 0
    phases = ''.join('E' if row['phase'] == 'episode' else 'u' for row in rows(run))
    assert phases == 'Euuu' * 2 + ''.join('E' + 'u' * count for count in updates)


def test_a_link_in_the_place_of_the_runs_settings_is_not_followed(tmp_path, data):
    run, outside = tmp_path / 'run', tmp_path / 'precious.yaml'
    outside.write_text('mine')
    run.mkdir()
    (run / 'config.yaml').symlink_to(outside)
    Training(IDLE, tiny.spec(), [data], run).close()
    assert outside.read_text() == 'mine'
    assert 'offline_updates' in (run / 'config.yaml').read_text()


def test_a_model_that_does_not_fit_into_memory_is_one_line(
    tmp_path, data, preset, capsys, monkeypatch
):
    def too_large(config, spec, device):
        return torch.empty(1 << 60)

    monkeypatch.setattr('moto_learning.run.train.make_learner', too_large)
    start = ['--config', str(preset), '--data', str(data), '--out', str(tmp_path / 'run')]
    assert main(start) == 2
    said = capsys.readouterr().err
    assert 'does not fit into memory' in said and len(said.strip().splitlines()) == 1


def test_training_in_which_no_update_was_finite_is_an_error(tmp_path, data, preset, capsys):
    start = ['--config', str(preset), '--data', str(data), '--out', str(tmp_path / 'run')]
    assert main([*start, 'train.offline_updates=2', 'actor_critic.penalty.alpha=1e300']) == 2
    assert 'none of 2 updates had finite gradients' in capsys.readouterr().err
