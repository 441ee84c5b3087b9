"""moto-measure: every checkpoint of a run, its bound and its gap, as JSON."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from moto_core.episodes.dataset import Dataset
from moto_core.spec import Setup
from moto_learning.commands.measure import main
from moto_learning.data.sources import read_episodes
from moto_learning.report.expert_actions import expert_disagreement
from moto_learning.report.measure import TaskData, _return_over, measure_run, penalty_weight
from moto_learning.run.checkpoints import checkpoints_of, load_learner, save_checkpoint
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.learning import tiny_pixels as pixels
from tests.learning.agents import by_hand_rows
from tests.recorded import record, tiny_spec

SPEC = tiny_spec(proprioception=())


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Two checkpoints of a tiny MOTO; the second one was evaluated twice."""
    folder = tmp_path_factory.mktemp('measured')
    record(folder / 'data', [9, 8], SPEC, success=True, reward=1.0)
    record(folder / 'data', [6], SPEC, task='kitchen-kettle', reward=3.0)  # fails
    record(folder / 'held', [10], SPEC, success=True, reward=2.0)
    config = tiny.config(
        'train.offline_updates=3', 'train.milestone_updates=[2]', 'actor_critic.penalty.alpha=4'
    )
    training = Training(config, SPEC, [folder / 'data'], folder / 'run')
    training.offline()
    training.close()
    lines = [
        {'updates': 3, 'episodes': 0, 'decisions': 0, 'explore': explore, 'seed': 1, 'starts': 4}
        | {'successes': 3, 'return_': value, 'length': 8.0, 'disagreement': 0.1, 'seconds': 1.0}
        for explore, value in (('mode', 2.5), ('sample', 9.0))
    ]
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (folder / 'run/evaluations.jsonl').write_text(text)
    return folder / 'run'


