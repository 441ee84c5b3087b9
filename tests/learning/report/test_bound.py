import json

import pytest

from moto_core.errors import ConfigError
from moto_learning.report.bound import read_bound, read_lags, read_promises


def point(**changes):
    gaps = [
        {'explore': 'mode', 'gap': 12.5, 'return_': 50.0, 'bound': 25},
        {'explore': 'sample', 'gap': 20},  # as it was written before it had a bound
    ]
    return {'episodes': 50, 'updates': 9, 'eps_u': 0.25, 'bound': 0.5, 'gaps': gaps, **changes}


def test_points_with_a_disagreement_are_read_and_a_run_without_the_file_has_none(tmp_path):
    assert read_bound(tmp_path) == []
    points = [point(), point(eps_u=None, bound=None), point(episodes=100, gaps=[], bound=None)]
    (tmp_path / 'bound.json').write_text(json.dumps({'points': points}))
    assert read_bound(tmp_path) == [
        {'episodes': 50, 'eps_u': 0.25, 'bound': 0.5, 'gaps': {'mode': 12.5, 'sample': 20}}
        | {'bounds': {'mode': 25.0, 'sample': None}},
        {'episodes': 100, 'eps_u': 0.25, 'bound': None, 'gaps': {}, 'bounds': {}},
    ]
    about = {'episodes': 50, 'eps_u': 0.25}
    assert read_lags(tmp_path) == [
        {**about, 'explore': 'mode', 'gap': 12.5, 'bound': 25.0},
        {**about, 'explore': 'sample', 'gap': 20.0, 'bound': None},
    ]


@pytest.mark.parametrize(
    'text',
    ['', '[]', '{"points": 3}', '{"points": [{}]}', json.dumps({'points': [point(bound='x')]})],
)
def test_anything_else_is_one_line(tmp_path, text):
    (tmp_path / 'bound.json').write_text(text)
    with pytest.raises(
        ConfigError, match='is not what a measurement of the bound writes'
    ) as error:
        read_bound(tmp_path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('value', ['"nan"', 'NaN', 'Infinity', '"1.5"', 'null', 'true'])
def test_a_promise_that_is_no_number_is_one_line(tmp_path, value):
    text = '{"points": [{"episodes": 0, "reward": {"kettle": {"data_max": 1.5}}}]}'
    (tmp_path / 'bound.json').write_text(text)
    assert read_promises(tmp_path) == [{'task': 'kettle', 'episodes': 0, 'data_max': 1.5}]
    (tmp_path / 'bound.json').write_text(text.replace('1.5', value))
    with pytest.raises(ConfigError, match="bound.json' is not what a measurement"):
        read_promises(tmp_path)
