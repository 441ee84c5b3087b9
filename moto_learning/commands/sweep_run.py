"""What moto-sweep does once its arguments are read: data, then runs side by side, then a table.

    FOLDER/data/<task>                demonstrations, shared by the task's runs
    FOLDER/<task>/<row>/seed<n>       a run of moto-train, with its log run.log
    FOLDER/sweep.json                 the newest evaluations, by task and row

In: the arguments. Out: the exit code. Each run is a process of its own with one thread.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

from moto_core.command import STOPPED, end_with_parent, output_folder
from moto_core.config import config_file, load_config
from moto_core.durable import replace_synced
from moto_core.errors import ConfigError, MotoError
from moto_learning.config import Config
from moto_learning.run.checkpoints import FOLDER, load_checkpoint
from moto_learning.run.heldout import Evaluation, read_evaluations
from moto_learning.run.resume import resumed_config
from moto_learning.run.statistics import pooled_interval

COMMANDS = 'moto_learning.commands'
LOG, SUMMARY = 'run.log', 'sweep.json'


@dataclass(frozen=True)
class Cell:
    """One run of the sweep."""

    task: str
    row: str
    seed: int

    def folder(self, out: Path) -> Path:
        """Returns the run's folder."""
        return out / self.task / row_name(self.row) / f'seed{self.seed}'

    @property
    def name(self) -> str:
        """Returns the run's name as it is printed."""
        return f'{self.task} {row_name(self.row)} seed {self.seed}'


def row_name(row: str) -> str:
    """Returns the name of a row of config/train/rows, or of a YAML file of one's own."""
    return Path(row).stem if row.endswith(('.yaml', '.yml')) else row


def sweep(args: argparse.Namespace) -> int:
    """Runs what is not finished, prints and writes the table; returns the exit code."""
    console, out = Console(markup=False, highlight=False), Path(args.out)
    cells = _cells(args)
    output_folder('--out', out)
    out.mkdir(parents=True, exist_ok=True)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for task in dict.fromkeys(args.tasks):
            if not stopped and not (out / 'data' / task).exists():
                _collect(out, task, args.demonstrations, console)
        failed = _run(cells, args, out, console, stopped)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    summary = _summary(cells, out)
    replace_synced(out / SUMMARY, (json.dumps(summary, indent=1) + '\n').encode())
    console.print(_table(summary))
    if stopped:
        console.print('stopped; the same command goes on')
        return STOPPED
    return 1 if failed else 0


def _cells(args: argparse.Namespace) -> list[Cell]:
    """Returns the runs; raises ConfigError for a task, row, preset or setting that is none."""
    from moto_sim import tasks

    if args.jobs < 1 or args.demonstrations < 1:
        raise ConfigError(
            f'--jobs {args.jobs}, --demonstrations {args.demonstrations}; expected 1 or more'
        )
    for task in args.tasks:
        if not (Path(args.out) / 'data' / task).exists():
            tasks.make(task).close()
    for row in args.rows:
        sources = config_file('train', args.config), config_file('train/rows', row)
        load_config(Config, *sources, overrides=args.settings)
    named: dict[str, str] = {}
    for row in args.rows:
        other = named.setdefault(row_name(row), row)
        if other != row:
            raise ConfigError(
                f"the rows '{other}' and '{row}' have one name, '{row_name(row)}', and so one "
                'folder; rename one of the files'
            )
    found = itertools.product(args.tasks, args.rows, args.seeds)
    return list(dict.fromkeys(Cell(*cell) for cell in found))


