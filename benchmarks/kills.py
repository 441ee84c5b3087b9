"""How long the others fall silent when a process of the simulated graph is killed (fault 18).

Run as `python benchmarks/kills.py [--kills 200] [--json FILE]`. A person drives the arm to and
fro; policy and recorder are killed (SIGKILL), one after the other, and started again. Guard and
twin are innocent: the longest time without a tick of the one and without joints of the other, by
their own stamps, in the second that follows, and in as many seconds in which nobody was killed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.ros_domain import own_domain
from moto_ros.chaos.acting import person
from moto_ros.chaos.command import domain
from moto_ros.chaos.running import RunningGraph, longest_gap
from moto_ros.services import GUARD, POLICY, RECORDER
from moto_ros.wire.convert import to_ns

SECOND = 1.2  # [s] driven after each: a second, and what comes late of it
ASKED = 0.2  # [rad/s]
ALLOWED = 0.1  # [s] of silence


def main() -> None:
    """Kills, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--json', type=Path, help='written beside what is printed')
    args = parser.parse_args()
    with domain(own_domain()), tempfile.TemporaryDirectory() as folder:
        text = json.dumps(measured(Path(folder), args.kills), indent=1)
    if args.json:
        args.json.write_text(text + '\n')
    print(text)


def measured(folder: Path, kills: int) -> dict[str, Any]:
    """Returns the silences [s] of guard and twin, after kills and without."""
    graph = RunningGraph(folder / 'dataset', None, {'policy': 'random', 'log_level': 'fatal'})
    found: dict[str, list[tuple[float, float]]] = {'killed': [], 'nobody': []}
    try:
        for turn in range((kills + 1) // 2):
            asked = (1 if turn % 2 else -1) * person(graph, ASKED)
            for victim in (POLICY, RECORDER):
                found['nobody'].append(silences(graph, asked, graph.now()))
                found['killed'].append(silences(graph, asked, graph.kill(victim)))
                asked = -asked
            graph.graph.call(GUARD, 'disarm')  # nobody asks for anything meanwhile
            graph.start(POLICY, RECORDER)
    finally:
        graph.close()
    return {'kills': len(found['killed'])} | {name: told(all) for name, all in found.items()}


def silences(graph: RunningGraph, asked: np.ndarray, begin: int) -> tuple[float, float]:
    """Drives on; returns how long guard and twin were silent [s] in the second from `begin`."""
    graph.drive(asked, SECOND)
    kept = graph.executed, graph.joints
    stamps = [np.array([to_ns(one.header.stamp) for one in messages]) for messages in kept]
    for messages in kept:
        messages.clear()
    return longest_gap(stamps[0], begin), longest_gap(stamps[1], begin)


def told(silences: list[tuple[float, float]]) -> dict[str, Any]:
    """Returns the median, the 99th percentile, the worst [s], and how many were too long."""
    result = {}
    for who, all in zip(('guard', 'twin'), np.array(silences).T):
        p50, p99 = np.percentile(all, [50, 99])
        values = {'p50': p50, 'p99': p99, 'worst': all.max()}
        result[who] = {name: round(float(value), 4) for name, value in values.items()}
        result[who]['over_0.1_s'] = int((all > ALLOWED).sum())
    return result


if __name__ == '__main__':
    main()
