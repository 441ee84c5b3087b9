"""Faults of what is recorded: damaged files, a full disk, a slow one, two recorders, labels."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.labels import LABELS
from moto_core.episodes.layout import episode_folder
from moto_core.episodes.reader import read_episode, salvage
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError, one_line
from moto_core.guard.limits import load_robot
from moto_core.row import Row
from moto_core.spec import Spec
from moto_ros.bringup.table import command
from moto_ros.chaos.acting import begin, hearing
from moto_ros.chaos.bench import Bench
from moto_ros.chaos.fault import Findings, Seen
from moto_ros.chaos.motion import reasons_said
from moto_ros.chaos.rosout import ROSOUT, said
from moto_ros.chaos.running import RunningGraph
from moto_ros.chaos.slow_disk import STALL, TRIGGER
from moto_ros.services import GUARD, RECORDER

ROWS = 6
CUTS, FLIPS = 30, 120
OTHER = 'moto_recorder_two'
MORE = 20_000  # [bytes] that the disk still takes


def damage(bench: Bench) -> Seen:
    """Fault 21: an episode's file cut anywhere, and with one bit flipped anywhere."""
    found, folder = Findings(), bench.folder()
    whole, sizes = _recorded(folder / 'whole')
    rng, scratch = np.random.default_rng(0), folder / 'episode.mcap'
    lost = unseen = 0
    for length in rng.integers(0, len(whole), CUTS):
        scratch.write_bytes(whole[:length])
        lost, unseen = _judge(scratch, sizes, int(length), lost, unseen)
    found.expect(not lost + unseen, f'{CUTS} cuts: {lost} whole rows lost, {unseen} unseen')
    lost = unseen = 0
    for place in rng.integers(0, len(whole), FLIPS):
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        scratch.write_bytes(bytes(data))
        lost, unseen = _judge(scratch, sizes, int(place), lost, unseen)
    found.expect(
        not lost + unseen,
        f'{FLIPS} flipped bits: {lost} whole rows before it lost, {unseen} unseen',
    )
    found.numbers.update(cuts=CUTS, flips=FLIPS)
    return found.seen()


def full_disk(bench: Bench) -> Seen:
    """Fault 22: writes fail in an episode; in the next a write stalls; then no space is left."""
    graph, found = bench.graph('whole'), Findings()
    identity = begin(graph)
    pid = graph.children.running[RECORDER].pid
    path = episode_folder(graph.dataset, identity) / 'episode.mcap.active'
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (path.stat().st_size + MORE, hard))
    graph.wait(lambda: any(e.problem and e.episode == identity for e in graph.events), 10, 'it')
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    (event,) = [e for e in graph.events if e.problem and e.episode == identity]
    found.expect('large' in event.problem, f'writes fail: {one_line(event.problem, 120)}')
    guard, missed = graph.latest.guard, graph.latest.policy.missed
    graph.spin(0.5)
    found.expect(
        guard.state == 'RUNNING' and graph.latest.policy.missed == missed,
        'control never notices: RUNNING, no period missed',
    )
    _stall(found, bench, graph)
    _expect_floor(found, bench)
    return found.seen()


def two_recorders(bench: Bench) -> Seen:
    """Fault 23: a second recorder on the same dataset."""
    graph, found = bench.graph('whole'), Findings()
    holder = graph.children.running[RECORDER].pid
    graph.children.start(OTHER, command(replace(graph.table[RECORDER], node=OTHER)))
    try:
        with hearing(graph, ROSOUT) as told:
            found.expect(not graph.change(OTHER, 'CONFIGURE'), 'the second is not configured')
            line = said(graph, told, OTHER, str(holder))
        shown = line.replace(str(graph.dataset), '...')
        found.expect(bool(line), f'it names the holder: {one_line(shown, 160)}')
    finally:
        process = graph.children.running.pop(OTHER)
        process.terminate()
        process.wait(10)
    return found.seen()


def labels(bench: Bench) -> Seen:
    """Fault 24: labels that come late, twice and contradict each other."""
    found, folder = Findings(), bench.folder() / 'dataset'
    spec = load_robot('kitchen_sim').spec
    with Dataset.create_or_open(folder, spec, floor=0) as dataset:
        writer = dataset.new_episode(_header(spec))
        for t in range(ROWS):
            writer.append(_row(spec, t))
        writer.close()
        identity = writer.header.id
        first = dataset.find(identity).outcome
        found.expect(first == 'unlabelled', f'without a label: {first}, no failure')
        given = ('failure', 'success', 'success', 'failure')
        for label in given:
            dataset.label(identity, label, by='moto-chaos')
    with Dataset.open(folder) as dataset:
        last = dataset.find(identity).outcome
    kept = (episode_folder(folder, identity) / LABELS).read_text().strip().splitlines()
    found.expect(
        last == given[-1] and len(kept) == len(given),
        f'of {len(kept)} lines the last counts: {last}',
    )
    return found.seen()