def test_every_checkpoint_has_its_disagreement_bound_and_gap(run):
    told = []
    found = measure_run(run, listener=lambda done, goal: told.append((done, goal)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert (found.horizon, found.expert.episodes) == (3, 2)
    assert found.expert.return_ == pytest.approx(8.5) and found.expert.decisions == 7.5
    assert [point.updates for point in found.points] == [2, 3]
    episodes = read_episodes([run.parent / 'data']).episodes
    for point, place in zip(found.points, checkpoints_of(run)):
        expected = expert_disagreement(load_learner(place), episodes[:2], 3).mean
        assert point.eps_u == pytest.approx(expected) and point.alpha == 4
        assert point.bound == pytest.approx(2 * 4 * expected)
        assert len(point.by_step) == 3
    assert found.points[0].gaps == []
    gaps = {gap.explore: gap for gap in found.points[1].gaps}
    # after 8 decisions: nine rows of 1, and eight whose last counts once more
    assert gaps['mode'].gap == pytest.approx(9.0 - 2.5) and gaps['mode'].success == 0.75
    assert gaps['sample'].gap == pytest.approx(9.0 - 9.0)
    for gap in gaps.values():
        assert gap.decisions == 8.0 and gap.bound == pytest.approx(8.0 * found.points[1].bound)


def test_evaluations_of_settings_that_the_run_has_left_make_no_gap(run):
    file = run / 'evaluations.jsonl'
    before = file.read_text()
    left = json.loads(before.splitlines()[0]) | {'settings': 'others', 'return_': 80.0}
    try:
        file.write_text(before + json.dumps(left) + '\n')
        ways = [gap.explore for gap in measure_run(run).points[1].gaps]
    finally:
        file.write_text(before)
    assert ways == ['mode', 'sample']


@pytest.mark.parametrize('decisions, return_', [(1, 1.0), (2, 3.0), (3, 5.0), (6, 11.0)])
def test_a_demonstration_that_ends_early_goes_on_with_its_last_reward(decisions, return_):
    assert _return_over(decisions, np.array([0.0, 1.0, 2.0])) == return_


def test_rewards_are_promised_by_task(run):
    reward = measure_run(run).points[0].reward
    assert {task: found['data_max'] for task, found in reward.items()} == {
        'kitchen-kettle': 3.0,
        'kitchen-microwave': 1.0,
    }
    assert reward['kitchen-kettle']['steps'] == 6 * 3


def test_what_the_policy_had_earned_itself_by_a_checkpoint_counts_as_the_datas_maximum(
    run, tmp_path
):
    copy = shutil.copytree(run, tmp_path / 'run')
    record(copy / 'dataset', [5], SPEC, reward=4.0)
    reward = measure_run(copy).points[0].reward
    assert reward['kitchen-microwave']['data_max'] == 1.0, 'it came after the checkpoint'
    (own,) = read_episodes([copy / 'dataset']).episodes
    data = TaskData(episodes=[], data_max=1.0, own=[own])
    assert data.known_max({'another'}) == 1.0
    assert data.known_max({own.id, 'another'}) == 4.0
    assert measure_run(copy).expert.episodes == 2


def test_demonstrations_of_another_task_or_setup_are_refused(run, tmp_path, capsys):
    record(tmp_path / 'other', [5], SPEC, success=True, task='kitchen-slide_cabinet')
    assert main([str(run), '--data', str(tmp_path / 'other')]) == 2
    assert "task is 'kitchen-slide_cabinet', and the run learned kitchen-kettle, kitchen-mic" in (
        capsys.readouterr().err
    )
    recorded = Setup(robot='kitchen_sim', actuation='hold', views={'front': 'front'})
    record(tmp_path / 'data', [5], SPEC, success=True, setup=recorded)
    training = Training(
        tiny.config('train.offline_updates=1'), SPEC, [tmp_path / 'data'], tmp_path / 'run'
    )
    training.offline()
    training.close()
    record(tmp_path / 'fast', [5], SPEC, success=True, setup=replace(recorded, actuation='d4rl'))
    assert main([str(tmp_path / 'run'), '--data', str(tmp_path / 'fast')]) == 2
    assert "of two robots (the run's first): actuation 'hold' and 'd4rl'" in (
        capsys.readouterr().err
    )
    assert main([str(tmp_path / 'run')]) == 0


def test_held_out_demonstrations_and_another_horizon_can_be_given(run, tmp_path):
    found = measure_run(run, [run.parent / 'held'], horizon=2)
    assert (found.horizon, found.expert.episodes, found.expert.return_) == (2, 1, 20.0)
    assert found.points[0].gaps == [] and list(found.points[0].reward) == ['kitchen-microwave']
    assert measure_run(run, horizon=9).points[0].eps_u is None


def test_of_many_episodes_some_are_drawn_and_the_maximum_is_of_all(run, tmp_path):
    # every other episode has a reward of 1, those between 2: evenly spaced ones would be alike
    for index in range(6):
        record(tmp_path / 'data', [9], SPEC, success=True, reward=1.0 + index % 2)
    drawn = [measure_run(run, [tmp_path / 'data'], most=3, seed=seed) for seed in (0, 0, 1, 2)]
    assert [found.expert.episodes for found in drawn] == [3] * 4
    assert drawn[0] == drawn[1] and len({found.expert.return_ for found in drawn}) > 1
    for found in drawn:
        assert found.points[0].reward['kitchen-microwave']['data_max'] == 2.0
        assert found.points[0].reward['kitchen-microwave']['steps'] == 3 * 9 * 3


def test_the_command_prints_a_table_and_writes_json(run, tmp_path, capsys):
    path = tmp_path / 'bound.json'
    assert main([str(run), '--episodes', '1', '--json', str(path)]) == 0
    found = json.loads(path.read_text())
    expert = found['expert']['return_']
    assert expert in (8.0, 9.0)  # the one that was drawn
    assert [point['updates'] for point in found['points']] == [2, 3]
    assert found['points'][1]['gaps'][0]['gap'] == pytest.approx(9.0 - 2.5)
    assert found['points'][0]['reward']['kitchen-microwave']['data_max'] == 1.0
    said = capsys.readouterr().out
    assert 'eps_u' in said and 'mode 6.5 of ' in said and 'kitchen-kettle' in said
    assert 'no eps_u' not in said
    lines = [line.split('\u2503')[1:-1] for line in said.splitlines() if '\u2503' in line]
    assert [' '.join(' '.join(head).split()) for head in zip(*lines)] == [
        'updates',
        'episodes',
        'eps_u a decision',
        'gap of 2 alpha eps_u return an episode',
        'predicted, data reward a decision',
    ]


def test_a_horizon_that_no_episode_has_is_said_and_none_is_refused(run, capsys):
    assert main([str(run), '--horizon', '9']) == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert 'no eps_u: no expert episode has H = 9 decisions in a row' in said
    assert '(they have 8 on average)' in said  # 8 and 7 decisions: 7.5
    assert main([str(run), '--horizon', '0']) == 2
    assert "argument --horizon: '0' is not a whole number of at least 1" in capsys.readouterr().err


def test_a_row_without_a_world_model_is_refused_before_its_data_is_compiled(tmp_path, capsys):
    record(tmp_path / 'data', [9], SPEC, success=True)
    learner = pixels.learner('bc')
    meta = {'updates': 0, 'data': [str(tmp_path / 'data')], 'episodes': []}
    save_checkpoint(tmp_path / 'run', learner.state_dict(), {}, learner.config, learner.spec, meta)
    before = sorted(tmp_path.rglob('*'))
    assert main([str(tmp_path / 'run')]) == 2
    assert "has agent 'bc', which has no world model" in capsys.readouterr().err
    assert sorted(tmp_path.rglob('*')) == before


def test_what_cannot_be_measured_is_one_line(run, tmp_path, capsys):
    record(tmp_path / 'failed', [9], SPEC, reward=0.0)
    record(tmp_path / 'other', [9], tiny_spec(), success=True)
    for arguments, said in (
        ([str(tmp_path)], 'no checkpoint under'),
        ([str(run), '--data', str(tmp_path / 'failed')], 'is successful'),
        ([str(run), '--data', str(tmp_path / 'other')], 'are of two robots'),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error and error.count('\n') == 1, error


def test_the_penalty_costs_alpha_or_its_multiple_or_nothing():
    assert penalty_weight(tiny.agent('actor_critic.penalty.alpha=4')) == 4
    relative = tiny.agent('actor_critic.penalty.alpha=4', 'actor_critic.penalty.relative=true')
    relative.usual.follow(torch.tensor(0.5))
    assert penalty_weight(relative) == 8
    assert penalty_weight(by_hand_rows.learner('dreamer_v2')) == 0


def test_rows_without_a_penalty_of_their_own_are_measured_too(tmp_path, capsys):
    record(tmp_path / 'data', [9, 8], SPEC, success=True)
    config = by_hand_rows.config('lompo', 'train.offline_updates=1')
    training = Training(
        config, Dataset.open(tmp_path / 'data').spec, [tmp_path / 'data'], tmp_path / 'run'
    )
    training.offline()
    training.close()
    point = measure_run(tmp_path / 'run').points[0]
    assert point.eps_u > 0 and point.alpha == 0 and point.bound is None
    assert main([str(tmp_path / 'run')]) == 0
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-2].split('\u2502')]
    assert cells[1:5] == ['1', '0', f'{point.eps_u:.3f}', '-']
