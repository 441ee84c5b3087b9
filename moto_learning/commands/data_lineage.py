"""What `moto-data lineage` does once its arguments are read: the tree of a folder's bundles.

In: the arguments and a console. Out: a line a bundle; the exit code, 1 if a bundle is damaged, or
none is left to run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError
from moto_core.policy.given_up import folder_to_run
from moto_learning.rounds.lineage import Descent, children, read_lineage, roots

MORE, LAST = '|- ', '`- '  # before what came of a bundle: more follows, or it is the last
BELOW = {'': '', MORE: '|  ', LAST: '   '}  # before what is below those


def lineage(args: argparse.Namespace, console: Console) -> int:
    """Prints which bundle came of which."""
    records = [one for data in args.data for one in Dataset.open(data).episodes()]
    found = read_lineage(Path(args.bundles), records)
    used, nothing = '', ''
    try:
        used = folder_to_run(args.name_file).name if args.name_file else ''
    except BundleError as error:  # all was given up: the tree says of each why
        nothing = str(error)
    for branch, one in _tree(found):
        lost = f', from {one.parent[:12]}, which is not here' if not branch and one.parent else ''
        console.print(branch + _line(one, used) + lost, soft_wrap=True)
    if nothing:
        console.print(nothing, soft_wrap=True)
    return 1 if nothing or any(one.damage for one in found) else 0


def _tree(found: list[Descent]) -> Iterator[tuple[str, Descent]]:
    """Yields each bundle with the branches before it, and below it what came of it."""
    waiting = [('', '', one) for one in reversed(roots(found))]
    while waiting:
        before, branch, one = waiting.pop()
        yield before + branch, one
        before, branch = before + BELOW[branch], LAST
        for child in reversed(children(found, one)):
            waiting.append((before, branch, child))
            branch = MORE


def _line(one: Descent, used: str) -> str:
    if one.damage:
        return f'{one.hash[:12]}, damaged: {one.damage}'
    parts = [one.hash[:12], f'{one.episodes} episodes']
    if one.about is not None:
        parts[1] += f' ({one.about.new} new)' if one.about.new else ''
        if one.about.starts:
            parts.append(f'{sum(one.about.starts)} of {len(one.about.starts)} starts')
        if one.about.error is not None:
            parts.append(f'error {one.about.error:.3f}')
        parts.append('published' if one.about.published else f'refused: {one.about.why}')
    parts += _on_the_robot(one)
    if one.given_up:
        parts.append(f'given up by a robot: {one.given_up}')
    if one.hash == used:
        parts.append('in use')
    return ', '.join(parts)


def _on_the_robot(one: Descent) -> list[str]:
    """Says how often it succeeded by itself; what a person had a hand in says less of it."""
    counts = [f'{one.successes} of {one.labelled}'] if one.labelled else []
    if one.helped:
        counts.append(f"{one.helped} with a person's help")
    return [f'on the robot {", and ".join(counts)}'] if counts else []
