"""The examples do what they say."""

import json
import re
import runpy
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.guard.limits import load_robot
from moto_core.policy.bundle import read_bundle
from moto_learning.config import Config
from moto_learning.data.cache import compile_dataset
from moto_learning.data.demonstrations import record_demonstrations
from moto_learning.data.replay import Replay
from moto_learning.data.wanted import Demonstrations
from moto_learning.run.checkpoints import load_learner
from moto_learning.run.train import Training
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_sim import tasks
from moto_sim.approach import approach
from tests.learning.tiny_learner import BATCH, LENGTH, TINY

EXAMPLES = Path(__file__).parents[1] / 'examples'


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    try:
        runpy.run_path(str(EXAMPLES / name), run_name='__main__')
    except SystemExit as ended:
        if ended.code:
            raise


def test_a_dataset_of_own_recordings_trains(tmp_path, monkeypatch):
    run(monkeypatch, 'write_dataset.py', tmp_path / 'data')
    episodes = compile_dataset(Dataset.open(tmp_path / 'data')).episodes
    replay = Replay(episodes, batch=8, length=10)
    batch = replay.sample()
    assert batch['images']['front'].shape == (8, 10, 64, 64, 3)
    assert len(replay.episodes) == 3
    rewards = [episode.learned['reward'].tolist() for episode in episodes]
    assert rewards == [[0] * 29 + [1], [0] * 29 + [1], [0] * 30], 'the third is a failure'
    assert [episode.successful for episode in episodes] == [True, True, False]


def test_a_bundle_runs_an_episode_without_ros(tmp_path, monkeypatch, capsys):
    bundle = write_tiny_bundle(tmp_path, load_robot('kitchen_sim').spec)
    run(monkeypatch, 'run_policy.py', bundle)
    assert capsys.readouterr().out.startswith('failure disagreement at the end 0.')


def settings(tree, prefix=''):
    """A tree of settings as key=value words."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from settings(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}={value}'


def test_own_recordings_are_trained_on_from_python_and_exported(tmp_path, monkeypatch, capsys):
    run(monkeypatch, 'write_dataset.py', tmp_path / 'data')
    small = [*settings(TINY), 'train.offline_updates=3']
    run(monkeypatch, 'train.py', tmp_path / 'data', tmp_path / 'run', *small)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith('offline 3/3 model ')]
    assert read_bundle(Path(lines[-1])).manifest.spec.rate == 10.0


def test_the_guard_alone_brakes_what_is_asked_for_and_faults_at_nonsense(monkeypatch, capsys):
    run(monkeypatch, 'guard_alone.py', 'fr3', 'normal')
    *ticks, last = capsys.readouterr().out.splitlines()
    shares = [float(re.search(r' ([\d.]+) of the cap', line)[1]) for line in ticks]
    assert 0.9 < max(shares) <= 1.0
    assert any("'velocity'" in line for line in ticks)
    assert any('0.500 s HOLD' in line and 'request_nonfinite' in line for line in ticks)
    moved = float(re.search(r'moved ([\d.]+) rad', last)[1])
    # joint 5's cap is 1.5 rad/s: 0.45 rad at the cap and half of it on the way there and back
    assert 0.4 < moved < 0.9
    assert last.endswith('at rest in FAULT')


def test_another_robot_is_one_file(monkeypatch, capsys):
    run(monkeypatch, 'add_robot.py', EXAMPLES / 'my_arm.yaml')
    first, second = capsys.readouterr().out.splitlines()
    assert first == "my_arm: 6 joints, cameras ['front', 'wrist']"
    # 0.75 / 5 + 5 / 500 s to rest; 0.75^2 / 10 + 0.75 * 5 / 1000 rad
    assert second.endswith('it rests after 0.16 s and 0.06 rad')


def test_an_own_task_is_an_environment_whose_demonstrations_train(tmp_path, monkeypatch, capsys):
    run(monkeypatch, 'add_task.py', tmp_path / 'data')
    assert capsys.readouterr().out.count('success') == 5
    episodes = compile_dataset(Dataset.open(tmp_path / 'data')).episodes
    batch = Replay(episodes, batch=4, length=10).sample()
    assert batch['reward'].max() == 1.0
    assert batch['images']['front'].max() == 255


@pytest.mark.parametrize(
    'name', ['add_robot', 'add_task', 'run_policy', 'train', 'write_dataset', 'guard_alone -x']
)
def test_an_example_that_lacks_its_arguments_says_which_in_one_line(monkeypatch, capsys, name):
    name, *wrong = name.split()
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, f'{name}.py', *wrong)
    *usage, error = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert all(line.startswith(f'usage: {name}.py [-h] ') for line in usage) and len(usage) < 2
    assert 'required' in error or '-x' in error


FAST = ['train.offline_updates=1', 'actor_critic.actor.optimizer.rate=0.1']
AVERAGE = 'actor_critic.actor.average=0.5'
DOOR, SIDE = 'metaworld-door-open', 48  # [px], not the simulator's own


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A demonstration of opening a door."""
    data = tmp_path_factory.mktemp('door') / 'data'
    wanted = Demonstrations(task=DOOR, episodes=1, after_success=0, size=SIDE)
    record_demonstrations(data, wanted)
    return data


