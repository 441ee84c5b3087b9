"""Runs the programs of benchmarks/, one after the other, and keeps what this machine measured.

    benchmarks/*.py -> JSON of each -> benchmarks/results/<machine>.json, with versions and commit

Run as `python scripts/bench.py [NAME ...] [--out FOLDER] [--list]`: without a NAME all of them.
The file is replaced after each program, and keeps what it has of others and of earlier days; so a
run that was stopped is gone on with by naming those that lack. A program that fails, or prints
anything but JSON, leaves what was there, and the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from moto_core.durable import replace_synced
from moto_core.errors import ConfigError, MotoError, unknown_name
from moto_learning.run.commit import git_hash
from moto_learning.run.machine import machine_name

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / 'benchmarks'
VERSIONS = ('torch', 'onnxruntime', 'mujoco', 'numpy', 'opencv-python', 'rclpy')
LINES = 5  # of what a failing program said last


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is named; returns 0, 1 if one failed, 2 after a one-line error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help='of benchmarks/<NAME>.py')
    parser.add_argument('--out', type=Path, default=BENCHMARKS / 'results', help='folder')
    parser.add_argument('--list', action='store_true', help='say what there is, and run nothing')
    args = parser.parse_args(argv)
    there = sorted(path.stem for path in BENCHMARKS.glob('*.py'))
    if args.list:
        print('\n'.join(there))
        return 0
    try:
        for name in args.names:
            if name not in there:
                raise ConfigError(unknown_name('benchmark', name, there))
        return _run(args.names or there, args.out / f'{slug(machine_name())}.json')
    except MotoError as error:
        print(f'bench: {error}', file=sys.stderr)
        return 2


def _run(names: Sequence[str], path: Path) -> int:
    kept, failed = read(path), []
    for name in names:
        print(f'{name} ...', flush=True)
        try:
            found = measure(name)
        except MotoError as error:
            print(error, flush=True)
            failed.append(name)
            continue
        kept['benchmarks'][name] = found
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_synced(path, json.dumps(kept, indent=1).encode() + b'\n')
        print(f'{name}: {found["seconds"]:.0f} s, in {path}', flush=True)
    if failed:
        print(f'{len(failed)} of {len(names)} failed: {", ".join(failed)}', flush=True)
    return 1 if failed else 0


def measure(name: str) -> dict[str, Any]:
    """Runs a program; returns what it measured and of what, raises MotoError if it fails."""
    program, begin = f'benchmarks/{name}.py', time.time()
    done = subprocess.run(
        [sys.executable, program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        found = None
    if found is None:
        last = '\n  '.join((done.stderr or done.stdout).strip().splitlines()[-LINES:])
        raise MotoError(f'{name} failed with code {done.returncode}:\n  {last}')
    return {
        'command': f'python {program}',
        'date': time.strftime('%Y-%m-%d', time.gmtime(begin)),
        'commit': git_hash(),
        'seconds': round(time.time() - begin, 1),
        'versions': versions(),
        'result': found,
    }


def read(path: Path) -> dict[str, Any]:
    """Returns what a file of results holds, or an empty one; raises ConfigError if damaged."""
    if not path.exists():
        return {'machine': machine_name(), 'benchmarks': {}}
    try:
        kept = json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"'{path}' is no JSON ({error}); mend it or move it away") from error
    if not isinstance(kept, dict) or not isinstance(kept.get('benchmarks'), dict):
        raise ConfigError(f"'{path}' has no 'benchmarks' by name; mend it or move it away")
    return kept


def slug(machine: str) -> str:
    """Returns a machine's name as a file's."""
    return re.sub(r'[^a-z0-9]+', '-', machine.lower()).strip('-')


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that are installed here."""
    found = {'python': platform.python_version()}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == '__main__':
    raise SystemExit(main())
