"""Runs the demonstration: its stages one after the other, then the summary and the report.

In: DemoConfig and its folder. Out: summary (a dict, also summary.json) and report.html. What a
stage prints goes to logs/<stage>.log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from moto_core.command import end_with_parent
from moto_core.errors import MotoError
from moto_core.ros_domain import own_domain
from moto_learning.report.demo_folder import DemoConfig, read_json, write_json
from moto_learning.report.demo_page import TOTAL, draw_report, write_report
from moto_learning.report.demo_stages import Command, Stage, demo_stages
from moto_learning.report.demo_summary import summarize

OWN_END = 2.0  # [s] in which a stage ends that heard the terminal's Ctrl-C itself
SAVING = 60.0  # [s] for a checkpoint, or whole episodes
LOOK = 0.2  # [s] between two looks at what runs beside


def run_demo(config: DemoConfig, out: Path, console: Console, started: float) -> dict[str, Any]:
    """Runs every stage that is not finished in a folder of `open_demo`; returns the summary.

    Raises MotoError naming the stage, its last lines and its log if a stage fails.
    """
    (out / 'logs').mkdir(exist_ok=True)
    seconds = read_json(out / 'stages.json')
    if not seconds:
        seconds['set-up'] = max(0.0, time.time() - started)
    for stage in demo_stages(config, out):
        if stage.name in seconds:
            console.print(f'[dim]{stage.name}: done earlier[/dim]')
            continue
        begin = time.time()
        with console.status(f'[bold]{stage.name}[/bold]: {stage.about}'):
            run_stage(stage, out)
        seconds[stage.name] = time.time() - begin
        console.print(f'{stage.name}: {stage.about} [green]{seconds[stage.name]:.0f} s[/green]')
        write_json(out / 'stages.json', seconds)
    begin = time.time()
    summary = summarize(config.task, out, seconds)
    drawn = draw_report(out, summary)
    seconds['report'] = time.time() - begin
    summary['seconds'] = {**seconds, TOTAL: sum(seconds.values())}
    write_report(out, summary, drawn)
    write_json(out / 'summary.json', summary)
    return summary


def run_stage(stage: Stage, out: Path) -> None:
    """Runs a stage to its end; raises MotoError with its last lines and its log if it fails."""
    main = Command(stage.module, stage.arguments())
    log = out / 'logs' / f'{stage.log}.log'
    if stage.beside is None:
        with _running(main, log) as process:
            code = process.wait()
    else:
        code = _run_both(main, log, stage.beside, log.with_name(f'{stage.log}-learner.log'))
    if code:
        raise _ended(main, code, log)


def _run_both(main: Command, log: Path, beside: Command, beside_log: Path) -> int:
    """Runs a command, and another as long as it runs; returns the code of the first.

    Raises MotoError if the other ends before it.
    """
    with _running(beside, beside_log) as other, _running(main, log) as process:
        while process.poll() is None:
            if other.poll() is not None:
                raise _ended(beside, other.returncode, beside_log)
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
        return process.returncode


@contextmanager
def _running(command: Command, log: Path) -> Iterator[subprocess.Popen]:
    """Runs a command with its output in a log; what still runs at the end is stopped."""
    line = [sys.executable, '-m', command.module, *map(str, command.arguments)]
    with log.open('w') as stream:
        stream.write('$ ' + ' '.join(line) + '\n')
        stream.flush()
        process = subprocess.Popen(
            line,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_environment(),
            preexec_fn=end_with_parent,
        )
        try:
            yield process
        finally:
            _stop(process)


def _ended(command: Command, code: int, log: Path) -> MotoError:
    tail = '\n  '.join(log.read_text(errors='replace').strip().splitlines()[-6:])
    return MotoError(
        f'{command.module} stopped with code {code}; its log is {log}; it ends:\n  {tail}'
    )


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
    domain = os.environ.get('ROS_DOMAIN_ID') or str(own_domain())
    return {'ROS_DOMAIN_ID': domain, 'PYTHONUNBUFFERED': '1', 'COLUMNS': '120', **os.environ}
