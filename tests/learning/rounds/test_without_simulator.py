"""A robot without a simulator: trained, fine-tuned, published from labelled episodes alone."""

import subprocess
import sys

import yaml

from moto_core.episodes.dataset import Dataset
from moto_core.policy.name_file import named_folder
from moto_learning.rounds.journal import read_rounds
from tests.learning import tiny_learner as tiny
from tests.learning.classifier import squares
from tests.learning.labelled import record
from tests.test_layers import ROOT

ABSENT = ('mujoco', 'moto_sim', 'gymnasium', 'metaworld', 'gymnasium_robotics')
CODE = """
import sys
sys.path.insert(0, {root!r})
for name in {absent!r}: sys.modules[name] = None
from moto_learning.commands import {command}
sys.exit({command}.main(sys.argv[1:]))
"""


def run(command, *words, expected=0):
    """Runs a command in a process in which nothing of a simulator can be imported."""
    code = CODE.format(root=str(ROOT), absent=ABSENT, command=command)
    found = subprocess.run(
        [sys.executable, '-c', code, *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert found.returncode == expected, found.stderr[-3000:]
    return found.stdout


def test_a_robot_gets_better_from_labelled_episodes_where_no_simulator_is_installed(tmp_path):
    data, out, bundles, use = (tmp_path / name for name in ('data', 'run', 'bundles', 'use'))
    record(data, 'success', rows=6)
    record(data, 'failure', rows=9)  # of another length
    config = tmp_path / 'tiny.yaml'
    settings = {'train': {'offline_updates': 2, 'finetune_updates': 2}, 'replay': {'length': 4}}
    config.write_text(yaml.safe_dump(merged(tiny.TINY, settings)))
    run('train', '--config', config, '--phase', 'offline', '--data', data, '--out', out)
    words = (out, '--bundles', bundles, '--name-file', use, 'held_out=0')
    assert 'published' in run('finetune', *words, '--once')
    first = named_folder(use)
    waiting = record(data, 'unlabelled', rows=5)
    said = run('finetune', *words, '--once')
    assert '1 without a label, which moto-data label gives: nothing more to learn from' in said
    with Dataset.open(data) as dataset:
        dataset.label(waiting, 'success')
    said = run('finetune', *words, '--once')
    began, ended = 'round 1: 1 new episode, 2 updates\n', 'round 1: 1 new episode; published'
    assert said.index(began) < said.index(ended)
    assert named_folder(use) != first
    assert [one.successes for one in read_rounds(out)] == [1, 2]
    assert not any(one.starts for one in read_rounds(out))  # there is nowhere to try them


def test_a_success_classifier_labels_where_no_simulator_is_installed(tmp_path):
    data = tmp_path / 'data'
    squares.record_labelled(data, 4)
    waiting = squares.record(data, True, seed=50)
    said = run('data', 'classify', data, '--label', *squares.SETTINGS)
    assert '1 labelled: 1 success' in said
    assert Dataset.open(data).find(waiting).outcome == 'success'


def merged(one, other):
    """Returns nested maps with those of another over them."""
    found = dict(one)
    for key, value in other.items():
        found[key] = merged(found.get(key, {}), value) if isinstance(value, dict) else value
    return found
