"""moto-eval: episodes of a policy in the simulator, counted and filmed.

In: a bundle, a run, or 'zero', 'random', 'scripted'; a task. Out: a table, JSON, a video.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from moto_core.config import to_dict
from moto_core.errors import ConfigError, MotoError
from moto_core.spec import Setup
from moto_core.version import version

EXAMPLES = """examples:
  moto-eval --policy bundles/3f0c... --task kitchen-microwave --episodes 10 --json eval.json
  moto-eval --policy runs/door --task metaworld-door-open --video door.mp4
  moto-eval --policy scripted --task kitchen-kettle --episodes 20 --seed 5
  moto-eval --policy scripted --task kitchen-mixed --view paper --profile none
  moto-eval --policy bundles/3f0c... --task kitchen-microwave --cover-camera"""


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluates; returns 0, 2 after a one-line error, 130 where it was stopped."""
    args = _parser().parse_args(argv)
    console = Console(markup=False, highlight=False)
    try:
        result = _evaluate(args, console)
        if args.json:
            _write_json(Path(args.json), result)
    except MotoError as error:
        print(f'moto-eval: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('moto-eval: stopped', file=sys.stderr)
        return 130
    console.print(_table(result))
    return 0


def _evaluate(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    if args.episodes < 1:
        raise ConfigError(f'--episodes is {args.episodes}; expected at least 1')
    if args.max_steps < 0:
        raise ConfigError(f"--max-steps is {args.max_steps}; expected 0 (the task's own) or more")
    try:
        from moto_learning.report.video import VideoWriter
        from moto_learning.run.evaluate import (
            built_in,
            check_fits,
            evaluate,
            evaluation_setup,
            load_policy,
            summarize,
        )
        from moto_sim import tasks
        from moto_sim.episode import LEARNED
    except ImportError as error:
        raise ConfigError(f"something is missing ({error}); pip install '.[train,sim]'") from error
    if not 0 <= args.seed < LEARNED:
        raise ConfigError(
            f'--seed is {args.seed}; expected 0 to below {LEARNED}: the starts from there on are '
            'those of episodes that are learned from'
        )
    began, loaded = time.time(), load_policy(args.policy)
    cameras = [] if loaded is None else list(loaded.policy.spec.cameras.values())
    setup, differences = evaluation_setup(
        args.task,
        Setup() if loaded is None else loaded.setup,
        robot=args.robot,
        profile=args.profile,
        actuation=args.actuation,
        view=args.view,
    )
    if differences:
        print(
            f"moto-eval: warning: this is not the robot that the policy learned on (the policy's "
            f'first): {"; ".join(differences)}',
            file=sys.stderr,
        )
    env: Any = tasks.make(
        args.task,
        setup,
        size=cameras[0].height if cameras else None,
        seed=args.seed,
        max_steps=args.max_steps or None,
        proprioception=None if loaded is None else loaded.policy.spec.proprioception,
    )
    try:
        policy = loaded.policy if loaded else built_in(args.policy, env, args.seed)
        check_fits(policy, env.spec)
        columns = (
            TextColumn('{task.description}'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn('{task.fields[note]}'),
        )
        film = VideoWriter(args.video, env.spec.rate) if args.video else nullcontext()
        with film as video, Progress(*columns, console=console) as progress:
            bar, good = progress.add_task(args.task, total=args.episodes, note=''), []

            def show(score: Any) -> None:
                good.append(score.success)
                progress.update(bar, advance=1, note=f'{sum(good)} of {len(good)} succeeded')

            scores = evaluate(
                env,
                policy,
                args.episodes,
                args.seed,
                0,
                args.cover_camera,
                video.add if video else None,
                show,
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        'moto-eval',
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {version()}')
    parser.add_argument(
        '--policy',
        required=True,
        metavar='NAME',
        help="a bundle's folder (or a file with its path), a run's folder, or "
        "'zero', 'random', 'scripted'",
    )
    parser.add_argument(
        '--task',
        required=True,
        help='for example kitchen-microwave, metaworld-door-open; kitchen-mixed and '
        "kitchen-partial by the paper's names (D4RL's are the other way round)",
    )
    parser.add_argument('--episodes', type=int, default=10, help='(default: %(default)s)')
    parser.add_argument(
        '--seed',
        type=int,
        default=1000,
        help='episode i resets with seed + i (default: %(default)s)',
    )
    parser.add_argument(
        '--max-steps', type=int, default=0, help="decisions an episode (default: the task's own)"
    )
    whose = " (default: the policy's, or the task's own)"
    parser.add_argument('--robot', default='', help='config/robot/<name>' + whose)
    parser.add_argument(
        '--profile', default='', help="the guard's limits; 'none' for no guard" + whose
    )
    parser.add_argument(
        '--actuation', default='', help="how the joints move: hold, or D4RL's d4rl" + whose
    )
    parser.add_argument('--view', default='', help='of the camera: front, paper, wide' + whose)
    parser.add_argument(
        '--cover-camera',
        action='store_true',
        help='show the policy black images: what it does without its eyes',
    )
    parser.add_argument('--video', metavar='FILE.mp4', help='of all the episodes')
    parser.add_argument('--json', metavar='FILE', help='gets the table as JSON')
    return parser


if __name__ == '__main__':
    sys.exit(main())
