"""What `moto-data lineage` does once its arguments are read: the tree of a folder's bundles.

In: the arguments and a console. Out: a line a bundle; the exit code, 1 if a bundle is damaged, or
none is left to run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError
from moto_core.policy.given_up import folder_to_run
from moto_learning.rounds.lineage import Descent, children, read_lineage, roots


def lineage(args: argparse.Namespace, console: Console) -> int:
    """Prints which bundle came of which."""
    records = [one for data in args.data for one in Dataset.open(data).episodes()]
    found = read_lineage(Path(args.bundles), records)
    used, nothing = '', ''
    try:
        used = folder_to_run(args.name_file).name if args.name_file else ''
    except BundleError as error:  # all was given up: the tree says of each why
        nothing = str(error)
    for one in roots(found):
        _print(console, one, found, used, 0, {one.hash})
    if nothing:
        console.print(nothing, soft_wrap=True)
    return 1 if nothing or any(one.damage for one in found) else 0


def _print(
    console: Console, one: Descent, found: list[Descent], used: str, depth: int, seen: set[str]
) -> None:
    """Prints a bundle and what came of it, further in where there are several."""
    below = [one]
    while len(below) == 1:  # what came of it in a straight line stands below it
        console.print('    ' * depth + _line(below[0], used), soft_wrap=True)
        below = [child for child in children(found, below[0]) if child.hash not in seen]
        seen |= {child.hash for child in below}
    for child in below:
        _print(console, child, found, used, depth + 1, seen)


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
