"""The whole path at its smallest: every stage of moto-demo as real processes, through real DDS."""

import json
import os
import re
import subprocess
import sys

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.policy.name_file import named_folder
from moto_learning.rounds.journal import read_rounds

RENDERING = ('MUJOCO_GL', 'PYOPENGL_PLATFORM')  # other tests choose for their own processes
TINY = [
    'demonstrations=2',
    'starts=1',
    'episodes=2',
    'max_steps=15',
    'pause=0',
    'round=[episodes=2, episode_updates=1, held_out=0, starts=0]',
    'train=[train.offline_updates=4, train.log_every=1]',
]


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp('demo') / 'run'
    result = subprocess.run(
        [sys.executable, '-m', 'moto_learning.commands.demo', '--out', out, *TINY],
        capture_output=True,
        text=True,
        timeout=400,
        env={name: text for name, text in os.environ.items() if name not in RENDERING},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return out


@pytest.mark.ros
def test_the_summary_says_what_happened(demo):
    summary = json.loads((demo / 'summary.json').read_text())
    assert summary['task'] == 'kitchen-microwave'
    assert summary['updates'] == {'offline': 4, 'finetune': 2}
    assert summary['episodes_logged'] == {'scripted': 2, 'policy': 2, 'learned_from': 2}
    for name in ('before', 'after', 'covered'):
        assert summary['success'][name]['n'] == 1
    stages = ('set-up', 'collect', 'train', 'publish', 'before', 'last round', 'after')
    logged = ('first', 'first round', 'rounds')
    assert {*stages, *logged, 'covered', 'film', 'report', 'total'} == summary['seconds'].keys()
    latency = summary['latency_ms']
    assert latency['count'] >= 20
    assert 0 < latency['p50'] <= latency['p95'] <= latency['p99']
    assert sum(summary['guard_interventions'].values()) > 0


@pytest.mark.ros
def test_the_report_needs_no_other_file(demo):
    page = (demo / 'report.html').read_text()
    assert page.count('data:image/png;base64,') >= 5
    assert page.count('data:video/mp4;base64,') == 1
    assert len(re.findall(r"<img alt='[A-Z][^']{20,}' ", page)) == page.count('<img')
    sources = re.findall(r'(?:src|href)=[\'"]([^\'"]{0,40})', page)
    assert sources
    assert all(source.startswith('data:') for source in sources)
    assert page.count('<td>report</td>') == page.count('<td>total</td>') == 1
    assert 'http' not in re.sub(r'base64,[^\'"]*', '', page)


@pytest.mark.ros
def test_the_next_bundle_names_its_parent_and_learned_from_the_robots_episodes(demo):
    first, last = read_rounds(demo / 'train')
    assert (first.episodes, last.episodes, last.published) == (2, 4, True)
    used = named_folder(demo / 'bundles' / 'use')
    manifest = json.loads((used / 'manifest.json').read_text())
    assert (used.name, manifest['parent']) == (last.bundle, first.bundle)
    assert len(manifest['episodes']) == 4


@pytest.mark.ros
def test_what_was_learned_from_has_labels_alone_and_the_held_out_starts_were_not(demo):
    def starts(name):
        records = Dataset.open(demo / name, lock=False).episodes()
        return [read_episode(one.path).header.seed for one in records]

    records = Dataset.open(demo / 'dataset', lock=False).episodes()
    logged = [one for one in records if one.policy_hash]
    assert [one.source for one in logged] == ['twin', 'twin']
    assert [one.return_ for one in logged] == [0, 0]
    assert min(starts('dataset')) >= 2**30
    for name in ('before', 'after', 'covered'):
        assert starts(name) == [1000]


@pytest.mark.ros
def test_a_second_run_keeps_the_first(demo):
    again = subprocess.run(
        [sys.executable, '-m', 'moto_learning.commands.demo', '--out', demo, '--resume', *TINY],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count('done earlier') == 11, again.stdout


def test_an_unknown_setting_names_the_nearest_and_writes_nothing(tmp_path):
    out = tmp_path / 'run'
    result = subprocess.run(
        [sys.executable, '-m', 'moto_learning.commands.demo', '--out', out, 'episods=3'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert "Did you mean 'episodes'?" in result.stderr
    assert not out.exists()
