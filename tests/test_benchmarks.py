"""What a benchmark finds out, where it is more than a time."""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from moto_core.episodes.dataset import Dataset
from moto_core.policy.policy import PolicyStep, ZeroPolicy
from moto_core.policy.surprise import SurpriseLimits
from moto_core.spec import Spec
from moto_sim import tasks
from moto_sim.shifts import Shift
from tests.recorded import record

BENCHMARKS = Path(__file__).parents[1] / 'benchmarks'


@pytest.fixture(scope='module')
def aliasing():
    return runpy.run_path(str(BENCHMARKS / 'aliasing.py'))


def test_the_same_states_are_drawn_with_one_sample_a_pixel_and_averaged(aliasing):
    env = tasks.make('metaworld-door-open')
    states = aliasing['collect'](env, range(1))
    once, averaged = (images.numpy().astype(int) for images in states.images.values())
    assert once.shape == averaged.shape == (len(states.places['object']), 64, 64, 3)
    colours = [len(np.unique(image.reshape(-1, 3), axis=0)) for image in (once[0], averaged[0])]
    assert colours[1] > 1.2 * colours[0], 'what lies between two colours'
    apart = np.abs(once - averaged)
    assert 0.02 < (apart.max(-1) > 20).mean() < 0.2, 'edges differ'
    assert apart.mean() < 4, 'they show the same'
    lying = env.task.observed[4:7]
    assert np.linalg.norm(states.places['object'] - lying, axis=1).max() < 0.01
    env.close()


def test_a_network_learns_where_things_are(aliasing):
    env = tasks.make('metaworld-door-open')
    states = aliasing['collect'](env, range(3))
    images, y = states.images['averaged'], np.stack([*states.places.values()], 1)
    net = aliasing['trained'](env.spec, images, y, 60, 0)
    found = aliasing['by_thing'](aliasing['answers'](net, images, y), y, ['object', 'goal'])
    mean = aliasing['by_thing'](np.broadcast_to(y.mean(0), y.shape), y, ['object', 'goal'])
    for name in ('object', 'goal'):
        assert found[name][0] < 0.25 * mean[name][0]
        assert found[name][0] <= found[name][1]
    env.close()


def test_errors_are_distances_in_centimetres_median_and_ninetieth_percentile(aliasing):
    guess, truth = np.zeros((11, 1, 3)), np.zeros((11, 1, 3))
    guess[:, 0, 0] = 0.03 * np.arange(11)
    guess[:, 0, 1] = 0.04 * np.arange(11)  # 5 cm a row
    assert aliasing['by_thing'](guess, truth, ['object']) == {'object': [25.0, 45.0]}


def test_both_ways_of_drawing_are_reported_for_what_is_not_in_one_place(monkeypatch, capsys):
    words = ['--task', 'metaworld-assembly', '--episodes', '2', '--updates', '1', '--seeds', '2']
    monkeypatch.setattr(sys, 'argv', ['aliasing.py', *words])
    runpy.run_path(str(BENCHMARKS / 'aliasing.py'), run_name='__main__')
    found = json.loads(capsys.readouterr().out)
    assert list(found['mean']) == ['goal'], 'the ring begins in one place'
    for drawn in ('one sample a pixel', 'averaged'):
        first, second = found[drawn]
        assert first != second, 'two networks'
        assert first.keys() == {'goal'}


EPISODES = {  # of the gate's table: number, success, slowed, held, largest
    'ordinary': [(0, True, None, None, 1.0), (1, True, 20, None, 3.0), (2, False, 5, 9, 2.0)],
    'unlimited': [(0, True, None, None, 1.0), (1, True, 20, None, 3.0), (2, True, 5, 9, 2.0)],
    'unshifted': [(0, True, None, None, 1.0), (1, False, 8, None, 3.0), (2, True, 5, 9, 2.0)],
    'camera turned': [(0, False, 8, 9, 9.0), (1, False, 8, 13, 8.0), (2, True, 8, 30, 7.0)],
    'lamp at 75 %': [(0, True, None, None, 1.5), (1, False, None, None, 1.5)],
}


@pytest.fixture(scope='module')
def gate():
    return runpy.run_path(str(BENCHMARKS / 'gate.py'))


@pytest.fixture(scope='module')
def gated():
    names = ('seed', 'success', 'slowed', 'held', 'largest', 'decisions')
    kinds = {
        name: [dict(zip(names, (*one, 10))) for one in rows] for name, rows in EPISODES.items()
    }
    limits = {'slow': 2.0, 'hold': 4.0, 'episodes': 20}
    usual = {name: kinds.pop(name) for name in ('ordinary', 'unlimited', 'unshifted')}
    return {'door': {'limits': limits, 'guarded': True, **usual, 'shifts': kinds}}