def _judge(path: Path, sizes: list[int], place: int, lost: int, unseen: int) -> tuple[int, int]:
    """Counts a damaged file whose damage is not seen, or whose whole rows are not all kept."""
    found = salvage(path)
    before = sum(size <= place for size in sizes)
    good = all(np.array_equal(row.requested, _action(t)) for t, row in enumerate(found.rows))
    return lost + (len(found.rows) < before or not good), unseen + (not found.damage)


def _stall(found: Findings, bench: Bench, graph: RunningGraph) -> None:
    """Expects nobody, and no row, to suffer from a write that takes 1 s."""
    trigger, own = bench.folder() / 'stall', graph.table[RECORDER]
    graph.children.environment[TRIGGER] = str(trigger)
    graph.table[RECORDER] = replace(own, module='moto_ros.chaos.slow_disk')
    _restart(graph)
    identity = begin(graph)
    missed = graph.latest.policy.missed
    trigger.touch()
    graph.wait(lambda: not trigger.exists(), 5, 'the stall')
    graph.spin(STALL + 0.6)
    stale = {'request_stale', 'joints_stale'} & reasons_said(graph)
    state = graph.latest.guard.state
    found.expect(
        state == 'RUNNING' and not stale and graph.latest.policy.missed == missed,
        f'a write that takes {STALL:.0f} s: control never notices ({state})',
    )
    graph.graph.call(GUARD, 'disarm')
    graph.graph.call(RECORDER, 'end_episode', False)
    graph.wait(lambda: graph.latest.recorder.state == 'idle', 5, 'the end')
    decisions = len([d for d in graph.latest.decisions if d.episode == identity])
    with Dataset.open(graph.dataset) as dataset:
        record = dataset.find(identity)
    rows = record.rows
    found.expect(
        rows >= decisions - 2 and record.ended == 'done',
        f'the recorder goes on: {record.ended}, {{rows}} rows of {{decisions}} decisions',
        rows=rows,
        decisions=decisions,
    )
    graph.table[RECORDER] = own
    _restart(graph)


def _restart(graph: RunningGraph) -> None:
    process = graph.children.running[RECORDER]
    process.terminate()
    graph.wait(lambda: process.poll() is not None, 10, "the recorder's end")
    graph.start(RECORDER)


def _expect_floor(found: Findings, bench: Bench) -> None:
    """Expects recording to stop cleanly before a disk is full."""
    spec, free = load_robot('kitchen_sim').spec, [10**9]
    writer = EpisodeWriter(bench.folder(), _header(spec), free=lambda _: free[0])
    for t in range(3):
        writer.append(_row(spec, t))
    free[0] = 1000
    try:
        writer.append(_row(spec, 3))
        found.expect(False, 'a row is written to a disk with 1000 bytes free')
    except EpisodeError:
        ended = read_episode(writer.path)
        found.expect(
            ended.ended == 'disk_full' and len(ended) == 3,
            f'before it is full the episode closes as {ended.ended}, {len(ended)} rows',
        )


def _recorded(folder: Path) -> tuple[bytes, list[int]]:
    """Returns the bytes of an episode and its size after each row."""
    spec = load_robot('kitchen_sim').spec
    writer, sizes = EpisodeWriter(folder, _header(spec), floor=0), []
    for t in range(ROWS):
        writer.append(_row(spec, t))
        sizes.append(writer.active.stat().st_size)
    return writer.close('success').read_bytes(), sizes


def _header(spec: Spec) -> EpisodeHeader:
    return EpisodeHeader(task='chaos', source='sim', spec=spec)


def _action(t: int) -> np.ndarray:
    return np.full(9, t / 100, np.float32)


def _row(spec: Spec, t: int) -> Row:
    rng = np.random.default_rng(t)
    images = {
        name: rng.integers(0, 256, (camera.height, camera.width, 3), np.uint8)
        for name, camera in spec.cameras.items()
    }
    return Row(
        stamp=1_700_000_000_000_000_000 + t * 80_000_000,
        images=images,
        requested=_action(t),
        executed=_action(t),
        reward=float(t),
        is_first=t == 0,
    )
