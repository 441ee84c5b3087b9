"""Markdown as docs/results.md holds it: tables and pictures in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from matplotlib.figure import Figure

from moto_core.errors import one_line

DASH = '\N{EN DASH}'  # of a cell with nothing in it


class Block(NamedTuple):
    """What a document shows in one place."""

    text: str  # '' if nothing was measured
    figure: Figure | None = None
    words: str = ''  # what the figure shows


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Returns a table."""
    lines = [header, ['---'] * len(header), *rows]
    return ''.join('| ' + ' | '.join(map(plain, line)) + ' |\n' for line in lines)


def picture(words: str, path: str) -> str:
    """Returns a picture that lies at `path`, said in words."""
    return f'![{plain(words)}]({path})'


def heading(words: str) -> str:
    """Returns a line of its own above a table."""
    return f'**{plain(words)}**\n\n'


def plain(cell: object) -> str:
    """Returns a text in one line, its marks as letters: it ends no cell and begins no tag."""
    text = one_line(cell, 2000).replace('&', '&amp;').replace('<', '&lt;')
    return re.sub(r'([\\|`*\[\]])', r'\\\1', text)


def mean_of_all(values: Sequence[float | None], scale: float = 1.0, unit: str = '') -> str:
    """Returns the mean as a cell; a dash if one of the values is not known."""
    known = [value for value in values if value is not None]
    return f'{scale * mean(known):.1f}{unit}' if len(known) == len(values) else DASH
