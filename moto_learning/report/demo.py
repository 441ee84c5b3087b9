"""The demonstration's stages in order: collect, train, export, drive, fine-tune, drive, report.

In: DemoConfig, an output folder. Out: summary (a dict, also summary.json) and report.html.
Every stage is a command that a user can type; its output goes to logs/<stage>.log.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from moto_core.config import to_yaml
from moto_core.errors import MotoError
from moto_learning.report.demo_summary import summarize
from moto_learning.report.page import write_report


@dataclass(frozen=True)
class DemoConfig:
    """What the demonstration does; the defaults are what `make demo` runs."""

    task: str = 'kitchen-microwave'  # any task of moto_sim
    demonstrations: int = 80  # scripted episodes to learn from
    noise: float = 0.05  # standard deviation of the demonstrator's action noise
    preset: str = 'demo'  # config/train/<preset>.yaml
    train: list[str] = field(default_factory=list)  # further key=value for moto-train
    profile: str = 'normal'  # the guard's limits, in training and on the robot
    episodes: int = 10  # episodes through ROS before, and after, fine-tuning
    covered_episodes: int = 10  # episodes with the camera covered
    max_steps: int = 100  # decisions an episode at most
    finetune_updates: int = 500  # updates on the logged episodes
    seed: int = 0  # of the demonstrations, the training and the resets


@dataclass(frozen=True)
class Stage:
    """One named step of the path and what it runs."""

    name: str
    about: str
    run: Callable[[], None]


def run_demo(
    config: DemoConfig, out: Path, console: Console, resume: bool, started: float
) -> dict[str, Any]:
    """Runs every stage that is not finished and returns the summary.

    Raises MotoError naming the stage, its last lines and its log where a stage fails.
    """
    if out.exists() and not resume:
        _keep_earlier(out)
    (out / 'logs').mkdir(parents=True, exist_ok=True)
    (out / 'demo.yaml').write_text(to_yaml(config))
    seconds = _read_json(out / 'stages.json')
    if not seconds:
        seconds['set-up'] = time.time() - started
    for stage in _stages(config, out):
        if stage.name in seconds:
            console.print(f'[dim]{stage.name}: done earlier[/dim]')
            continue
        begin = time.time()
        with console.status(f'[bold]{stage.name}[/bold]: {stage.about}'):
            stage.run()
        seconds[stage.name] = time.time() - begin
        console.print(f'{stage.name}: {stage.about} [green]{seconds[stage.name]:.0f} s[/green]')
        _write_json(out / 'stages.json', seconds)
    begin = time.time()
    summary = summarize(config.task, out, seconds)
    write_report(out, summary)
    seconds['report'] = time.time() - begin
    summary['seconds'] = {**seconds, 'total': sum(seconds.values())}
    _write_json(out / 'summary.json', summary)
    return summary


def _stages(config: DemoConfig, out: Path) -> list[Stage]:
    data, train, bundles = out / 'dataset', out / 'train', out / 'bundles'

    def command(name: str, module: str, *args: object) -> Callable[[], None]:
        return lambda: _run(out / 'logs' / f'{name}.log', module, *map(str, args))

    def drive(
        name: str, bundle: str, episodes: int, record: bool, *args: str
    ) -> Callable[[], None]:
        return lambda: _run(
            out / 'logs' / f'{name}.log',
            'moto_ros.bringup.up',
            'sim:=true',
            f'policy:={(bundles / bundle).read_text().strip()}',
            f'profile:={config.profile}',
            f'task:={config.task}',
            f'dataset:={data}',
            f'record:={str(record).lower()}',
            f'episodes:={episodes}',
            f'max_steps:={config.max_steps}',
            f'json:={out / name}.json',
            *args,
        )

    def export(name: str) -> Callable[[], None]:
        return command(
            f'export-{name}',
            'moto_learning.commands.export',
            train,
            '--out',
            bundles,
            '--name-file',
            bundles / name,
        )

    first, second = config.seed + 1000, config.seed + 2000
    return [
        Stage(
            'collect',
            f'{config.demonstrations} scripted demonstrations from images',
            command(
                'collect',
                'moto_learning.commands.data',
                'collect',
                '--task',
                config.task,
                '--episodes',
                config.demonstrations,
                '--noise',
                config.noise,
                '--seed',
                config.seed,
                '--profile',
                config.profile,
                '--workers',
                os.cpu_count() or 1,
                '--out',
                data,
            ),
        ),
        Stage(
            'train',
            'MOTO offline: world model, critics, policy',
            command(
                'train',
                'moto_learning.commands.train',
                '--config',
                config.preset,
                '--data',
                data,
                '--out',
                train,
                f'seed={config.seed}',
                *config.train,
            ),
        ),
        Stage('export', 'ONNX policy bundle with its self-test', export('offline')),
        Stage(
            'drive',
            f'{config.episodes} episodes through ROS 2, logged',
            drive('drive', 'offline', config.episodes, True, f'seed:={first}'),
        ),
        Stage(
            'fine-tune',
            'MOTO on the demonstrations and the logged episodes',
            command(
                'fine-tune',
                'moto_learning.commands.train',
                '--resume',
                train,
                '--phase',
                'finetune',
                f'train.finetune_updates={config.finetune_updates}',
            ),
        ),
        Stage('export again', 'the next bundle', export('online')),
        Stage(
            'drive again',
            f'{config.episodes} episodes through ROS 2 with the next bundle',
            drive('drive-again', 'online', config.episodes, True, f'seed:={second}'),
        ),
        Stage(
            'drive covered',
            f'{config.covered_episodes} episodes with the camera covered',
            drive(
                'drive-covered',
                'online',
                config.covered_episodes,
                False,
                f'seed:={second}',
                'cover_camera:=true',
            ),
        ),
        Stage(
            'film',
            'a short video of the final policy',
            command(
                'film',
                'moto_learning.commands.eval',
                '--policy',
                bundles / 'online',
                '--task',
                config.task,
                '--episodes',
                2,
                '--seed',
                second,
                '--profile',
                config.profile,
                '--video',
                out / 'episodes.mp4',
                '--json',
                out / 'film.json',
            ),
        ),
    ]


def _run(log: Path, module: str, *args: str) -> None:
    line = [sys.executable, '-m', module, *args]
    with log.open('w') as stream:
        stream.write('$ ' + ' '.join(line) + '\n')
        stream.flush()
        code = subprocess.run(
            line, stdout=stream, stderr=subprocess.STDOUT, env=_environment()
        ).returncode
    if code:
        tail = '\n  '.join(log.read_text(errors='replace').strip().splitlines()[-6:])
        raise MotoError(f'{module} stopped with code {code}; its log is {log}; it ends:\n  {tail}')


def _environment() -> Mapping[str, str]:
    domain = str(1 + os.getpid() % 100)
    return {
        'ROS_DOMAIN_ID': domain,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'OMP_WAIT_POLICY': 'PASSIVE',  # threads that spin are slow on a busy machine
        'PYTHONUNBUFFERED': '1',
        'COLUMNS': '120',
        **os.environ,
    }


def _keep_earlier(out: Path) -> None:
    stamp = time.strftime('%Y%m%d-%H%M%S', time.localtime(out.stat().st_mtime))
    shutil.move(out, out.with_name(f'{out.name}-{stamp}'))


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    part = path.with_suffix('.part')
    part.write_text(json.dumps(data, indent=2))
    part.replace(path)
