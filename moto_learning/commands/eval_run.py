"""What moto-eval does once its arguments are read: episodes, a table, JSON, a video.

In: the arguments. Out: the table on stdout and the files asked for; the exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
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
from moto_core.config import to_dict
from moto_core.errors import ConfigError
from moto_core.spec import Setup
from moto_learning.commands.progress import progress_bars
from moto_learning.report.video import VideoWriter
from moto_learning.run.evaluate import (
    Loaded,
    Score,
    built_in,
    check_fits,
    evaluate,
    evaluation_setup,
    load_policy,
    summarize,
)
from moto_sim.episode import LEARNED


def evaluate_policy(args: argparse.Namespace) -> int:
    """Runs the episodes, shows their table and writes the files asked for; returns 0."""
    console = Console(markup=False, highlight=False)
    if args.video and Path(args.video).suffix != '.mp4':
        raise ConfigError(f"--video '{args.video}'; expected a name that ends in .mp4")
    for option, path in (('--json', args.json), ('--video', args.video)):
        if path:
            output_file(option, path)
    if args.json and args.video and Path(args.json).resolve() == Path(args.video).resolve():
        raise ConfigError(f"--json and --video both name '{args.json}'; name two files")
    result = _run(args, console)
    if args.json:
        _write_json(Path(args.json), result)
    covered = ', camera covered' if result['camera_covered'] else ''
    console.print(f'{result["task"]}, policy {result["policy"]}{covered}', soft_wrap=True)
    console.print(_table(result))
    found = result['success']
    console.print(
        f'{found["k"]} of {found["n"]} succeeded (95 % interval {found["low"]:.2f} to '
        f'{found["high"]:.2f}), {result["step_ms"]:.2f} ms a step',
        soft_wrap=True,
    )
    return 0


def _run(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    began, loaded = time.time(), load_policy(args.policy)
    cameras = [] if loaded is None else list(loaded.policy.spec.cameras.values())
    env: Any = moto_sim.tasks.make(
        args.task,
        _setup(args, loaded),
        size=cameras[0].height if cameras else None,
        seed=args.seed,
        max_steps=args.max_steps or None,
        proprioception=None if loaded is None else loaded.policy.spec.proprioception,
    )
    try:
        policy = loaded.policy if loaded else built_in(args.policy, env, args.seed)
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
        'setup': to_dict(env.setup),
        'camera_covered': args.cover_camera,
        'video': args.video or '',
        'seconds': time.time() - began,
        **summarize(scores),
    }


def _setup(args: argparse.Namespace, loaded: Loaded | None) -> Setup:
    """Returns the setup to evaluate under; says how it differs from the policy's own."""
    last = args.seed + args.episodes - 1
    if last >= LEARNED:
        raise ConfigError(
            f'--seed {args.seed} and --episodes {args.episodes} end at seed {last}; expected '
            f'below {LEARNED}: from there on are the starts of episodes that are learned from'
        )
    setup, differences = evaluation_setup(
        args.task,
        Setup() if loaded is None else loaded.setup,
        robot=args.robot,
        profile=args.profile,
        actuation=args.actuation,
        view=args.view,
    )
    if loaded is not None and loaded.tasks and args.task not in loaded.tasks:
        print(
            f'moto-eval: warning: the policy learned {", ".join(sorted(loaded.tasks))}, not '
            f"'{args.task}'",
            file=sys.stderr,
        )
    if differences:
        print(
            'moto-eval: warning: this is not the robot that the policy learned on (the '
            f"policy's first): {'; '.join(differences)}",
            file=sys.stderr,
        )
    return setup


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
    table = Table()
    for name in ('seed', 'decisions', 'return', 'success', 'disagreement'):
        table.add_column(name, justify='right')
    for row in result['episodes']:
        table.add_row(
            str(row['seed']),
            str(row['decisions']),
            f'{row["return_"]:.1f}',
            'yes' if row['success'] else 'no',
            f'{row["disagreement"]:.3f}',
        )
    table.add_section()
    table.add_row(
        'mean',
        f'{result["decisions"]:.1f}',
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