def test_the_gate_counts_holds_of_what_fails_apart_from_those_of_what_succeeds(gate, gated):
    found = gate['count'](gated['door']['shifts']['camera turned'])
    assert (found['success'], found['failed'], found['held_of_failed']) == (1, 2, 2)
    assert (found['held_at'], found['held_of_succeeded']) == (11, 1)


def test_the_gates_table_says_what_was_held_and_what_falsely(gate, gated):
    lines = gate['table'](gated).splitlines()
    assert lines[2] == '| door | none, under the limits | 2 of 3 | 1 of 1 | 9 | 0, 1 of 2 | 2.0 |'
    assert lines[3] == '| door | none | 3 of 3 | - | - | 1, 2 of 3 | 2.0 |'
    assert lines[4] == '| door | camera turned | 1 of 3 | 2 of 2 | 11 | 1, 1 of 1 | 8.0 |'
    assert lines[5] == '| door | lamp at 75 % | 1 of 2 | 0 of 1 | - | 0, 0 of 1 | 1.5 |'
    assert lines[-1] == (
        '- door: slow 2.00, hold 4.00 nats, of 20 held-out episodes. Held before their time was '
        'up: 1 of the 1 that a shift made fail, 1 of them by decision 10, at which half of the '
        'ordinary ones have succeeded. False holds: 1 of 3 ordinary episodes, 0 of them '
        'successes; without limits 1 of their 1 starts succeed.'
    )


def test_a_task_without_a_guard_has_no_line_under_the_limits(gate, gated):
    lines = gate['table']({'door': {**gated['door'], 'guarded': False}}).splitlines()
    assert lines[2].startswith('| door | none | 3 of 3')


def test_a_policy_that_is_watched_says_when_it_was_first_slowed_and_held(gate):
    surprise = iter([0.0, 3.0, 3.0, 9.0, 9.0, 0.0])
    limits = SurpriseLimits(
        slow=4.0, hold=8.0, window=2, quantile=0.95, episodes=20, decisions=900
    )

    class Told(ZeroPolicy):
        surprise_limits = limits

        def step(self, images, proprioception, state):
            return PolicyStep(np.zeros(1), 0.0, state, next(surprise))

    guard = SimpleNamespace(speed_scale=1.0)
    watched, scales = gate['Watched'](Told(Spec(['a'], [1.0])), Shift(), {}, guard), []
    for _ in range(6):
        watched.step({}, None, {})
        scales.append(guard.speed_scale)
    assert scales == [1.0, 1.0, 1.0, 0.625, 0.0, 0.90625]  # means 3, 6, 9 and 4.5
    found = watched.told.episode(5, True, 5)
    assert (found['slowed'], found['held'], found['largest']) == (3, 4, 9.0)


def test_an_update_and_its_parts_are_timed_in_both_precisions(monkeypatch, capsys):
    words = ['--config', 'laptop', '--updates', '1', '--threads', '1', 'model.decoded=0.5']
    monkeypatch.setattr(sys, 'argv', ['train_step.py', *words])
    runpy.run_path(str(BENCHMARKS / 'train_step.py'), run_name='__main__')
    printed = json.loads(capsys.readouterr().out)
    assert printed['overrides'] == ['model.decoded=0.5'] and printed['peak_gflops']['float32'] > 1
    found = printed['presets']['laptop']
    assert list(found) == ['float32', 'bfloat16']
    for one in found.values():
        assert one['update'] > one['model'] > one['critics'] > 0
        assert one['operations'] > 1000 and 0 < one['share_of_peak'] < 1
        assert 5 < one['gflop'] < 20
    assert found['float32']['gflop'] == found['bfloat16']['gflop']


def test_the_operations_of_an_update_and_its_waits_are_counted():
    counts = runpy.run_path(str(BENCHMARKS / 'train_step.py'))['Counts']()
    with counts:
        assert float((torch.ones(2) + 1).sum()) == 4
    assert (counts.calls, counts.syncs) == (4, 1)  # ones, add, sum and the number


def test_what_a_classifier_is_measured_on_tells_nothing_but_its_labels(tmp_path):
    record(tmp_path / 'all', [3, 4, 5], outcome='success', success=True)
    forget = runpy.run_path(str(BENCHMARKS / 'classifier.py'))['forget']
    truth = forget(Dataset.open(tmp_path / 'all'), tmp_path / 'told', 2)
    told = Dataset.open(tmp_path / 'told')
    found = [(one.id, one.rows, one.outcome) for one in told.episodes()]
    assert [one[1:] for one in found] == [(3, 'success'), (4, 'success'), (5, 'unlabelled')]
    assert {name: 'success' for name, _, _ in found} == truth
    for name in truth:
        episode = told.read(name)
        assert episode.header.source == 'twin'
        assert not episode.reward.any() and not episode.success.any()
