"""The held-out starts before, after and with the camera covered, a column each.

In: pairs and the improvement of demo_summary. Out: HTML, a drawing whose marks differ in shape
and a sentence with the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_learning.report import page
from moto_learning.report.figures import GREEN, GREY, INK, RED

COLUMNS = 20  # of starts in a row of the drawing
LEFT, SIDE = 58, 15  # [px] of a row's name and of a mark, before the drawing is scaled
SHAPES = {
    'success': f"<circle r='5' fill='{GREEN}'/>",
    'failure': f"<path d='M-4-4L4 4M-4 4L4-4' stroke='{RED}' stroke-width='2.4'/>",
    'unlabelled': f"<path d='M0-5L5 0L0 5L-5 0Z' fill='none' stroke='{GREY}' stroke-width='1.5'/>",
    None: f"<path d='M-2 0L2 0' stroke='{GREY}' stroke-width='1.5'/>",
}
WORDS = {None: 'not driven', 'unlabelled': 'not judged'}


def paired_starts(pairs: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    """Returns the drawings and the sentence; only that there is none without a start."""
    if not pairs:
        return page.paragraph('No held-out start was driven.')
    names = [name for name in pairs[0] if name != 'seed']
    rows = [pairs[first : first + COLUMNS] for first in range(0, len(pairs), COLUMNS)]
    drawings = ''.join(_drawing(row, names) for row in rows)
    key = 'Disc: success; cross: failure; diamond: not judged; dash: not driven.'
    return drawings + page.remark(key) + page.paragraph(sentence(found))


def sentence(found: Mapping[str, Any]) -> str:
    """Returns the counts of `improvement` and the difference with its interval."""
    if not found['pairs']:
        return 'No start was driven and judged both before and after.'
    low, high = (100 * end for end in found['interval'])
    return (
        f'Of {found["pairs"]} starts {found["both"]} were solved both times, '
        f'{found["only_after"]} only after, {found["only_before"]} only before and '
        f'{found["neither"]} never: {100 * found["difference"]:+.0f} points, 95 % interval '
        f'{low:+.0f} to {high:+.0f} (score interval of paired shares, Tango 1998).'
    )


def _drawing(starts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    marks = ''
    for row, name in enumerate(names):
        y = SIDE * (row + 0.5) + 2
        marks += f"<text x='2' y='{y + 4}' font-size='11' fill='{INK}'>{page.text(name)}</text>"
        for column, start in enumerate(starts):
            x = LEFT + SIDE * (column + 0.5)
            said = f'start {start["seed"]}, {name}: {_word(start[name])}'
            marks += (
                f"<g transform='translate({x} {y})'><title>{page.text(said)}</title>"
                f"<rect x='-7' y='-7' width='14' height='14' fill='#fff'/>"
                f'{SHAPES[start[name]]}</g>'
            )
    words = '; '.join(
        f'{name}: {sum(one[name] == "success" for one in starts)} of '
        f'{sum(one[name] in ("success", "failure") for one in starts)} solved'
        for name in names
    )
    alt = f'{len(starts)} starts, a column each. {words}.'
    return page.drawing(alt, marks, LEFT + SIDE * COLUMNS + 2, SIDE * len(names) + 4)


def _word(outcome: str | None) -> str:
    return WORDS.get(outcome) or str(outcome)