def trained(data, out, *settings):
    """A run's folder after one update on the data."""
    config = load_config(Config, TINY, overrides=[*FAST, *settings])
    training = Training(config, Dataset.open(data).spec, [data], out)
    training.offline()
    training.close()
    return out


def beside(monkeypatch, capsys, *words):
    """The lines of beside_expert.py, and the numbers of each."""
    run(monkeypatch, 'beside_expert.py', *words)
    lines = capsys.readouterr().out.splitlines()
    return lines, [[float(n) for n in re.findall(r'[+-]?\d\.\d\d', line)] for line in lines]


def test_a_policy_is_shown_beside_its_expert_and_along_updates(
    tmp_path, data, monkeypatch, capsys
):
    words = ['--episodes', 2, '--decisions', 3, '--updates', 1]
    place, drawn, real = (
        trained(data, tmp_path / 'run', 'replay.successful=0.5'),
        [],
        Replay.sample,
    )

    def sample(self):
        drawn.append((self.batch, self.length, self.successful))
        return real(self)

    monkeypatch.setattr(Replay, 'sample', sample)
    lines, numbers = beside(monkeypatch, capsys, place, *words)
    assert drawn == [(BATCH, LENGTH, 0.5)], 'as the run draws'
    begins = ['decision 0', 'decision 1', 'decision 2', 'update 0', 'update 1']
    assert [line.split(':')[0] for line in lines] == begins
    assert all(len(entries) == 8 for entries in numbers)
    by_decision = np.array(numbers[:3])[:, ::2].mean(0)
    assert numbers[3][::2] == pytest.approx(by_decision, abs=0.02)
    assert numbers[4] != numbers[3]


def test_where_an_average_acts_the_policy_itself_is_shown_too_and_moves_further(
    tmp_path, data, monkeypatch, capsys
):
    words = [trained(data, tmp_path / 'run', AVERAGE), '--episodes', 1, '--decisions', 1]
    lines, numbers = beside(monkeypatch, capsys, *words, '--updates', 2)
    assert [line.count('|') for line in lines] == [0, 1, 1, 1]
    means = np.array(numbers[1:]).reshape(3, 2, 4, 2)[..., 0]  # update, average or itself, entry
    average, itself = np.abs(np.diff(means, axis=0)).sum((0, 2))
    assert means[0, 0] == pytest.approx(means[0, 1]), 'the first update counts whole'
    assert 0 < average < itself


