"""The demonstration's tables: rounds, every episode, settings.

In: the summary, Drives, the folder. Out: HTML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moto_core.config import load_config, to_dict
from moto_core.errors import counted
from moto_core.policy.given_up import read_given_up
from moto_learning.config import Config
from moto_learning.report import page
from moto_learning.report.demo_drives import Drive
from moto_learning.report.demo_folder import DemoConfig
from moto_learning.report.demo_summary import demo_settings
from moto_learning.report.markdown import DASH
from moto_learning.report.places import CONFIG
from moto_learning.report.provenance import nearest_preset
from moto_learning.report.rounds_table import SHORT, rounds_table
from moto_learning.rounds.settings import RoundSettings


def bundle_names(rounds: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns 'round k' by the hash of the bundle that round k published."""
    return {one['bundle']: f'round {one["number"]}' for one in rounds if one['published']}


def demo_rounds(
    rounds: Sequence[Mapping[str, Any]], drives: Mapping[str, Drive], bundles: Path
) -> str:
    """Returns the table of rounds, which says how many episodes each one's bundle drove.

    `bundles` is their folder, in which a robot leaves what it gave up. Without a round it says so.
    """
    if not rounds:
        return page.paragraph('No round was judged: nothing was learned from logged episodes.')
    drove = Counter(one.bundle for drive in drives.values() for one in drive.episodes)
    learned = sum(one['number'] > 0 and one['published'] for one in rounds)
    said = f'{learned} of {sum(one["number"] > 0 for one in rounds)} rounds were published.'
    idle = [one for one in rounds if one['published'] and not drove[one['bundle']]]
    if idle:
        told = '; '.join(f'round {one["number"]}{_why_idle(one, bundles)}' for one in idle)
        said += f' Published, and drove no episode: {told}.'
    return page.paragraph(said) + rounds_table(rounds, drove)


def lost_allowed(out: Path) -> int | None:
    """Returns how many lost starts the rounds of the demonstration in `out` let pass.

    None if its settings are lost.
    """
    settings = demo_settings(out)
    return load_config(RoundSettings, overrides=settings['round']).lost if settings else None


def episode_table(drives: Mapping[str, Drive], names: Mapping[str, str]) -> str:
    """Returns every episode of every drive, folded; `names` are the bundles'."""
    rows: list[tuple[str | float, ...]] = [
        (
            one.id or 'not recorded',
            name,
            DASH if one.seed is None else one.seed,
            names.get(one.bundle, one.bundle[:SHORT]) or DASH,
            one.outcome,
            one.ended or DASH,
            one.decisions,
            DASH if one.seconds is None else f'{one.seconds:.1f}',
        )
        for name, drive in drives.items()
        for one in drive.episodes
    ]
    header = ('id', 'phase', 'start', 'bundle', 'outcome', 'ended', 'decisions', 'seconds')
    return page.hidden(counted(len(rows), 'episode'), page.table(header, rows))


def settings_tables(out: Path) -> str:
    """Returns the demonstration's settings and in what the run differs from the nearest preset.

    Raises ConfigError if the run's config.yaml cannot be read.
    """
    usual = to_dict(DemoConfig())
    rows = [
        (key, _shown(value), '' if value == usual.get(key) else _shown(usual.get(key)))
        for key, value in demo_settings(out).items()
    ]
    content = page.hidden(
        f'{sum(bool(row[2]) for row in rows)} of {len(rows)} settings of the demonstration are '
        'not the default',
        page.table(('setting', 'value', 'default, if another'), rows),
    )
    path = out / 'train' / CONFIG
    if not path.is_file():
        return content
    nearest = nearest_preset(load_config(Config, path))
    lines = [(key, _shown(a), _shown(b)) for key, (a, b) in nearest.differences.items()]
    return content + page.hidden(
        f'the run: {counted(len(lines), "difference")} from the preset {nearest.name}',
        page.table(('setting', 'run', nearest.name), lines),
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)


def _why_idle(one: Mapping[str, Any], bundles: Path) -> str:
    left = read_given_up(bundles / one['bundle'])
    return f' (given up by the robot: {left.why})' if left else ''
