"""Breaks each rule of the guard and each duty around it in turn: does a test fail?

    scripts/mutations/*.yaml -> a copy of the checkout, one mutation in it -> pytest -x -> verdict

Run as `python scripts/mutate.py [--list] [--group core loops nodes sim learning rounds console
report] [--only NAME ...] [--json FILE]`. First the same tests run without a mutation; only if they
pass does a failure mean something. The checkout itself is never changed. Exit code 1: a mutation
survived, or nobody knows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from moto_core.durable import replace_synced
from moto_core.errors import ConfigError, MotoError, unknown_name

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / 'scripts' / 'mutations'
GROUPS = ('core', 'loops', 'nodes', 'sim', 'learning', 'rounds', 'console', 'report')
PATIENCE = 300.0  # [s] for the tests of one mutation
UNBROKEN = 1800.0  # [s] for the tests of all of them, once, without any
PYTEST = ('-m', 'pytest', '-x', '-q', '--tb=no', '-p', 'no:cacheprovider')


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One thing that is broken: lines of a file and what takes their place, or `of` several."""

    name: str
    group: str  # the table that it stands in
    breaks: str  # which rule or duty of docs/safety.md
    tests: list[str]  # what pytest is told to run
    slow: bool = False  # the slow ones among them too
    file: str = ''
    before: str = ''  # whole lines, indented among themselves alone; they stand there once
    after: str = ''
    of: list[str] = field(default_factory=list)  # mutations made at once, by name


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the tests said of one mutation."""

    name: str
    breaks: str
    verdict: str  # 'caught', 'SURVIVED' or 'UNKNOWN'
    by: str  # the test that failed, or what went wrong
    seconds: float


def load(folder: Path = TABLES) -> dict[str, Mutation]:
    """Returns the mutations of every table by name; raises ConfigError for one that is wrong."""
    known = {one.name for one in fields(Mutation)} - {'group'}
    found: dict[str, Mutation] = {}
    for group in GROUPS:
        for entry in yaml.safe_load((folder / f'{group}.yaml').read_text()):
            for key in entry:
                if key not in known:
                    raise ConfigError(f'{group}.yaml: ' + unknown_name('key', key, known))
            mutation = Mutation(group=group, **entry)
            if mutation.name in found:
                raise ConfigError(f'{group}.yaml: two mutations are named {mutation.name!r}')
            found[mutation.name] = mutation
    return found


def parts(mutation: Mutation, table: dict[str, Mutation]) -> list[Mutation]:
    """Returns the mutations of single places that one is made of."""
    return [table[name] for name in mutation.of] or [mutation]


def mutated(mutation: Mutation, text: str) -> str:
    """Returns a file's text with the mutation in it; raises ConfigError unless it fits once."""
    lines, wanted = text.splitlines(), mutation.before.splitlines()
    places = [
        place
        for place in range(len(lines) - len(wanted) + 1)
        if lines[place : place + len(wanted)] == _indented(wanted, lines[place])
    ]
    if not wanted or len(places) != 1:
        raise ConfigError(
            f"mutation '{mutation.name}': its lines stand {len(places)} times in "
            f'{mutation.file}, expected once; {wanted[:1]} and what follows: has the source '
            'changed? Then write the mutation anew'
        )
    (place,) = places
    lines[place : place + len(wanted)] = _indented(mutation.after.splitlines(), lines[place])
    return '\n'.join(lines) + '\n'


