"""What the surprise's limits of a bundle do: false holds, and holds before a shifted task fails.

    python benchmarks/gate.py record BUNDLE TASK DATASET [episodes=24]
    python benchmarks/gate.py measure BUNDLE TASK FILE.json [ordinary=40] [starts=8]
    python benchmarks/gate.py table FILE.json

record: ordinary episodes that the policy drives, for `moto-export --held-out DATASET`. measure:
other starts; ordinary ones under the limits (where the task has a guard, it slows and holds) and
once more without, to see what a hold cost; some without limits as they are and under each shift of
moto_sim/shifts.py, to see what a shift makes fail and when it would have been held. Episodes end
at success. The file keeps the tasks that it has. table: Markdown, of docs/safety.md.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.policy.policy import OnnxPolicy, PolicyState, PolicyStep
from moto_core.policy.surprise import Caution, SurpriseLimits
from moto_learning.run.commit import git_hash
from moto_sim.env import TaskEnv
from moto_sim.episode import run_episode, simulated_header
from moto_sim.shifted_env import shifted_env
from moto_sim.shifts import LATER, SHIFTS, Shift, picture

RECORDED, ORDINARY, SHIFTED = 4000, 5000, 6000  # first seeds


class Told:
    """What the limits say over the decisions of one episode."""

    def __init__(self, limits: SurpriseLimits | None) -> None:
        self.caution = Caution(limits)
        self.rows, self.largest = 0, 0.0
        self.slowed: int | None = None  # the first decision at which it was
        self.held: int | None = None

    def take(self, surprise: float) -> float:
        """Takes a decision's surprise [nats]; returns how much of the speed is left, 0 to 1."""
        scale = self.caution.take(surprise)
        self.largest = max(self.largest, self.caution.mean)
        if scale < 1.0 and self.slowed is None:
            self.slowed = self.rows
        if scale == 0.0 and self.held is None:
            self.held = self.rows
        self.rows += 1
        return scale

    def episode(self, seed: int, success: bool, decisions: int) -> dict[str, Any]:
        """Returns the episode as the file of results has it."""
        return {
            'seed': seed,
            'success': success,
            'decisions': decisions,
            'slowed': self.slowed,
            'held': self.held,
            'largest': round(self.largest, 3),
        }


class Watched:
    """A policy that sees through a shift, its caution beside it; `guard` does what that says."""

    def __init__(
        self, policy: OnnxPolicy, shift: Shift, other: dict[str, Any], guard: Any
    ) -> None:
        self.policy, self.shift, self.other, self.guard = policy, shift, other, guard
        self.spec, self.hash = policy.spec, policy.hash
        self.told = Told(policy.surprise_limits)
        self.seen: dict[str, Any] = {}  # camera: its picture at decision LATER

    def initial(self) -> PolicyState:
        """Returns the policy's."""
        return self.policy.initial()

    def step(self, images: Any, proprioception: Any, state: PolicyState) -> PolicyStep:
        """Returns the policy's step at the shifted images."""
        shown = {
            name: picture(self.shift, image, self.told.rows, self.other.get(name))
            for name, image in images.items()
        }
        if self.told.rows == LATER:
            self.seen = shown
        step = self.policy.step(shown, proprioception, state)
        scale = self.told.take(step.surprise)
        if self.guard is not None:
            self.guard.speed_scale = scale
        return step


def main() -> None:
    if len(sys.argv) < 2:
        print(json.dumps({'skipped': 'no bundle and task were given'}))
        return
    kind, words, given = typed()
    if kind == 'table':
        print(table(json.loads(Path(words[0]).read_text())))
    elif kind == 'record':
        bundle, task, dataset = words
        record(bundle, task, dataset, int(given.get('episodes', 24)))
    elif kind == 'measure':
        bundle, task, file = words
        found = measure(bundle, task, int(given.get('ordinary', 40)), int(given.get('starts', 8)))
        keep(Path(file), task, found)
    else:
        sys.exit(__doc__)


def typed() -> tuple[str, list[str], dict[str, str]]:
    """Returns what is to be done, its words, and what was given by name."""
    kind, *words = sys.argv[1:]
    given = dict(word.split('=', 1) for word in words if '=' in word)
    return kind, [word for word in words if '=' not in word], given


def keep(file: Path, task: str, found: dict[str, Any]) -> None:
    """Writes what was found of a task beside the tasks that the file has."""
    kept = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**kept, task: found}, indent=1) + '\n')


def make_env(policy: OnnxPolicy, task: str, shift: Shift) -> TaskEnv:
    size = next(iter(policy.spec.cameras.values())).height
    options = {'size': size, 'proprioception': policy.spec.proprioception}
    return shifted_env(task, policy.setup, shift, **options)


def record(bundle: str, task: str, dataset: str, episodes: int) -> None:
    policy = OnnxPolicy(bundle, latency_limit=float('inf'))
    env = make_env(policy, task, Shift())
    with Dataset.create_or_open(Path(dataset), env.spec, setup=env.setup) as kept:
        for seed in range(RECORDED, RECORDED + episodes):
            header = simulated_header(env, seed, policy_hash=policy.hash)
            with kept.new_episode(header) as writer:
                start = header.created
                result = run_episode(
                    env, policy, seed, writer.append, after_success=0, start=start
                )
                writer.close(result.outcome)
    env.close()


