"""What `moto-data inspect` shows: the table of episodes, an episode's rows, its frames.

In: Dataset, Episode. Out: rich tables, a PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.episodes.index import Finding
from moto_core.episodes.manifest import Record
from moto_core.errors import EpisodeError

SHEET_FRAMES, SHEET_COLUMNS = 40, 8
SHORT = 8  # characters of an id or a hash


def dataset_table(dataset: Dataset) -> Table:
    """Returns a line an episode, oldest first, and the totals."""
    records = dataset.episodes()
    rows = sum(record.rows for record in records)
    good = sum(record.successful for record in records)
    title = f'{dataset.root}: {len(records)} episodes, {rows} rows, {good} successful'
    table = Table(
        title=title,
        title_justify='left',
        box=SIMPLE_HEAD,
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


def row_table(record: Record, episode: Episode, rows: int = 20) -> Table:
    """Returns `rows` of an episode, evenly spread with the first and the last; 0: all."""
    count = len(episode)
    shown = np.unique(np.linspace(0, count - 1, rows or count).round().astype(int))
    table = Table(
        title=f'{record.id}: {record.task}, {record.outcome}, ended {record.ended}, {count} rows',
        title_justify='left',
    )
    for name in (
        'row',
        'time [s]',
        'reward',
        'requested',
        'executed',
        'disagreement',
        'flags',
        'guard',
        'latency [ms]',
    ):
        table.add_column(name)
    flags = ('is_first', 'is_last', 'gap', 'success', 'intervention')
    for t in shown:
        table.add_row(
            str(t),
            f'{(episode.stamp[t] - episode.stamp[0]) * 1e-9:.2f}',
            f'{episode.reward[t]:.2f}',
            _vector(episode.requested[t]),
            _vector(episode.executed[t]),
            f'{episode.disagreement[t]:.3f}',
            ' '.join(name for name in flags if getattr(episode, name)[t]),
            ' '.join(episode.reasons[t]),
            ' '.join(f'{name} {value:.1f}' for name, value in episode.latency[t].items()),
        )
    return table


def finding_table(findings: Sequence[Finding]) -> Table:
    """Returns a line a finding: what it is about, what is kept, why, where it lies now."""
    table = Table('episode', 'rows kept', 'reason', 'now at')
    for found in findings:
        table.add_row(found.id, str(found.rows), found.reason, str(found.path))
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


def _vector(values: np.ndarray) -> str:
    return ' '.join(f'{value:+.2f}' for value in values)
