"""What a benchmark finds out, where it is more than a time."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from moto_sim import tasks

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
