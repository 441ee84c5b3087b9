"""The demonstration's stages in order: collect, train, export, drive, fine-tune, drive, report.

In: DemoConfig and its folder. Out: summary (a dict, also summary.json) and report.html.
Every stage is a command that a user can type; its output goes to logs/<stage>.log.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from moto_core.errors import MotoError
from moto_learning.report.demo_folder import DemoConfig, read_json, write_json
from moto_learning.report.demo_summary import summarize
from moto_learning.report.page import write_report

OWN_END = 2.0  # [s] in which a stage ends that heard the terminal's Ctrl-C itself
SAVING = 60.0  # [s] for a checkpoint, or whole episodes


@dataclass(frozen=True)
class Stage:
    """One named step of the path and what it runs."""

    name: str
    about: str
    run: Callable[[], None]


def run_demo(config: DemoConfig, out: Path, console: Console, started: float) -> dict[str, Any]:
    """Runs every stage that is not finished in a folder of `open_demo`; returns the summary.

    Raises MotoError naming the stage, its last lines and its log if a stage fails.
    """
    (out / 'logs').mkdir(exist_ok=True)
    seconds = read_json(out / 'stages.json')
    if not seconds:
        seconds['set-up'] = max(0.0, time.time() - started)
    for stage in _stages(config, out):
        if stage.name in seconds:
            console.print(f'[dim]{stage.name}: done earlier[/dim]')
            continue
        begin = time.time()
        with console.status(f'[bold]{stage.name}[/bold]: {stage.about}'):
            stage.run()
        seconds[stage.name] = time.time() - begin
        console.print(f'{stage.name}: {stage.about} [green]{seconds[stage.name]:.0f} s[/green]')
        write_json(out / 'stages.json', seconds)
    begin = time.time()
    summary = summarize(config.task, out, seconds)
    write_report(out, summary)
    seconds['report'] = time.time() - begin
    summary['seconds'] = {**seconds, 'total': sum(seconds.values())}
    write_json(out / 'summary.json', summary)
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

    def collect() -> None:
        shutil.rmtree(data, ignore_errors=True)  # of a collection that was stopped
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
        )()

    def train_offline() -> None:
        new = ('--config', config.preset, '--data', data, '--out', train)
        begun = (train / 'checkpoints').exists()  # and was stopped
        command(
            'train',
            'moto_learning.commands.train',
            *(('--resume', train, '--phase', 'offline') if begun else new),
            f'seed={config.seed}',
            *config.train,
        )()

    first, second = config.seed + 1000, config.seed + 2000
    return [
        Stage('collect', f'{config.demonstrations} scripted demonstrations from images', collect),
        Stage('train', 'MOTO offline: world model, critics, policy', train_offline),
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
        process = subprocess.Popen(
            line, stdout=stream, stderr=subprocess.STDOUT, env=_environment()
        )
        try:
            code = process.wait()
        finally:
            _stop(process)
    if code:
        tail = '\n  '.join(log.read_text(errors='replace').strip().splitlines()[-6:])
        raise MotoError(f'{module} stopped with code {code}; its log is {log}; it ends:\n  {tail}')


def _stop(process: subprocess.Popen) -> None:
    """Lets a stage that Ctrl-C left running save what it has; ends it if it does not."""
    try:
        for signal_number, patience in ((None, OWN_END), (signal.SIGINT, SAVING)):
            if process.poll() is None and signal_number:
                process.send_signal(signal_number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


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
