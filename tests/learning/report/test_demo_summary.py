"""The numbers of the demonstration, of what its stages wrote."""

import json
import shlex

import pytest

from moto_core.config import load_config, to_dict
from moto_learning.report.demo_folder import MARKER, DemoConfig, write_json
from moto_learning.report.demo_summary import command, improvement, success, summarize
from tests.learning.report.written_demo import FIRST, TASK


def test_episodes_that_say_nothing_of_the_policy_are_not_counted():
    outcomes = ['success', 'failure', 'unlabelled', 'success']
    found = success(outcomes)
    assert (found['k'], found['n'], found['text']) == (2, 3, '2 of 3')
    assert success(outcomes[2:3])['interval'] == [0.0, 1.0]


def test_the_summary_holds_pairs_swaps_and_rounds(written):
    found = summarize(TASK, written, {'train': 400.0})
    assert {name: one['text'] for name, one in found['success'].items()} == {
        'before': '1 of 3',
        'after': '2 of 3',
        'covered': '0 of 3',
    }
    said = {'before': 'failure', 'after': 'success', 'covered': 'failure'}
    assert found['paired'][1] == {'seed': FIRST + 1} | said
    assert found['improvement']['difference'] == pytest.approx(1 / 3)
    assert found['episodes_logged'] == {'scripted': 2, 'policy': 4, 'learned_from': 3}
    assert [one['index'] for one in found['swaps']] == [2, 3]
    assert [one['published'] for one in found['rounds']] == [True, True, True, False]
    assert found['rounds'][3]['why'].startswith('it solves 3 of 10')
    assert found['swaps'][1]['bundle'] == found['bundles']['after'] == found['rounds'][2]['bundle']
    assert found['latency_ms']['count'] == 8 * (3 + 4 + 3)
    assert found['missed_periods'] == 3 + 4 + 3
    assert found['guard_interventions'] == {'jerk': 12, 'acceleration': 4}  # of four drives
    assert found['updates'] == {'offline': 5, 'finetune': 3}
    json.dumps(found, allow_nan=False)


def test_pairs_are_counted_where_both_could_be_judged():
    letters = {'s': 'success', 'f': 'failure', 'u': 'unlabelled', '-': None}
    pairs = [
        {'seed': seed, 'before': letters[a], 'after': letters[b]}
        for seed, (a, b) in enumerate(['ss', 'fs', 'fs', 'fs', 'sf', 'ff', 'us', 'fu', 's-'])
    ]
    found = improvement(pairs)
    assert [found[name] for name in ('pairs', 'both', 'only_after', 'only_before', 'neither')] == [
        *(6, 1, 3, 1, 1)
    ]
    assert found['difference'] == pytest.approx(2 / 6)
    low, high = found['interval']
    assert -1 < low < 2 / 6 < high < 1


def test_without_a_pair_nothing_is_known():
    found = improvement([])
    assert (found['pairs'], found['difference'], found['interval']) == (0, None, [-1.0, 1.0])


@pytest.mark.parametrize(
    'settings', [{}, {'seed': 4, 'train': ['train.threads=1', 'replay.batch=2'], 'noise': 0.1}]
)
def test_the_command_makes_the_same_settings(tmp_path, settings):
    config = DemoConfig(**settings)
    write_json(tmp_path / MARKER, {'config': to_dict(config)})
    program, out, where, *given = shlex.split(command(tmp_path))
    assert (program, out, where) == ('moto-demo', '--out', str(tmp_path))
    assert len(given) == len(settings)
    assert load_config(DemoConfig, overrides=given) == config
