"""What moto-eval does once its arguments are read: episodes, a table, JSON, a video.

In: the arguments. Out: the table on stdout and the files asked for; the exit code.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import moto_sim.tasks
from moto_core.command import output_file
from moto_core.errors import ConfigError
from moto_learning.commands.progress import progress_bars
from moto_learning.report.video import VideoWriter
from moto_learning.run.evaluate import (
    Score,
    built_in,
    check_fits,
    evaluate,
    load_policy,
    summarize,
)


def evaluate_policy(args: argparse.Namespace) -> int:
    """Runs the episodes, shows their table and writes the files asked for; returns 0."""
    console = Console(markup=False, highlight=False)
    for option, path in (('--json', args.json), ('--video', args.video)):
        if path:
            output_file(option, path)
    result = _run(args, console)
    if args.json:
        _write_json(Path(args.json), result)
    console.print(_table(result))
    return 0


def _run(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    began, policy = time.time(), load_policy(args.policy)
    cameras = [] if policy is None else list(policy.spec.cameras.values())
    env: Any = moto_sim.tasks.make(
        args.task,
        robot=args.robot or None,
        guard=None if args.profile == 'none' else args.profile,
        size=cameras[0].height if cameras else None,
        seed=args.seed,
        max_steps=args.max_steps or None,
    )
    try:
        policy = policy or built_in(args.policy, env, args.seed)
        check_fits(policy, env.spec)
        film = VideoWriter(args.video, env.spec.rate) if args.video else nullcontext()
        with film as video, progress_bars(console) as progress:
            scores = evaluate(
                env,
                policy,
                episodes=args.episodes,
                seed=args.seed,
                cover_camera=args.cover_camera,
                film=video.add if video else None,
                listener=_listener(progress, args.task, args.episodes),
            )
    finally:
        env.close()
    return {
        'task': args.task,
        'policy': args.policy,
        'hash': policy.hash,
        'seed': args.seed,
        'profile': args.profile,
        'camera_covered': args.cover_camera,
        'video': args.video or '',
        'seconds': time.time() - began,
        **summarize(scores),
    }


def _listener(progress: Progress, task: str, episodes: int) -> Callable[[Score], None]:
    """Returns what advances a bar at each episode and counts the successes beside it."""
    bar = progress.add_task(task, total=episodes, note='')
    succeeded: list[bool] = []

    def show(score: Score) -> None:
        succeeded.append(score.success)
        note = f'{sum(succeeded)} of {len(succeeded)} succeeded'
        progress.update(bar, advance=1, note=note)

    return show


def _table(result: dict[str, Any]) -> Table:
    found = result['success']
    covered = ', camera covered' if result['camera_covered'] else ''
    table = Table(
        title=f'{result["task"]}: {result["policy"]} ({result["hash"][:12]}){covered}',
        caption=f'{found["k"]} of {found["n"]} succeeded '
        f'(95 % interval {found["low"]:.2f} to {found["high"]:.2f}), '
        f'{result["step_ms"]:.2f} ms a step',
    )
    for name in ('seed', 'decisions', 'return', 'success', 'disagreement'):
        table.add_column(name, justify='right')
    for row in result['episodes']:
        table.add_row(
            str(row['seed']),
            str(row['steps']),
            f'{row["return_"]:.1f}',
            'yes' if row['success'] else 'no',
            f'{row["disagreement"]:.3f}',
        )
    table.add_section()
    table.add_row(
        'mean',
        f'{result["steps"]:.1f}',
        f'{result["return"]:.1f}',
        f'{found["k"]} of {found["n"]}',
        f'{result["disagreement"]:.3f}',
    )
    return table


def _write_json(path: Path, result: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + '\n')
    except OSError as error:
        raise ConfigError(f"cannot write '{path}': {error.strerror or error}") from error
