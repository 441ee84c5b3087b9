"""Requested against executed: one episode joint by joint, and a table over all decisions.

In: Rows of a drive. Out: HTML.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from moto_learning.report import figures, page
from moto_learning.report.guard_changes import (
    MARKS,
    Changes,
    Rows,
    change,
    count_changes,
    joint_changes,
)

TITLE = 'Requested and executed'
FAST = 1.0  # [m/s] of a scale that is no finger's speed


def motion_section(episodes: Sequence[Rows]) -> str:
    """Returns the section about a drive's episodes; that there is none if no row was recorded."""
    if not episodes:
        return page.section(TITLE, page.paragraph('No episode of this drive was recorded.'))
    solved = [one for one in episodes if one.about.outcome == 'success']
    shown = (solved or list(episodes))[0]
    counts = count_changes(episodes)
    content = page.paragraph(changes_sentence(counts))
    content += page.table(
        ('decisions', 'number', 'share', *(f'beyond {mark:.0%} of scale' for mark in MARKS)),
        [_line(name, found, counts['all decisions']) for name, found in counts.items()],
    )
    content += page.hidden('by joint', _joints(episodes))
    content += page.section(_title(shown), page.grid(_pictures(shown)), level=3)
    return page.section(
        TITLE,
        content,
        'Executed is the mean velocity that the guard let out over the period. The change of a '
        'decision is that of the joint that is changed most; a decision may have several reasons. '
        'The last row of an episode, at which the arm is held, is not counted.'
        f'{_gripper_words(shown)}',
    )


def changes_sentence(counts: dict[str, Changes]) -> str:
    """Returns how many decisions were changed at all, and how many by more than each mark."""
    every, touched = counts['all decisions'], counts['with any reason']
    total = max(1, every.decisions)
    parts = [
        f"by more than {mark:.0%} of the joint's scale in {count / total:.1%}"
        for mark, count in zip(MARKS, every.beyond)
    ]
    return (
        f'The guard gave a reason at {touched.decisions} of {every.decisions} decisions '
        f'({touched.decisions / total:.1%}); it changed the motion {", ".join(parts)} of all.'
    )


def joint_figure(rows: Rows, joint: int) -> Figure:
    """Draws what was requested of a joint and what was executed, [rad/s], gripper [m/s]."""
    figure = Figure(figsize=(3.2, 1.9))
    axis = figure.subplots()
    time = rows.spec.period * np.arange(len(rows.requested))
    scale = rows.spec.scale[joint]
    axis.step(
        time,
        scale * rows.requested[:, joint],
        where='post',
        color=figures.AMBER,
        linestyle='--',
        linewidth=1.4,
        label='requested',
    )
    axis.step(
        time,
        scale * rows.executed[:, joint],
        where='post',
        color=figures.BLUE,
        linewidth=1.2,
        label='executed',
    )
    axis.set_title(figures.plain_name(_names(rows)[joint]), fontsize=9, color=figures.INK)
    axis.set_xlabel('time [s]', fontsize=8, color=figures.INK)
    axis.set_ylabel(_axis(rows, joint), fontsize=8, color=figures.INK)
    figures.plain(axis)
    if joint == 0:
        axis.legend(frameon=False, fontsize=figures.LEGEND)
    return figure


def joint_words(rows: Rows, joint: int) -> str:
    """Returns in numbers what `joint_figure` draws."""
    scale, unit = rows.spec.scale[joint], _unit(rows, joint)
    asked, done = scale * rows.requested[:, joint], scale * rows.executed[:, joint]
    apart = np.abs(asked - done)
    return (
        f'Joint {_names(rows)[joint]} over {len(asked)} decisions: requested {asked.min():.2f} to '
        f'{asked.max():.2f}, executed {done.min():.2f} to {done.max():.2f}, apart by at most '
        f'{apart.max():.2f} {unit} at decision {int(apart.argmax())}'
    )


def _pictures(rows: Rows) -> list[str]:
    return [
        page.picture(joint_words(rows, joint), figures.png(joint_figure(rows, joint)))
        for joint in range(rows.requested.shape[1])
    ]


def _title(rows: Rows) -> str:
    most = change(rows)
    return (
        f'Episode {rows.about.id} from start {rows.about.seed}, {rows.about.outcome}: at most '
        f'{most.max(initial=0):.0%} of a scale apart, in the median {np.median(most):.1%}'
    )


def _joints(episodes: Sequence[Rows]) -> str:
    return page.table(
        ('joint', *(f'beyond {mark:.0%} of scale' for mark in MARKS), 'largest'),
        [
            (name, *(f'{share:.1%}' for share in shares), f'{largest:.0%}')
            for name, (shares, largest) in joint_changes(episodes).items()
        ],
    )


def _line(name: str, found: Changes, every: Changes) -> tuple[str | int, ...]:
    total = max(1, every.decisions)
    shares = (f'{count / total:.1%}' for count in (found.decisions, *found.beyond))
    return (name.replace('_', ' '), found.decisions, *shares)


def _gripper_words(rows: Rows) -> str:
    """Says that fingers are drawn at a simulator's scale of action; '' for a real gripper's."""
    fast = max((rows.spec.scale[joint] for joint in _fast(rows)), default=0.0)
    if not fast:
        return ''
    return (
        f" Fingers: {fast:g} m/s is what the simulator's robot scales an action of 1 to for its "
        'gripper, no speed that fingers of a few centimetres reach.'
    )


def _fast(rows: Rows) -> list[int]:
    """Returns the gripper's joints whose scale is no finger's speed."""
    first = len(rows.spec.joints)
    return [
        joint for joint in range(first, rows.spec.action_size) if rows.spec.scale[joint] >= FAST
    ]


def _names(rows: Rows) -> tuple[str, ...]:
    return (*rows.spec.joints, *rows.spec.gripper)


def _axis(rows: Rows, joint: int) -> str:
    return _unit(rows, joint) + ', scale of action' * (joint in _fast(rows))


def _unit(rows: Rows, joint: int) -> str:
    return '[rad/s]' if joint < len(rows.spec.joints) else '[m/s]'
