"""Our update beside TorchRL's and SheepRL's, by turns in one run; prints JSON.

    make bench-peers                                            # makes the peers' venv, then
    python benchmarks/peers/compare.py --peers runs/peers/bin/python [--updates 5] [--threads 1]

Batch, length, horizon, widths, precision, threads are equal (worker.py), and all but the last of
ours imagine from every state of the batch. What differs is said by `parameters` and `gflop`.
Ratios are medians over the turns, of the processor's seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
OURS = {
    'ours': ('members=7',),
    'ours, M = 1': ('members=1',),
    'ours, 128 starts': ('members=7', 'starts=128'),
}
PEERS = ('torchrl', 'sheeprl')
PRECISIONS = ('float32', 'bfloat16')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--peers', required=True, help="the interpreter of the peers' venv")
    parser.add_argument('--updates', type=int, default=5, help='of each, by turns')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--precision', action='append', choices=PRECISIONS)
    parser.add_argument('--sizes', default='{}', help='JSON, over those of worker.py')
    args = parser.parse_args()
    found = {
        precision: compared(args.peers, args.updates, args.sizes, precision, args.threads)
        for precision in args.precision or PRECISIONS
    }
    about = {'threads': args.threads, 'updates': args.updates, 'sizes': json.loads(args.sizes)}
    print(json.dumps(about | found, indent=2))


def compared(peers: str, updates: int, sizes: str, precision: str, threads: int) -> dict[str, Any]:
    """Returns what each learner's update costs, and ours as shares of the best peer's."""
    words = ['--sizes', sizes, '--precision', precision, '--threads', str(threads)]
    workers = {
        name: Worker([sys.executable, str(HERE / 'ours.py'), *own, *words])
        for name, own in OURS.items()
    }
    for name in PEERS:
        workers[name] = Worker([peers, str(HERE / f'{name}_dreamer.py'), *words])
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    try:
        about = {name: worker.answer() for name, worker in workers.items()}
        for _ in range(updates):
            for name, worker in workers.items():
                rows[name].append(worker.update())
    finally:
        for worker in workers.values():
            worker.close()
    costs = {
        name: about[name]
        | {key: round(median(row[key] for row in found), 3) for key in ('cpu', 'wall')}
        | {'peak_mb': round(max(row['peak_mb'] for row in found))}
        for name, found in rows.items()
    }
    return {'learners': costs, 'ratios': ratios(rows), 'memory': memory(costs)}


def ratios(rows: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Returns each of ours as a share of the cheapest peer's update of the same turn."""
    best = [min(turn) for turn in zip(*([row['cpu'] for row in rows[name]] for name in PEERS))]
    found = {
        f'{name} / best peer': shares([row['cpu'] for row in rows[name]], best) for name in OURS
    }
    one = [row['cpu'] for row in rows['ours, M = 1']]
    return found | {'ours / ours, M = 1': shares([row['cpu'] for row in rows['ours']], one)}


def shares(ours: Sequence[float], others: Sequence[float]) -> float:
    """Returns the median of the turns' ratios."""
    return round(median(a / b for a, b in zip(ours, others)), 3)


def memory(costs: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Returns each of ours as a share of the least peak of a peer."""
    least = min(costs[name]['peak_mb'] for name in PEERS)
    return {f'{name} / best peer': round(costs[name]['peak_mb'] / least, 3) for name in OURS}


class Worker:
    """A learner's process (worker.py)."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (HERE, *paths())))},
        )

    def update(self) -> dict[str, Any]:
        """Returns what one more update cost."""
        assert self.process.stdin is not None
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Returns its next line; ends the program with its command if there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f'{" ".join(self.command)} ended with {self.process.wait()}')
        return dict(json.loads(line))

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()


def paths() -> list[Path]:
    """Returns where this project's packages lie; a peer's process uses none of them."""
    root = HERE.parents[1]
    return [root, root / 'sim']


if __name__ == '__main__':
    main()
