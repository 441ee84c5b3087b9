"""What the surprise's limits do through ROS: the twin, the guard, real processes (docs/safety.md).

    python benchmarks/gate_twin.py measure RUN TASK FOLDER FILE.json [ordinary=40] [starts=8]
    python benchmarks/gate_twin.py table FILE.json

measure: sessions of moto-up in FOLDER, each in its dataset, one that is whole is not run again. 32
ordinary episodes give RUN's bundle its limits; 40 others run under them, and are slowed and held,
and their starts once more without, to see what a hold cost. 8 starts run without limits as they
are and under each shift of moto_sim/shifts.py that a camera can show, to see what a shift makes
fail, and when it would have been held, by the surprise in the rows. The file keeps the tasks that
it has. table: Markdown.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from gate import Told, count, keep, table, typed

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_episode
from moto_core.policy.manifest import parse_manifest
from moto_core.policy.surprise import SurpriseLimits
from moto_learning.run.commit import git_hash
from moto_sim.shifts import SHIFTS

HELD_OUT, STEPS = 32, 100  # episodes, those that succeed make limits; decisions an episode
COMMIT = 'commit.txt'  # of the code that drove a session
FIRST = {'held_out': 4000, 'ordinary': 5000, 'shifted': 6000}  # seeds


def main() -> None:
    if len(sys.argv) < 2:
        print(json.dumps({'skipped': 'no run and task were given'}))
        return
    kind, words, given = typed()
    if kind == 'table':
        print(table(json.loads(Path(words[0]).read_text())))
    elif kind == 'measure':
        run, task, folder, file = words
        ordinary, starts = int(given.get('ordinary', 40)), int(given.get('starts', 8))
        found = measured(Path(run), task, Path(folder).resolve(), ordinary, starts)
        keep(Path(file), task, found)
    else:
        sys.exit(__doc__)


def measured(run: Path, task: str, out: Path, ordinary: int, starts: int) -> dict[str, Any]:
    plain = exported(run, out / 'plain')
    session(plain, task, out / 'held_out', HELD_OUT, FIRST['held_out'])
    limited = exported(run, out / 'limited', '--held-out', str(out / 'held_out' / 'dataset'))
    limits = parse_manifest((limited / 'manifest.json').read_bytes()).surprise_limits
    assert limits is not None, 'too few of the ordinary episodes succeeded'
    for bundle, where in ((limited, out / 'ordinary'), (plain, out / 'unlimited')):
        session(bundle, task, where, ordinary, FIRST['ordinary'])
    session(plain, task, out / 'unshifted', starts, FIRST['shifted'])
    shifts = {}
    for name, shift in SHIFTS.items():
        if not shift.replaced:
            where = out / name.replace(' ', '_')
            session(plain, task, where, starts, FIRST['shifted'], f'twin.shift:={name}')
            shifts[name] = seen(where, limits)
            print(name, count(shifts[name]), file=sys.stderr, flush=True)
    return {
        'bundle': limited.name,
        'commit': (out / 'ordinary' / COMMIT).read_text(),
        'limits': asdict(limits),
        'guarded': True,
        'max_steps': STEPS,
        'ordinary': seen(out / 'ordinary', limits, obeyed=True),
        'unlimited': seen(out / 'unlimited', limits),
        'unshifted': seen(out / 'unshifted', limits),
        'shifts': shifts,
    }


def exported(run: Path, out: Path, *words: str) -> Path:
    """Returns the folder of a run's bundle."""
    name = out / 'bundle'
    if not name.exists():
        call('moto_learning.commands.export', run, '--out', out, '--name-file', name, *words)
    return out / name.read_text().strip()


def session(bundle: Path, task: str, out: Path, episodes: int, seed: int, *more: str) -> None:
    """Runs a session of moto-up, unless its file is there."""
    file = out / 'session.json'
    if not file.exists():
        words = [f'policy:={bundle}', f'task:={task}', f'dataset:={out / "dataset"}', *more]
        words += [f'episodes:={episodes}', f'seed:={seed}', f'max_steps:={STEPS}']
        call('moto_ros.bringup.up', 'sim:=true', 'log_level:=warn', *words, f'json:={file}')
        (out / COMMIT).write_text(git_hash())


def call(module: str, *words: object) -> None:
    subprocess.run([sys.executable, '-m', module, *map(str, words)], check=True)


def seen(out: Path, limits: SurpriseLimits, obeyed: bool = False) -> list[dict[str, Any]]:
    """Returns what a session's episodes came to, those alone that nothing else ended.

    `obeyed`: when the arm was slowed and held is what the rows say, else what the limits would
    have said of the surprise in them.
    """
    told = json.loads((out / 'session.json').read_text())['episodes']
    dataset, found = Dataset.open(out / 'dataset'), []
    for one in told:
        if one['ended'] not in ('done', 'timeout', 'held'):
            continue
        limited, rows = Told(limits), read_episode(dataset.find(one['id']).path)
        for surprise in rows.surprise:
            limited.take(float(surprise))
        if obeyed:
            limited.slowed, limited.held = (
                next(iter(np.flatnonzero(rows.speed_scale <= scale).tolist()), None)
                for scale in (np.nextafter(1.0, 0.0), 0.0)
            )
        found.append(limited.episode(one['seed'], one['success'], one['steps']))
    return found


if __name__ == '__main__':
    main()
