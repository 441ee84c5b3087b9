"""Where results come from: settings, data, commits, machines and time of every row.

In: Kept runs. Out: a Block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean

from moto_learning.report.markdown import DASH, Block, mean_of_all, plain, table
from moto_learning.report.results import Kept
from moto_learning.report.rows import row_names

HEADER = (
    *('row', 'tasks', 'runs', 'episodes given', 'commit', 'machine'),
    *('minutes a run', 'minutes of the processor', 'finished'),
)


def runs(kept: Sequence[Kept], _: Sequence[str]) -> Block:
    """Returns a line for the runs of each row that share their settings, and what those are."""
    groups: dict[tuple[str, str], list[Kept]] = {}
    for run, name in zip(kept, row_names(kept)):
        said = ', '.join(f'{key} = {value}' for key, value in run.about.differences.items())
        preset = run.about.preset
        settings = f'{preset}, but for (in brackets what it has) {said}' if said else preset
        groups.setdefault((name, settings), []).append(run)
    lines = [(name, *_about(found)) for (name, _), found in groups.items()]
    notes = ''.join(f'- {plain(name)}: {plain(settings)}\n' for name, settings in groups)
    return Block(f'{table(HEADER, lines)}\n{notes}' if lines else '')


def _about(found: Sequence[Kept]) -> list[str]:
    abouts = [run.about for run in found]
    diverged = sum(one.diverged > 0 for one in abouts)
    return [
        str(len({one.task for one in abouts})),
        str(len(found)),
        _each(sorted(one.data_episodes for one in abouts)),
        _each(one.commit[:10] + one.commit[40:] for one in abouts),
        _each(one.machine for one in abouts),
        f'{mean(one.wall_seconds for one in abouts) / 60:.1f}',
        mean_of_all([one.cpu_seconds for one in abouts], 1 / 60),
        f'{sum(one.finished for one in abouts)} of {len(found)}'
        + (f', {diverged} diverged' if diverged else ''),
    ]


def _each(values: Iterable[object]) -> str:
    """Says each of the values once."""
    return ', '.join(dict.fromkeys(str(value) or DASH for value in values))