def measure(bundle: str, task: str, ordinary: int, starts: int) -> dict[str, Any]:
    policy = OnnxPolicy(bundle, latency_limit=float('inf'))
    assert policy.surprise_limits is not None, 'the bundle has no limits of the surprise'
    env = make_env(policy, task, Shift())
    guard = getattr(env.task, 'guard', None)
    seeds = range(ORDINARY, ORDINARY + ordinary)
    usual = [drive(env, policy, Shift(), seed, {}, guard)[0] for seed in seeds]
    unlimited, seen = zip(*(drive(env, policy, Shift(), seed, {}, None) for seed in seeds))
    other = next(filter(None, seen))
    seeds = range(SHIFTED, SHIFTED + starts)
    unshifted = [drive(env, policy, Shift(), seed, {}, None)[0] for seed in seeds]
    steps = env.max_steps
    env.close()
    shifts = {}
    for name, shift in SHIFTS.items():
        env = make_env(policy, task, shift)
        shifts[name] = [drive(env, policy, shift, seed, other, None)[0] for seed in seeds]
        env.close()
        print(name, count(shifts[name]), file=sys.stderr, flush=True)
    return {
        'bundle': policy.hash,
        'commit': git_hash(),
        'limits': asdict(policy.surprise_limits),
        'guarded': guard is not None,
        'max_steps': steps,
        'ordinary': usual,
        'unlimited': list(unlimited),
        'unshifted': unshifted,
        'shifts': shifts,
    }


def drive(
    env: TaskEnv, policy: OnnxPolicy, shift: Shift, seed: int, other: dict[str, Any], guard: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns what an episode came to, and its pictures at decision LATER."""
    watched = Watched(policy, shift, other, guard)
    result = run_episode(env, watched, seed, after_success=0)
    return watched.told.episode(seed, result.success, result.decisions), watched.seen


def count(episodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns how many succeed, and how many of the others, and of these, are held."""
    failed = [one for one in episodes if not one['success']]
    done = [one for one in episodes if one['success']]
    held = [one['held'] for one in failed if one['held'] is not None]
    return {
        'n': len(episodes),
        'success': len(done),
        'failed': len(failed),
        'held_of_failed': len(held),
        'held_at': statistics.median(held) if held else None,
        'held_of_succeeded': sum(one['held'] is not None for one in done),
        'slowed_of_succeeded': sum(one['slowed'] is not None for one in done),
        'largest': float(np.median([one['largest'] for one in episodes])),
    }


def table(results: dict[str, Any]) -> str:
    """Returns the measured tasks in Markdown."""
    lines = [
        '| task | shift | success without limits | of the failed: held | at decision (median) | '
        'of the successful: held, slowed | largest mean [nats] (median) |',
        '|---|---|---|---|---|---|---|',
    ]
    totals = []
    for task, found in results.items():
        under = {'none, under the limits': found['ordinary']} if found['guarded'] else {}
        usual = {**under, 'none': found['unlimited']}
        rows = {**usual, **found['shifts']}
        for name, episodes in rows.items():
            c = count(episodes)
            at = '-' if c['held_at'] is None else f'{c["held_at"]:.0f}'
            held = f'{c["held_of_failed"]} of {c["failed"]}' if c['failed'] else '-'
            done = f'{c["held_of_succeeded"]}, {c["slowed_of_succeeded"]} of {c["success"]}'
            lines.append(
                f'| {task} | {name} | {c["success"]} of {c["n"]} | {held} | {at} | '
                f'{done if c["success"] else "-"} | {c["largest"]:.1f} |'
            )
        totals.append(total(task, found))
    return '\n'.join([*lines, '', *totals])


def total(task: str, found: dict[str, Any]) -> str:
    """Says of all shifts together what was held in time, and of ordinary episodes what was."""
    limits, usual = found['limits'], found['ordinary']
    able = {one['seed'] for one in found['unshifted'] if one['success']}
    every = [one for episodes in found['shifts'].values() for one in episodes]
    made = [one['held'] for one in every if one['seed'] in able and not one['success']]
    held = [one for one in made if one is not None]
    soon = statistics.median(one['decisions'] for one in usual if one['success'])
    false = {one['seed'] for one in usual if one['held'] is not None}
    lost = [one for one in found['unlimited'] if one['seed'] in false and one['success']]
    return (
        f'- {task}: slow {limits["slow"]:.2f}, hold {limits["hold"]:.2f} nats, of '
        f'{limits["episodes"]} held-out episodes. Held before their time was up: {len(held)} of '
        f'the {len(made)} that a shift made fail, {sum(one <= soon for one in held)} of them by '
        f'decision {soon:.0f}, at which half of the ordinary ones have succeeded. False holds: '
        f'{len(false)} of {len(usual)} ordinary episodes, {count(usual)["held_of_succeeded"]} of '
        f'them successes; without limits {len(lost)} of their {len(false)} starts succeed.'
    )


if __name__ == '__main__':
    main()
