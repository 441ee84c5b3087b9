"""What `moto-data inspect` shows: the table of episodes, an episode's rows, its frames.

In: Dataset, Episode. Out: rich tables, a PNG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

import cv2
import numpy as np
from rich.console import Group
from rich.table import Table

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.episodes.examine import Finding
from moto_core.episodes.layout import MANIFEST
from moto_core.episodes.manifest import Record
from moto_core.errors import EpisodeError
from moto_learning.data.followed import not_followed

SHEET_FRAMES, SHEET_COLUMNS = 40, 8
RARER = '*'  # the letter of reasons beyond the alphabet
SHORT = 8  # characters of an id or a hash
FLAGS = {  # as they are told: the field of a row
    'first': 'is_first',
    'last': 'is_last',
    'gap': 'gap',
    'success': 'success',
    'intervention': 'intervention',
}


def dataset_table(dataset: Dataset) -> Table:
    """Returns a line an episode, oldest first, and the totals."""
    records = dataset.episodes()
    rows = sum(record.rows for record in records)
    good = sum(record.successful for record in records)
    title = f'{dataset.root}: {len(records)} episodes, {rows} rows, {good} successful'
    table = Table(
        title=title,
        title_justify='left',
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        min_width=len(title),
        caption_justify='left',
        caption="an id's last characters name it in --episode",
    )
    for name in ('id', 'task', 'by', 'rows', 'return', 'success', 'outcome', 'ended', 'policy'):
        table.add_column(
            name, justify='right' if name in ('rows', 'return') else 'left', no_wrap=name == 'id'
        )
    for record in records:
        table.add_row(
            record.id[-SHORT:],
            record.task,
            record.controller,
            str(record.rows),
            f'{record.return_:.1f}',
            'yes' if record.success else 'no',
            record.outcome,
            record.ended,
            record.policy_hash[:SHORT],
        )
    return table


def episode_view(record: Record, episode: Episode, rows: int = 20) -> Group:
    """Returns a line for each of `rows` rows, evenly spread with the first and the last; 0: all.

    What every line would repeat stands once: above them the joints, below them the latencies and
    what the letters mean.
    """
    count = len(episode)
    spread = np.linspace(0, count - 1, min(rows or count, count))
    shown = np.unique(spread.round().astype(int))
    letters = _letters(episode)
    return Group(
        f'{record.id}: {record.task}, {record.outcome}, ended {record.ended}, {count} rows',
        f'requested: hundredths of the scale, of {", ".join(episode.header.spec.names)}',
        _row_table(episode, shown, letters),
        '\n'.join(_legend(episode, letters)),
    )


def _row_table(episode: Episode, shown: np.ndarray, letters: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ('row', 'time', 'reward', 'dis.', 'requested', 'off', 'flags', 'guard'):
        text = name in ('requested', 'flags', 'guard')
        table.add_column(
            name,
            justify='left' if text else 'right',
            no_wrap=name not in ('requested', 'guard'),
            overflow='fold',
        )
    percent = (episode.requested * 100).round()
    widths = [max(len(f'{value:.0f}') for value in column) for column in percent[shown].T]
    off = np.abs(episode.requested - episode.executed).max(-1) * 100
    for t in shown:
        table.add_row(
            str(t),
            f'{(episode.stamp[t] - episode.stamp[0]) * 1e-9:.2f}',
            f'{episode.reward[t]:.2f}',
            f'{episode.disagreement[t]:.3f}',
            ' '.join(f'{value:{width}.0f}' for value, width in zip(percent[t], widths)),
            '-' if episode.is_last[t] else f'{off[t]:.0f}',
            ''.join(name[0].upper() for name in FLAGS if getattr(episode, FLAGS[name])[t]),
            ''.join(dict.fromkeys(letters[reason] for reason in episode.reasons[t])),
        )
    return table


def _letters(episode: Episode) -> dict[str, str]:
    """Gives each reason of the guard a letter, the most frequent first; the rest share RARER."""
    counts = Counter(reason for reasons in episode.reasons for reason in reasons)
    letters = chain(ascii_lowercase + ascii_uppercase, repeat(RARER))
    return {reason: letter for (reason, _), letter in zip(counts.most_common(), letters)}


def _legend(episode: Episode, letters: Mapping[str, str]) -> Iterator[str]:
    """Yields what the headings and letters mean, and the medians of the latencies."""
    yield 'time [s]; dis.: disagreement; off: largest |executed - requested|, hundredths'
    yield 'flags: ' + ', '.join(f'{name[0].upper()} {name}' for name in FLAGS)
    if others := not_followed(episode):
        yield others
    if letters:
        told = [f'{letter} {reason}' for reason, letter in letters.items() if letter != RARER]
        rarer = len(letters) - len(told)
        yield 'guard: ' + ', '.join([*told, *[f'{RARER} {rarer} rarer ones'] * bool(rarer)])
    stages = sorted({name for row in episode.latency for name in row})
    medians = [
        f'{name} {np.median([row[name] for row in episode.latency if name in row]):.1f}'
        for name in stages
    ]
    if medians:
        yield f'latency [ms], median: {", ".join(medians)}'
    extra, profile = episode.header.extra, episode.header.setup.profile
    if 'limits_sha256' in extra:  # a robot's bring-up says which it was
        file, found = extra.get('limits_file', '?'), extra['limits_sha256'][:SHORT]
        yield f'limits: {profile} of {file}, sha256 {found}'


def finding_table(findings: Sequence[Finding]) -> Table:
    """Returns a line a finding: what it is about, what is kept, why, where it lies now."""
    table = Table()
    for name in ('episode', 'rows kept', 'reason', 'now at'):
        table.add_column(name, overflow='fold')  # a name that is cut names nothing
    for found in findings:
        kept = '' if found.id == MANIFEST else str(found.rows)  # which holds no rows
        table.add_row(found.id, kept, found.reason, str(found.path))
    return table


def contact_sheet(episode: Episode) -> np.ndarray:
    """Returns up to 40 frames in rows of 8, evenly spread, cameras one below the other, RGB."""
    shown = np.unique(np.linspace(0, len(episode) - 1, SHEET_FRAMES).round().astype(int))
    rows = -(-len(shown) // SHEET_COLUMNS)
    sheets = []
    for images in episode.images.values():
        _, height, width, _ = images.shape
        sheet = np.zeros((rows * height, SHEET_COLUMNS * width, 3), np.uint8)
        for place, t in enumerate(shown):
            top, left = place // SHEET_COLUMNS * height, place % SHEET_COLUMNS * width
            sheet[top : top + height, left : left + width] = images[t]
        sheets.append(sheet)
    widest = max(sheet.shape[1] for sheet in sheets)
    return np.concatenate(
        [np.pad(sheet, ((0, 0), (0, widest - sheet.shape[1]), (0, 0))) for sheet in sheets]
    )


def write_contact_sheet(episode: Episode, path: Path) -> None:
    """Writes the contact sheet; raises EpisodeError if the file cannot be written."""
    _, data = cv2.imencode('.png', contact_sheet(episode)[..., ::-1])
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise EpisodeError(f"cannot write the frames to '{path}': {error}") from error
