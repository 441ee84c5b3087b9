"""The demonstration's stages in order: collect, train, publish, drive, rounds, drive, film.

In: DemoConfig and its folder. Out: Stages; each is a command that a user can type, the rounds are
two beside each other.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_learning.report.demo_drives import FIRST, ROUNDS
from moto_learning.report.demo_folder import DemoConfig
from moto_sim.episode import LEARNED

COMMANDS = 'moto_learning.commands'
UP = 'moto_ros.bringup.up'
HELD_OUT = 1000  # the first held-out start, beside the demonstration's own seed
IN_ROUNDS = LEARNED + 1000  # the first of those that are learned from


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One named step of the path: its command, and one that runs beside it until it ends."""

    name: str
    about: str
    module: str  # that python -m runs
    arguments: Callable[[], Sequence[object]]  # asked for when the stage begins
    beside: Command | None = None

    @property
    def log(self) -> str:
        """The name of its log, logs/<log>.log."""
        return self.name.replace(' ', '-')


@dataclass(frozen=True)
class Command:
    """A command of ours with its words."""

    module: str
    arguments: Sequence[object]


def demo_stages(config: DemoConfig, out: Path) -> list[Stage]:
    """Returns what `moto-demo` runs in its folder, in order."""
    n = config.starts
    return [
        _collect(config, out),
        _train(config, out),
        _finetune(config, out, 'publish', 'the first ONNX policy bundle with its self-test'),
        _held_out(config, out, 'before', f'{n} held-out starts through ROS 2'),
        *_first(config, out),
        _rounds(config, out),
        _finetune(config, out, 'last round', 'what is left to learn from'),
        _held_out(config, out, 'after', f'the same {n} starts with the policy of the rounds'),
        _held_out(config, out, 'covered', 'and once more with the camera covered'),
        Stage(
            name='film',
            about='a short video of the final policy',
            module=f'{COMMANDS}.eval',
            arguments=lambda: [
                *('--policy', out / 'bundles' / 'use', '--task', config.task),
                *('--episodes', 2, '--seed', config.seed + HELD_OUT),
                *('--max-steps', config.max_steps, '--profile', config.profile),
                *('--video', out / 'episodes.mp4', '--json', out / 'film.json'),
            ],
        ),
    ]


def _collect(config: DemoConfig, out: Path) -> Stage:
    def arguments() -> list[object]:
        shutil.rmtree(out / 'dataset', ignore_errors=True)  # of a collection that was stopped
        return [
            *('collect', '--task', config.task, '--episodes', config.demonstrations),
            *('--noise', config.noise, '--seed', config.seed, '--profile', config.profile),
            *('--workers', os.cpu_count() or 1, '--out', out / 'dataset'),
            *('--after-success', 0),  # as on a robot, where success ends an episode
        ]

    return Stage(
        name='collect',
        about=f'{config.demonstrations} scripted demonstrations from images',
        module=f'{COMMANDS}.data',
        arguments=arguments,
    )


def _train(config: DemoConfig, out: Path) -> Stage:
    train = out / 'train'

    def arguments() -> list[object]:
        from moto_learning.run.checkpoints import is_begun  # with torch: not before it is needed

        begun = is_begun(train)  # and was stopped
        new = ('--config', config.preset, '--data', out / 'dataset', '--out', train)
        going_on = ('--resume', train, '--phase', 'offline')
        steps = f'collect.max_steps={config.max_steps}'  # a round's trials are as long as drives
        return [*(going_on if begun else new), f'seed={config.seed}', steps, *config.train]

    return Stage(
        name='train',
        about='MOTO offline: world model, critics, policy',
        module=f'{COMMANDS}.train',
        arguments=arguments,
    )


def _finetune(config: DemoConfig, out: Path, name: str, about: str) -> Stage:
    return Stage(
        name=name,
        about=about,
        module=f'{COMMANDS}.finetune',
        arguments=lambda: [*_rounds_of(config, out), '--once', 'nice=0', *config.round],
    )


def _first(config: DemoConfig, out: Path) -> list[Stage]:
    """Returns the episodes of the first policy, and the round that the robot waits for.

    While one core learns and the other drives, the first policy, which fails most, would drive
    most of the episodes that are learned from.
    """
    first = min(config.first, config.episodes - 1)
    if not first:
        return []
    return [
        Stage(
            name=FIRST,
            about=f'{first} labelled episodes of the first policy',
            module=UP,
            arguments=lambda: _logging(config, out, FIRST, first),
        ),
        _finetune(config, out, 'first round', 'learned from them, while the robot waits'),
    ]


def _rounds(config: DemoConfig, out: Path) -> Stage:
    return Stage(
        name=ROUNDS,
        about=f'{config.episodes} labelled episodes in all, learned from beside the robot',
        module=UP,
        arguments=lambda: [*_logging(config, out, ROUNDS, config.episodes), 'policy.follow:=true'],
        beside=Command(
            f'{COMMANDS}.finetune', [*_rounds_of(config, out), 'threads=1', *config.round]
        ),
    )


def _logging(config: DemoConfig, out: Path, name: str, until: int) -> list[object]:
    """Returns the arguments of a drive that logs until there are as many episodes."""
    with Dataset.open(out / 'dataset', lock=False) as dataset:  # some are there if stopped
        done = sum(one.controller == 'policy' for one in dataset.episodes())
    return [
        *_up(config, out, name, 'dataset', config.seed + IN_ROUNDS + done),
        f'episodes:={max(1, until - done)}',
        'record.labels_only:=true',
        f'pause:={config.pause}',
    ]


def _held_out(config: DemoConfig, out: Path, name: str, about: str) -> Stage:
    def arguments() -> list[object]:
        shutil.rmtree(out / name, ignore_errors=True)  # of a drive that was stopped
        return [
            *_up(config, out, name, name, config.seed + HELD_OUT),
            f'episodes:={config.starts}',
            *(['cover_camera:=true'] if name == 'covered' else []),
        ]

    return Stage(name=name, about=about, module=UP, arguments=arguments)


def _rounds_of(config: DemoConfig, out: Path) -> list[object]:
    bundles = out / 'bundles'
    return [out / 'train', '--bundles', bundles, '--name-file', bundles / 'use']


def _up(config: DemoConfig, out: Path, name: str, dataset: str, seed: int) -> list[str]:
    return [
        'sim:=true',
        f'policy:={out / "bundles" / "use"}',
        f'profile:={config.profile}',
        f'task:={config.task}',
        f'dataset:={out / dataset}',
        f'max_steps:={config.max_steps}',
        f'json:={out / name}.json',
        f'seed:={seed}',
    ]
