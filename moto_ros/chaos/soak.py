"""A fault that needs time: what grows while the graph runs.

Eight hours are not waited for: memory, open files and latency over a shorter run, and its slope.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from moto_ros.chaos.acting import begin
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.running import RunningGraph
from moto_ros.services import GUARD, RECORDER

WARM = 240.0  # [s] before it counts: until then heaps fill, and pieces of them are found again
SECONDS, EVERY = 120.0, 2.0  # [s] of what counts, between two looks
HOURS, GROWTH = 8.0, 1.0  # what a process grows by in these hours, of what it has, at most
SLOWER = 1.25  # of the second half's p99 latency to the first's


def hours(bench: Bench) -> Seen:
    """Fault 33: episodes one after another."""
    graph, found = bench.graph('whole'), Findings()
    samples: dict[str, list[tuple[float, float, int]]] = {name: [] for name in graph.table}
    latencies: list[tuple[float, float]] = []
    start = time.monotonic()
    while (now := time.monotonic() - start) < WARM + SECONDS:
        _play(graph)
        begun = time.monotonic()
        while time.monotonic() - begun < 20.0:
            graph.spin(EVERY)
            now = time.monotonic() - start
            latencies += [(now, d.request_latency) for d in graph.latest.decisions]
            _forget(graph)
            for name in graph.table:
                samples[name].append((now, *_used(graph.children.running[name].pid)))
        graph.graph.call(GUARD, 'disarm')
        graph.graph.call(RECORDER, 'end_episode', False)
    middle = (WARM + now) / 2.0
    for name, taken in samples.items():
        times, memory, files = (np.array(column) for column in zip(*taken))
        first, second = (times > WARM) & (times <= middle), times > middle
        short = name.removeprefix('moto_')
        slope = float(np.polyfit(times[times > WARM], memory[times > WARM], 1)[0] * 3600.0)
        handles = int(files[second].max() - files[first].max())
        found.expect(
            slope * HOURS < GROWTH * memory[-1] and handles <= 0,
            f'{short} {{{short}_mb:.0f}} MB, {{{short}_mb_h:+.1f}} MB/h, '
            f'{{{short}_files:+.0f}} files',
            **{
                f'{short}_mb': float(memory[-1]),
                f'{short}_mb_h': slope,
                f'{short}_files': handles,
            },
        )
    at, latency = (np.array(column) for column in zip(*latencies))
    early = float(np.percentile(latency[(at > WARM) & (at <= middle)], 99))
    late = float(np.percentile(latency[at > middle], 99))
    found.expect(
        late <= SLOWER * early + 2.0,
        'p99 of stamp to request {early_ms:.1f} ms, then {late_ms:.1f} ms',
        early_ms=early,
        late_ms=late,
    )
    found.note('over {seconds:.0f} s', seconds=now)
    return found.seen()


def _play(graph: RunningGraph) -> None:
    graph.wait(
        lambda: graph.latest.recorder is not None and graph.latest.recorder.state == 'idle',
        5,
        'it',
    )
    begin(graph)


def _forget(graph: RunningGraph) -> None:
    graph.joints[:-1] = []
    for kept in (graph.commands, graph.executed, graph.reasons, graph.latest.decisions):
        kept.clear()


def _used(pid: int) -> tuple[float, int]:
    """Returns a process's resident memory [MB] and how many files it has open."""
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6, len(os.listdir(f'/proc/{pid}/fd'))
