"""The part of moto-report's page about rounds beside a robot: a picture and a table a run.

In: what run_rounds.py found. Out: HTML, and the numbers for the head of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_learning.report import figures, page
from moto_learning.report.rounds_figure import rounds_figure, rounds_words
from moto_learning.report.rounds_table import rounds_table, starts_words, trial_words
from moto_learning.report.run_rounds import ends

TITLE = 'Rounds beside a robot'


def rounds_section(found: Sequence[Mapping[str, Any]]) -> str:
    """Returns the section; nothing if no run has rounds."""
    if not found:
        return ''
    note = (
        'By moto-finetune: each round learned from all episodes in replay and was tried beside '
        'the policy in use. The bars of the picture are 95 % intervals (Wilson). Round 0 is the '
        'policy that the run had before. Robot episodes are those that a robot, its twin or the '
        'simulated robot logged. '
    )
    every = [one for run in found for one in run['rounds']]
    content = ''.join(_one(run, alone=len(found) == 1) for run in found)
    return page.section(TITLE, content, note + trial_words(every))


def round_cards(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Returns the starts solved before and after, of one run; robot episodes and rounds of all."""
    if not found:
        return []
    tried = ends(found[0]['rounds']) if len(found) == 1 else []
    cards = [(starts_words(one['starts']), _end_words(one['number'])) for one in tried]
    later = [one for run in found for one in run['rounds'] if one['number']]
    learned = sum(run['robot_episodes'] for run in found)
    return [
        *cards,
        (str(learned), 'robot episodes learned from'),
        (f'{sum(one["published"] for one in later)} of {len(later)}', 'rounds published'),
    ]


def _end_words(number: int) -> str:
    if not number:
        return 'starts solved before the first round'
    return f'other starts solved after round {number}, the last that was published'


def _one(run: Mapping[str, Any], alone: bool) -> str:
    rounds = run['rounds']
    content = page.picture(rounds_words(rounds), figures.png(rounds_figure(rounds), dpi=130))
    if run['round_now'] is not None:
        content += page.paragraph(f'Round {run["round_now"]} goes on: it is not judged yet.')
    content += rounds_table(rounds)
    if alone:
        return content
    title = f'{run["task"] or "unknown task"}, {run["row"]}, seed {run["seed"]}'
    return page.section(title, content, level=3)
