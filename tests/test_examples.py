"""The examples do what they say."""

import runpy
import sys
from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_core.guard.limits import load_robot
from moto_learning.data.cache import compile_dataset
from moto_learning.data.replay import Replay
from tests.core.policy.tiny_bundle import write_tiny_bundle

EXAMPLES = Path(__file__).parents[1] / 'examples'


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name='__main__')


def test_a_dataset_of_own_recordings_trains(tmp_path, monkeypatch):
    run(monkeypatch, 'write_dataset.py', tmp_path / 'data')
    episodes = compile_dataset(Dataset.open(tmp_path / 'data')).episodes
    replay = Replay(episodes, batch=8, length=10)
    batch = replay.sample()
    assert batch['images']['front'].shape == (8, 10, 64, 64, 3)
    assert len(replay.episodes) == 3
    assert len(replay.successful) == 2, 'the third is labelled a failure'


def test_a_bundle_runs_an_episode_without_ros(tmp_path, monkeypatch, capsys):
    bundle = write_tiny_bundle(tmp_path, load_robot('kitchen_sim').spec)
    run(monkeypatch, 'run_policy.py', bundle)
    assert capsys.readouterr().out.startswith('failure disagreement at the end 0.')
