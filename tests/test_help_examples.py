"""Each command's examples, as its --help prints them, in order, in a folder of their own.

A run would take hours with an example's own numbers, so that SHORTER options follow its words:
of two equal options or settings the last one counts.
"""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.policy.name_file import named_folder
from moto_core.ros_domain import own_domain

pytestmark = pytest.mark.slow  # two minutes
ROOT = Path(__file__).parents[1]
MODULES = {
    'moto-data': 'moto_learning.commands.data',
    'moto-train': 'moto_learning.commands.train',
    'moto-export': 'moto_learning.commands.export',
    'moto-finetune': 'moto_learning.commands.finetune',
    'moto-eval': 'moto_learning.commands.eval',
    'moto-sweep': 'moto_learning.commands.sweep',
    'moto-measure': 'moto_learning.commands.measure',
    'moto-report': 'moto_learning.commands.report',
    'moto-results': 'moto_learning.commands.results',
    'moto-up': 'moto_ros.bringup.up',
    'moto-demo': 'moto_learning.commands.demo',
}
TINY = [
    'model.encoder.channels=[4, 4, 4]',
    'model.rssm.deter=8',
    'model.rssm.stoch=4',
    'model.rssm.classes=4',
    'model.rssm.hidden=8',
    'actor_critic.horizon=2',
    'replay.batch=2',
    'replay.length=4',
    'train.offline_updates=2',
    'train.online_episodes=1',
    'evaluate.episodes=1',
    'train.episode_updates=1',
    'train.finetune_updates=1',
    'train.threads=1',
    'collect.max_steps=6',
]
SHORTER = {
    'moto-data collect': ['--episodes', '1'],
    'moto-data classify': ['updates=2'],
    'moto-train': TINY,
    'moto-finetune': ['--once', 'updates=1', 'starts=1'],
    'moto-eval': ['--episodes', '1', '--max-steps', '6'],
    'moto-sweep': ['--seeds', '0', '--demonstrations', '1', *TINY, 'evaluate.episodes=1'],
    'moto-measure': ['--horizon', '2', '--episodes', '1'],
    'moto-report': ['--starts', '1', '--threads', '1'],
    'moto-up': ['episodes:=1', 'max_steps:=6', 'log_level:=warn'],
    'moto-demo': [
        'demonstrations=1',
        'starts=1',
        'episodes=1',
        'pause=0',
        'max_steps=15',
        'round=[episodes=1, updates=1, held_out=0, starts=1]',
        f'train={json.dumps(TINY)}',
    ],
}
LATER = ('moto-data classify', 'moto-data lineage')  # of labelled episodes, of bundles
WITHOUT_ROS = tuple(name for name in MODULES if name not in ('moto-up', 'moto-demo'))


def help_of(command):
    """What `command --help` prints."""
    result = subprocess.run(
        [sys.executable, '-m', MODULES[command], '--help'],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, 'COLUMNS': '400'},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def examples(command):
    """The lines of --help that are meant to be typed, as they are, with what shortens them."""
    lines = re.findall(rf'^ +{command} (.+)$', help_of(command), re.MULTILINE)
    assert lines, f'{command} --help shows no example'
    for words in map(shlex.split, lines):
        yield [*words, *SHORTER.get(f'{command} {words[0]}', SHORTER.get(command, []))]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder in which the examples of all commands that need no ROS were run in order."""
    place = tmp_path_factory.mktemp('examples')
    lines = [(command, words) for command in WITHOUT_ROS for words in examples(command)]
    later = [line for line in lines if f'{line[0]} {line[1][0]}' in LATER]
    assert {f'{command} {words[0]}' for command, words in later} == {*LATER}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for command, words in lines:
            if (command, words) not in later:
                run(command, words)
        label_eight()
        for command, words in later:
            run(command, words)
    return place


def run(command, words):
    """Runs a command in this process, as it is typed."""
    main = importlib.import_module(MODULES[command]).main
    assert main(words) == 0, f'{command} {shlex.join(words)}'


def label_eight():
    """Brings the examples' data to eight more episodes, half of them labelled failures."""
    more = '--task kitchen-microwave --episodes 8 --seed 100 --out data'
    run('moto-data', ['collect', *more.split()])
    for record in Dataset.open('data').episodes()[-4:]:
        run('moto-data', ['label', 'data', record.id, 'failure'])


def test_the_examples_run_and_leave_what_they_say(folder):
    for path in (
        'data',
        'doors',
        'frames.png',
        'runs/microwave/metrics.jsonl',
        'bundles/microwave',
        'bundles/use',
        'runs/microwave/rounds.jsonl',
        'microwave.json',
        'bound.json',
        'door.mp4',
        'runs/no_bc/checkpoints',
        'runs/sweep/sweep.json',
        'runs/two/metaworld-hammer/moto/seed0/evaluations.jsonl',
        'runs/report/report.html',
        'runs/two_runs/report.json',
        'results/sweep.json',
        'docs/images/results/rows.svg',
    ):
        assert (folder / path).exists(), path
    assert named_folder(folder / 'bundles' / 'microwave').is_dir()
    assert named_folder(folder / 'bundles' / 'use').is_dir()


def own_environment():
    """A shell's environment, without what MuJoCo wrote into this process's; a domain apart."""
    clean = {name: text for name, text in os.environ.items() if name != 'PYOPENGL_PLATFORM'}
    paths = f'{ROOT}:{ROOT / "sim"}'
    return {**clean, 'PYTHONPATH': paths, 'ROS_DOMAIN_ID': str(own_domain())}


@pytest.mark.ros
@pytest.mark.parametrize('command', ['moto-up', 'moto-demo'])
def test_the_examples_of_a_command_that_drives_run(folder, command):
    for arguments in examples(command):
        result = subprocess.run(
            [sys.executable, '-m', MODULES[command], *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=400,
            env=own_environment(),
        )
        assert result.returncode == 0, f'{arguments}\n{result.stdout}\n{result.stderr}'