def _collect(out: Path, task: str, episodes: int, console: Console) -> None:
    """Records demonstrations beside their final place and renames them when they are whole."""
    final, new = out / 'data' / task, out / 'data' / f'.{task}.new'
    console.print(f'{task}: {episodes} demonstrations')
    if new.exists():  # of a sweep that was killed: its episodes are whole, and counted on
        from moto_core.episodes.dataset import Dataset

        with Dataset.open(new) as dataset:
            episodes -= len(dataset.episodes())
    if episodes > 0:
        new.parent.mkdir(parents=True, exist_ok=True)
        line = [sys.executable, '-m', f'{COMMANDS}.data', 'collect', '--task', task]
        line += ['--episodes', str(episodes), '--out', str(new)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise MotoError(f'demonstrations of {task} failed: {"".join(last)}')
    new.rename(final)


def _run(
    cells: Sequence[Cell],
    args: argparse.Namespace,
    out: Path,
    console: Console,
    stopped: list[int],
) -> list[Cell]:
    """Runs the cells that are not finished, `jobs` side by side; returns those that failed."""
    waiting = [cell for cell in cells if not _finished(cell, out, args.settings)]
    if len(waiting) < len(cells):
        console.print(f'{len(cells) - len(waiting)} of {len(cells)} runs are finished')
    running: dict[Cell, subprocess.Popen[bytes]] = {}
    failed: list[Cell] = []
    while running or (waiting and not stopped):
        while waiting and not stopped and len(running) < args.jobs:
            cell = waiting.pop(0)
            running[cell] = _start(cell, args, out)
            console.print(f'{cell.name}: begun')
        if stopped:
            for process in running.values():
                process.terminate()  # moto-train saves and ends
        for cell, code in [(cell, process.poll()) for cell, process in running.items()]:
            if code is None:
                continue
            del running[cell]
            if code == 0:
                console.print(f'{cell.name}: {_said(read_evaluations(cell.folder(out))[-1:])}')
            elif not stopped:
                failed.append(cell)
                console.print(f'{cell.name}: failed, {_last_line(cell.folder(out) / LOG)}')
        time.sleep(0.2)
    return failed


def _start(cell: Cell, args: argparse.Namespace, out: Path) -> subprocess.Popen[bytes]:
    run = cell.folder(out)
    run.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, '-m', f'{COMMANDS}.train']
    if (run / FOLDER).exists():
        line += ['--resume', str(run)]
    else:
        data = out / 'data' / cell.task
        line += ['--config', args.config, '--row', cell.row, '--data', str(data)]
        line += ['--out', str(run), f'seed={cell.seed}', 'train.threads=1']
    with (run / LOG).open('ab') as log:
        return subprocess.Popen(
            [*line, *args.settings],
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
            start_new_session=True,  # Ctrl-C reaches it through the sweep alone
        )


def _finished(cell: Cell, out: Path, settings: Sequence[str]) -> bool:
    """Says whether a run has done all that its settings, with these over them, ask for."""
    run = cell.folder(out)
    if not (run / FOLDER).exists():
        return False
    checkpoint = load_checkpoint(run)
    goal = resumed_config(checkpoint.config, None, settings).train
    done = checkpoint.meta['counters']
    return (
        done['offline'] >= goal.offline_updates
        and done['episodes'] >= goal.online_episodes
        and done['online'] >= done['online_goal']
    )


def _summary(cells: Sequence[Cell], out: Path) -> list[dict[str, Any]]:
    """Returns, by task, row and way to act, the evaluations at every point that all seeds have."""
    found = []
    for (task, row), group in _grouped(cells):
        runs = [read_evaluations(cell.folder(out)) for cell in group]
        keys = [set(map(_place, run)) for run in runs]
        for episodes, explore in sorted(set.intersection(*keys)):
            here = [
                next(one for one in reversed(run) if _place(one) == (episodes, explore))
                for run in runs
            ]
            successes, starts = [one.successes for one in here], [one.starts for one in here]
            low, high = pooled_interval(successes, starts)
            found.append(
                {
                    'task': task,
                    'row': row_name(row),
                    'seeds': [cell.seed for cell in group],
                    'episodes': episodes,
                    'explore': explore,
                    'by_seed': [one.successes / one.starts for one in here],
                    'success': {'k': sum(successes), 'n': sum(starts), 'low': low, 'high': high},
                }
            )
    return found


def _place(found: Evaluation) -> tuple[int, str]:
    return found.episodes, found.explore


def _grouped(cells: Sequence[Cell]) -> Iterator[tuple[tuple[str, str], list[Cell]]]:
    for key in dict.fromkeys((cell.task, cell.row) for cell in cells):
        yield key, [cell for cell in cells if (cell.task, cell.row) == key]


def _table(summary: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for name in ('task', 'row', 'episodes', 'acts by', 'success', '95 % interval', 'by seed'):
        table.add_column(name)
    for line in summary:
        found = line['success']
        table.add_row(
            line['task'],
            line['row'],
            str(line['episodes']),
            line['explore'],
            f'{found["k"]} of {found["n"]}',
            f'{found["low"]:.2f} to {found["high"]:.2f}',
            ' '.join(f'{value:.2f}' for value in line['by_seed']),
        )
    return table


def _said(found: Sequence[Evaluation]) -> str:
    if not found:
        return 'done, not evaluated'
    one = found[0]
    return f'done, {one.successes} of {one.starts} after {one.episodes} episodes by {one.explore}'


def _last_line(log: Path) -> str:
    lines = log.read_text(errors='replace').strip().splitlines() or ['nothing was written']
    return f'see {log}: {lines[-1]}'