def _indented(lines: Sequence[str], like: str) -> list[str]:
    indent = like[: len(like) - len(like.lstrip())]
    return [indent + line if line else line for line in lines]


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Gives a copy of a checkout as it is, without what git ignores; it is gone afterwards."""
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix='moto-mutate-') as folder:
        for name in filter(None, listed.stdout.split('\0')):
            if (root / name).is_file():  # one that is deleted is still listed
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, Path(folder) / name)
        yield Path(folder)


def run_tests(
    folder: Path, tests: Sequence[str], slow: bool, patience: float
) -> tuple[int | None, str]:
    """Runs tests in a copy, slow ones only if told; returns pytest's exit code and its text.

    The code is None if it did not end.
    """
    environment = {
        **os.environ,
        'PYTHONPATH': f'{folder}:{folder / "sim"}',
        'PYTHONDONTWRITEBYTECODE': '1',  # a file of the same size and second would be taken for it
    }
    with subprocess.Popen(
        [sys.executable, *PYTEST, *tests, '-m', '' if slow else 'not slow'],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=patience)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            return None, ''
        finally:
            if process.poll() is None:  # the nodes that a test started end with it
                os.killpg(process.pid, signal.SIGKILL)


def try_out(
    mutation: Mutation, table: dict[str, Mutation], root: Path = ROOT, patience: float = PATIENCE
) -> Verdict:
    """Makes a mutation in a copy of the checkout, and returns what its tests say."""
    begin = time.monotonic()
    with copied(root) as folder:
        for part in parts(mutation, table):
            path = folder / part.file
            path.write_text(mutated(part, path.read_text()))
        code, said = run_tests(folder, mutation.tests, mutation.slow, patience)
    failed = re.findall(r'^(?:FAILED|ERROR) (.+?)(?: - .*)?$', said, re.M)
    verdict, by = 'UNKNOWN', f'pytest ended with {code}: {" ".join(said.split())[-200:]}'
    if code is None:
        by = f'no end within {patience:g} s'
    elif code == 0:
        verdict, by = 'SURVIVED', ''
    elif code == 1 and failed:
        verdict, by = 'caught', failed[0]
    seconds = round(time.monotonic() - begin, 1)
    return Verdict(
        name=mutation.name, breaks=mutation.breaks, verdict=verdict, by=by, seconds=seconds
    )


def check_unbroken(chosen: Sequence[Mutation], root: Path, patience: float) -> None:
    """Raises MotoError unless the tests of these mutations pass without any."""
    for slow in (False, True):
        tests = sorted({test for one in chosen if one.slow == slow for test in one.tests})
        if not tests:
            continue
        with copied(root) as folder:
            code, said = run_tests(folder, tests, slow, patience)
        if code != 0:
            raise MotoError(
                f'without a mutation pytest ends with {code}, expected 0: {said[-400:].strip()}\n'
                'mend the tests first: what fails anyway catches nothing'
            )


def choose(
    table: dict[str, Mutation], groups: Sequence[str], names: Sequence[str]
) -> list[Mutation]:
    """Returns the mutations of some groups, or those named; raises ConfigError for an unknown."""
    for name in names:
        if name not in table:
            raise ConfigError(unknown_name('mutation', name, table))
    if names:
        return [table[name] for name in names]
    return [mutation for mutation in table.values() if mutation.group in groups]


def run_all(
    chosen: Sequence[Mutation], table: dict[str, Mutation], file: Path | None
) -> list[Verdict]:
    """Tries mutations one after the other; says what comes of each, and writes it to the file."""
    check_unbroken(chosen, ROOT, UNBROKEN)
    print(f'their tests pass; now {len(chosen)} mutations, one at a time', flush=True)
    verdicts = []
    for mutation in chosen:
        verdicts.append(try_out(mutation, table))
        one = verdicts[-1]
        told = f'{one.verdict} by {one.by}' if one.verdict == 'caught' else one.verdict
        told += f': {one.by}' if one.verdict == 'UNKNOWN' else ''
        print(f'{one.name} ({one.seconds:g} s): {told}', flush=True)
        if file:
            told_so_far = json.dumps([asdict(one) for one in verdicts], indent=1)
            replace_synced(file, (told_so_far + '\n').encode())
    return verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the chosen mutations; returns 0 if every one is caught."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--list', action='store_true', help='say what there is, and run nothing')
    parser.add_argument('--group', nargs='+', choices=GROUPS, default=GROUPS)
    parser.add_argument('--only', nargs='+', metavar='NAME', default=[])
    parser.add_argument('--json', type=Path, metavar='FILE')
    args = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # so that the copy goes too
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        table = load()
        chosen = choose(table, args.group, args.only)
        if args.list:
            for mutation in chosen:
                print(f'{mutation.group:6} {mutation.name:48} {mutation.breaks}')
            return 0
        verdicts = run_all(chosen, table, args.json)
    except MotoError as error:
        sys.stderr.write(f'{error}\n')
        return 1
    caught = sum(one.verdict == 'caught' for one in verdicts)
    print(f'{caught} of {len(verdicts)} caught')
    return 0 if caught == len(verdicts) else 1


if __name__ == '__main__':
    sys.exit(main())