def test_latent_states_are_asked_where_the_object_is(tmp_path, data, monkeypatch, capsys):
    place = trained(data, tmp_path / 'run')
    words = [place, '--episodes', 4, '--updates', 1]
    run(monkeypatch, 'locate_object.py', *words)
    lines = capsys.readouterr().out.splitlines()
    run(monkeypatch, 'locate_object.py', *words, '--json')
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one['updates'] for one in found] == [1, 2]
    for line, one in zip(lines, found):
        said = [f'{name} {one[name]["error"]:.2f} ({one[name]["guess"]:.2f})' for name in THINGS]
        assert line == f'{one["updates"]} updates: {said[0]}, {said[1]} cm'
    assert found[0]['object']['guess'] == found[1]['object']['guess']
    assert found[0]['object']['error'] != found[1]['object']['error']


THINGS = 'object', 'goal'


@pytest.fixture(scope='module')
def locating():
    return runpy.run_path(str(EXAMPLES / 'locate_object.py'))


def test_the_features_are_those_that_a_policy_would_have_had_at_the_row(tmp_path, data, locating):
    learner = load_learner(trained(data, tmp_path / 'run'))
    rows = list(islice(approach(tasks.make(DOOR, size=SIDE), 0), 6))
    policy, features = learner.policy(), locating['features'](learner, rows)
    state = policy.initial()
    for row, found in zip(rows, features, strict=True):
        state = policy.step(row.observation, None, state).state
        had = np.concatenate([state['deter'][0], state['stoch'][0]])
        assert found == pytest.approx(had, abs=1e-5)
        state['previous_action'] = row.action[None]  # what was done, in the place of its own


def test_a_place_is_found_as_far_as_the_features_tell_it(locating):
    random = np.random.default_rng(0)
    x = [random.standard_normal((5, 40)) for _ in range(40)]
    seen = locating['regressed'](x, [rows[:, :3] + 1.0 for rows in x])
    assert seen.error < 0.05 * seen.guess
    # the median length of a normal vector of three entries is 1.54 [m]
    assert seen.guess == pytest.approx(154, rel=0.15)
    y = [random.standard_normal((5, 3)) for _ in x]
    for i in range(2, 40, 4):  # what was learned by heart helps to choose and not in the test
        x[i], y[i] = x[i - 2], y[i - 2]
    unseen = locating['regressed'](x, y)
    assert unseen.error > 0.9 * unseen.guess


def test_what_has_no_latent_states_is_not_asked_where_the_object_is(
    tmp_path, data, monkeypatch, capsys
):
    place = trained(data, tmp_path / 'run', 'agent=bc')
    with pytest.raises(SystemExit):
        run(monkeypatch, 'locate_object.py', place, '--episodes', 4)
    said = "locate_object.py: agent 'bc' has no latent states to look into\n"
    assert capsys.readouterr().err.endswith(said)


def test_too_few_episodes_to_learn_choose_and_test_from_are_one_line(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, 'locate_object.py', 'runs/none', '--episodes', 3)
    assert ended.value.code == 2
    assert 'argument --episodes: ' in capsys.readouterr().err.splitlines()[-1]


def test_a_policy_is_fitted_anew_to_features_that_stay_and_comes_nearer(
    tmp_path, data, monkeypatch, capsys
):
    place = trained(data, tmp_path / 'run', 'agent=iql')
    capsys.readouterr()
    run(monkeypatch, 'refit_policy.py', place, '--steps', 300)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(': ')[0] for line in lines] == ['now', 'a linear map', 'after 300 steps']
    before, _, after = (
        np.array(line.split(': ')[1].split(',')[0].split(), float) for line in lines
    )
    assert after.mean() < before.mean()


def test_what_has_a_world_model_is_not_fitted_anew(tmp_path, data, monkeypatch, capsys):
    place = trained(data, tmp_path / 'run')
    with pytest.raises(SystemExit):
        run(monkeypatch, 'refit_policy.py', place)
    assert "agent 'moto' has a world model" in capsys.readouterr().err
