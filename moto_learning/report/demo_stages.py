"""The demonstration's stages in order: collect, train, export, drive, fine-tune, drive, film.

In: DemoConfig and its folder. Out: Stages; each is a command that a user can type.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto_core.policy.name_file import named_folder
from moto_learning.report.demo_folder import DemoConfig
from moto_sim.episode import LEARNED

COMMANDS = 'moto_learning.commands'
OFFLINE, ONLINE = 1000, 2000  # first starts of the drives, beside the demonstration's own seed


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One named step of the path, its command and that command's log."""

    name: str
    about: str
    module: str  # that python -m runs
    arguments: Callable[[], Sequence[object]]  # asked for when the stage begins
    log: str  # logs/<log>.log


def demo_stages(config: DemoConfig, out: Path) -> list[Stage]:
    """Returns what `moto-demo` runs in its folder, in order."""
    n, again = config.episodes, config.seed + ONLINE
    return [
        _collect(config, out),
        _train(config, out),
        _export(out, 'export', 'offline', 'ONNX policy bundle with its self-test'),
        _drive(config, out, 'drive', 'offline', f'{n} episodes through ROS 2, logged'),
        _finetune(config, out),
        _export(out, 'export again', 'online', 'the next bundle'),
        _drive(config, out, 'drive again', 'online', f'{n} episodes with the next bundle'),
        _drive(
            config,
            out,
            'drive covered',
            'online',
            f'{config.covered_episodes} episodes with the camera covered',
        ),
        Stage(
            name='film',
            about='a short video of the final policy',
            module=f'{COMMANDS}.eval',
            arguments=lambda: [
                *('--policy', out / 'bundles' / 'online', '--task', config.task),
                *('--episodes', 2, '--seed', again, '--profile', config.profile),
                *('--video', out / 'episodes.mp4', '--json', out / 'film.json'),
            ],
            log='film',
        ),
    ]


def _collect(config: DemoConfig, out: Path) -> Stage:
    def arguments() -> list[object]:
        shutil.rmtree(out / 'dataset', ignore_errors=True)  # of a collection that was stopped
        return [
            *('collect', '--task', config.task, '--episodes', config.demonstrations),
            *('--noise', config.noise, '--seed', config.seed, '--profile', config.profile),
            *('--workers', os.cpu_count() or 1, '--out', out / 'dataset'),
        ]

    return Stage(
        name='collect',
        about=f'{config.demonstrations} scripted demonstrations from images',
        module=f'{COMMANDS}.data',
        arguments=arguments,
        log='collect',
    )


def _train(config: DemoConfig, out: Path) -> Stage:
    train = out / 'train'

    def arguments() -> list[object]:
        from moto_learning.run.checkpoints import is_begun  # with torch: not before it is needed

        begun = is_begun(train)  # and was stopped
        new = ('--config', config.preset, '--data', out / 'dataset', '--out', train)
        going_on = ('--resume', train, '--phase', 'offline')
        return [*(going_on if begun else new), f'seed={config.seed}', *config.train]

    return Stage(
        name='train',
        about='MOTO offline: world model, critics, policy',
        module=f'{COMMANDS}.train',
        arguments=arguments,
        log='train',
    )


def _finetune(config: DemoConfig, out: Path) -> Stage:
    return Stage(
        name='fine-tune',
        about='MOTO on the demonstrations and the logged episodes',
        module=f'{COMMANDS}.train',
        arguments=lambda: [
            *('--resume', out / 'train', '--phase', 'finetune'),
            f'train.finetune_updates={config.finetune_updates}',
        ],
        log='fine-tune',
    )


def _export(out: Path, name: str, bundle: str, about: str) -> Stage:
    bundles = out / 'bundles'
    return Stage(
        name=name,
        about=about,
        module=f'{COMMANDS}.export',
        arguments=lambda: [*(out / 'train', '--out', bundles, '--name-file', bundles / bundle)],
        log=f'export-{bundle}',
    )


def _drive(config: DemoConfig, out: Path, name: str, bundle: str, about: str) -> Stage:
    stem, covered = name.replace(' ', '-'), name == 'drive covered'
    seed = LEARNED + config.seed + (OFFLINE if bundle == 'offline' else ONLINE)
    return Stage(
        name=name,
        about=about,
        module='moto_ros.bringup.up',
        arguments=lambda: [
            'sim:=true',
            f'policy:={named_folder(out / "bundles" / bundle)}',
            f'profile:={config.profile}',
            f'task:={config.task}',
            f'dataset:={out / "dataset"}',
            f'record:={str(not covered).lower()}',
            f'episodes:={config.covered_episodes if covered else config.episodes}',
            f'max_steps:={config.max_steps}',
            f'json:={out / stem}.json',
            f'seed:={seed}',
            *(['cover_camera:=true'] if covered else []),
        ],
        log=stem,
    )
