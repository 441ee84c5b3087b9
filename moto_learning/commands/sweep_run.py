"""What moto-sweep does once its arguments are read: data, then runs side by side, then a table.

In: the arguments. Out: the exit code, FOLDER/sweep.json. Each run is a process of its own with one
thread, or one that Ray starts (sweep_ray.py); what lies where is in sweep_plan.py.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.progress import TaskID

from moto_core.command import STOPPED, end_with_parent, output_folder
from moto_core.config import flatten, to_dict, to_yaml
from moto_core.durable import replace_synced
from moto_core.errors import MotoError
from moto_learning.commands.progress import running_bars
from moto_learning.commands.sweep_lines import SweepLines
from moto_learning.commands.sweep_plan import (
    Cell,
    Plan,
    cells_there,
    data_folder,
    make_plan,
    recipe_of,
    unfinished_folder,
)
from moto_learning.commands.sweep_standing import FREE, check_same, standing_of
from moto_learning.commands.sweep_summary import said_of, summarize_sweep, sweep_table
from moto_learning.config import Config
from moto_learning.run.checkpoints import is_begun
from moto_learning.run.heldout import read_evaluations

COMMANDS = 'moto_learning.commands'
NO_EVALUATION = (
    'evaluate.every is 0: no policy is evaluated, and the table stays empty. Add '
    'evaluate.every=50 (online episodes between evaluations) if it is to be filled'
)
NOTHING_YET = "no policy of these runs was evaluated yet; each run's own words are in its run.log"
LOG, SUMMARY = 'run.log', 'sweep.json'
TAIL = 4096  # [bytes] of a log, in which its last line is


class Running(Protocol):
    """A run that was started."""

    def poll(self) -> int | None:
        """Returns its exit code; None while it runs."""

    def terminate(self) -> None:
        """Asks it to save and end."""


Launch = Callable[[Sequence[str], Path, Config], Running]  # command line, its log, its settings


def sweep(args: argparse.Namespace) -> int:
    """Runs what is not finished, prints and writes the table; returns the exit code."""
    plan, out = make_plan(args), Path(args.out)
    check_same(plan, out)
    output_folder('--out', out)
    with _engine(args) as launch:
        return _sweep(args, plan, out, launch)


def _engine(args: argparse.Namespace) -> AbstractContextManager[Launch]:
    if args.engine == 'local':
        return nullcontext(_launch)
    from moto_learning.commands.sweep_ray import ray_tasks

    return ray_tasks(args.address, args.jobs)


def _sweep(args: argparse.Namespace, plan: Plan, out: Path, launch: Launch) -> int:
    console = Console(markup=False, highlight=False)
    if not all(config.evaluate.every for config in plan.cells.values()):
        console.print(NO_EVALUATION, soft_wrap=True)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for task in plan.recipes:
            if not stopped:
                _collect(task, plan, out, console, stopped)
        jobs = args.jobs if args.engine == 'local' else len(plan.cells)  # Ray knows when
        failed = _run(plan, jobs, out, console, stopped, launch)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    summary = summarize_sweep(cells_there(out), out)
    replace_synced(out / SUMMARY, (json.dumps(summary, indent=1) + '\n').encode())
    found = summarize_sweep(plan.cells, out)
    console.print(sweep_table(found) if found else NOTHING_YET, soft_wrap=not found)
    if stopped:
        console.print('stopped; the same command goes on')
        return STOPPED
    return 1 if failed else 0


def _collect(task: str, plan: Plan, out: Path, console: Console, stopped: list[int]) -> None:
    """Records demonstrations beside their final place and renames them when they are whole.

    A folder that somebody put there, without a recipe, is used if its setup and number are those
    asked for (sweep_standing.py).
    """
    final, new = data_folder(out, task), unfinished_folder(out, task)
    recipe = recipe_of(new)
    if final.exists():
        if not recipe_of(final).exists():
            console.print(
                f"{task}: '{final}' is used as it is, its recipe is not known", soft_wrap=True
            )
        return
    console.print(f'{task}: {plan.demonstrations} demonstrations')
    recipe.parent.mkdir(parents=True, exist_ok=True)
    replace_synced(recipe, to_yaml(plan.recipes[task]).encode())
    line = [sys.executable, '-m', f'{COMMANDS}.data', 'collect', '--recipe', str(recipe)]
    line += ['--episodes', str(plan.demonstrations), '--out', str(new)]
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, preexec_fn=end_with_parent
    )
    if done.returncode and not stopped:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise MotoError(f'demonstrations of {task} failed: {"".join(last)}')
    if not done.returncode:
        replace_synced(recipe_of(final), recipe.read_bytes())
        new.rename(final)
        recipe.unlink()


def _run(
    plan: Plan, jobs: int, out: Path, console: Console, stopped: list[int], launch: Launch
) -> list[Cell]:
    """Runs the cells that are not finished, `jobs` side by side; returns those that failed."""
    waiting = [cell for cell, goal in plan.cells.items() if not _finished(cell, goal, out)]
    if len(waiting) < len(plan.cells):
        finished = len(plan.cells) - len(waiting)
        console.print(f'{finished} of {len(plan.cells)} runs are finished')
    running: dict[Cell, Running] = {}
    failed: list[Cell] = []
    lines = SweepLines(partial(console.print, soft_wrap=True))
    with running_bars(console) as progress:
        bars: dict[Cell, TaskID] = {}
        while running or (waiting and not stopped):
            while waiting and not stopped and len(running) < jobs:
                cell = waiting.pop(0)
                running[cell] = _start(cell, plan.cells[cell], out, launch)
                bars[cell] = progress.add_task(cell.name, note='')
                console.print(f'{cell.name}: begun')
            if stopped:
                for process in running.values():
                    process.terminate()  # moto-train saves and ends
            for cell, code in [(cell, process.poll()) for cell, process in running.items()]:
                log = cell.folder(out) / LOG
                if code is None:
                    if progress.disable:
                        lines.hear(cell.name, partial(_last_line, log))
                    else:
                        progress.update(bars[cell], note=_last_line(log))
                    continue
                del running[cell]
                progress.remove_task(bars.pop(cell))
                if code == 0:
                    said = said_of(read_evaluations(cell.folder(out))[-1:])
                    console.print(f'{cell.name}: {said}', soft_wrap=True)
                elif not stopped:
                    failed.append(cell)
                    said = _last_line(log) or 'nothing was written'
                    console.print(f'{cell.name}: failed, see {log}: {said}', soft_wrap=True)
            time.sleep(0.2)
    return failed


def _finished(cell: Cell, goal: Config, out: Path) -> bool:
    """Says whether a run has done all; of a damaged one moto-train itself says what is wrong."""
    standing = standing_of(cell.folder(out))
    return standing is not None and standing.finished(goal)


def _start(cell: Cell, config: Config, out: Path, launch: Launch) -> Running:
    """Starts or resumes a run by the settings of now, whatever their files hold later."""
    run = cell.folder(out)
    run.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, '-m', f'{COMMANDS}.train', '--data', str(data_folder(out, cell.task))]
    if is_begun(run):
        line += ['--resume', str(run), *_free(config)]
    else:
        replace_synced(run / 'config.yaml', to_yaml(config).encode())
        line += ['--config', str(run / 'config.yaml'), '--out', str(run)]
    return launch(line, run / LOG, config)


def _launch(line: Sequence[str], log: Path, config: Config) -> Running:
    with log.open('ab') as stream:
        return subprocess.Popen(
            line,
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
            start_new_session=True,  # Ctrl-C reaches it through the sweep alone
        )


def _free(config: Config) -> list[str]:
    """Returns the settings of now that a run may go on with, as arguments."""
    settings = dict(flatten(to_dict(config)))
    return [f'{name}={settings[name]}' for name in FREE]


def _last_line(log: Path) -> str:
    """Returns the last line of a log; '' if there is none, or somebody took it away."""
    try:
        with log.open('rb') as stream:
            stream.seek(max(0, log.stat().st_size - TAIL))
            lines = stream.read().decode(errors='replace').strip().splitlines()
    except OSError:
        return ''
    return lines[-1] if lines else ''
