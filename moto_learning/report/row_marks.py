"""How rows look in every picture: each row of the paper has its own colour and mark, always.

Eight of the colours are close to Okabe's and Ito's, which the colour-blind tell apart; the shape
of the mark does so for all eleven.
In: names of rows. Out: a Mark for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Mark(NamedTuple):
    """The looks of a row's lines."""

    colour: str
    marker: str  # as matplotlib names it


BLACK, ORANGE, SKY, GREEN = '#000000', '#e69f00', '#56b4e9', '#009e73'
YELLOW, BLUE, RED, PINK = '#b8a900', '#0072b2', '#d55e00', '#cc79a7'
GREY, BROWN, VIOLET = '#7f7f7f', '#7a3e00', '#5e3c99'
MARKS = {
    'moto': Mark(BLUE, 'o'),
    'no_unc': Mark(ORANGE, 's'),
    'no_bc': Mark(GREEN, '^'),
    'no_bc_no_unc': Mark(PINK, 'D'),
    'dreamer_v2': Mark(RED, 'v'),
    'lompo': Mark(SKY, 'P'),
    'combo': Mark(YELLOW, 'X'),
    'iql': Mark(GREY, '*'),
    'cql': Mark(BROWN, '<'),
    'sac': Mark(VIOLET, 'd'),
    'bc': Mark(BLACK, '>'),
}
OTHERS = tuple(  # of rows that are none of the paper's, in turn
    Mark(colour, marker)
    for marker in ('h', 'p', '8')
    for colour in (BLACK, RED, BLUE, PINK, GREEN, ORANGE, SKY, VIOLET)
)


def row_marks(names: Iterable[str]) -> dict[str, Mark]:
    """Returns the Mark of each row: the paper's rows have theirs, others follow in their order.

    Others are, as an example, one row with two settings; all names of a page or a picture are
    given together, so that a name looks the same in all of it.
    """
    every = list(dict.fromkeys(names))
    others = [name for name in every if name not in MARKS]
    later = {name: OTHERS[place % len(OTHERS)] for place, name in enumerate(others)}
    return {name: MARKS.get(name) or later[name] for name in every}
