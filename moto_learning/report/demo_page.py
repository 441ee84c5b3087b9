"""The demonstration's page: report.html, one file that holds its pictures and its video.

In: a demonstration's folder and its summary. Out: report.html; improvement.png and
prediction.png beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from moto_core.durable import replace_synced
from moto_core.errors import counted
from moto_learning.report import figures, page
from moto_learning.report.demo_drives import ROUNDS, Drive, read_drives
from moto_learning.report.demo_tables import (
    bundle_names,
    demo_rounds,
    episode_table,
    lost_allowed,
    settings_tables,
)
from moto_learning.report.disagreement_section import Panel, bundle_threshold, disagreement_section
from moto_learning.report.guard_changes import read_rows
from moto_learning.report.improvement_figure import WINDOW, improvement_figure, improvement_words
from moto_learning.report.motion_section import motion_section
from moto_learning.report.paired_starts import paired_starts
from moto_learning.report.prediction_section import prediction_section
from moto_learning.report.rounds_table import SHORT, trial_words
from moto_learning.report.training import LOSSES, PENALISED, fine_tuned_from, series
from moto_learning.report.video import first_frame
from moto_learning.run.metrics import read_metrics

PERIOD = 0.08  # [s] between decisions
TOTAL = 'total'  # of the seconds of all stages


class Drawn(NamedTuple):
    """What takes time to make of the page."""

    sections: list[str]  # from the first picture to the latency
    pictures: dict[str, bytes]  # PNG by the file beside the page; b'' none


def write_report(out: Path, summary: Mapping[str, Any], drawn: Drawn | None = None) -> Path:
    """Writes report.html (no other file is needed to read it) and returns its path.

    `drawn` is made if it is not given. What the folder lacks the page says. Raises MotoError for
    a damaged file.
    """
    drawn = drawn or draw_report(out, summary)
    for name, data in drawn.pictures.items():
        if data:
            replace_synced(out / name, data)
    path = out / 'report.html'
    body = [
        _headline(summary),
        page.cards(_cards(summary)),
        *drawn.sections,
        _time(summary),
        _provenance(out, summary),
    ]
    replace_synced(path, page.document(f'MOTO: {summary["task"]}', body))
    return path


def draw_report(out: Path, summary: Mapping[str, Any]) -> Drawn:
    """Draws all that says nothing of the time that it takes; raises as `write_report`."""
    drives = read_drives(out)
    names = bundle_names(summary['rounds'])
    predicted, strip = prediction_section(out / 'train', drives['after'])
    improved, first = _improvement(summary, drives, names)
    sections = [
        improved,
        page.section(
            'The same starts before and after',
            paired_starts(summary['paired'], summary['improvement']),
            'Each column is a start that was never learned from; point at a mark for its seed. '
            'Covered: the policy that drove after, with a black image: a success there does not '
            'need the camera.',
        ),
        _film(out),
        *_rows(out, drives),
        predicted,
        page.section(
            'Rounds of fine-tuning',
            demo_rounds(summary['rounds'], drives, out / 'bundles'),
            'Each learned from all episodes in replay, by their labels alone, and was tried '
            'beside the policy in use before it was published or refused. '
            f'{trial_words(summary["rounds"], lost_allowed(out))} A robot that runs '
            'tries what is published in the shadow, and lets it drive from the next episode on: '
            'what is followed by another before that never drives.',
        ),
        page.section('Every episode', episode_table(drives, names)),
        _learning(out),
        _latency(summary, drives),
    ]
    return Drawn(sections, {'improvement.png': first, 'prediction.png': strip})


def _headline(summary: Mapping[str, Any]) -> str:
    success, logged = summary['success'], summary['episodes_logged']['policy']
    steps = summary['max_steps']
    within = f', each within {steps} decisions ({steps * PERIOD:.1f} s)' if steps else ''
    return page.headline(
        f'{summary["task"]}: {success["before"]["text"]} held-out starts before, '
        f'{success["after"]["text"]} after {logged} logged episodes',
        f'Through ROS 2, under the guard{within}. {summary["device"]}.',
    )


def _cards(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    success, logged = summary['success'], summary['episodes_logged']
    return [
        (success['before']['text'], 'held-out starts solved before, by offline training alone'),
        (success['after']['text'], 'of the same starts solved after'),
        (success['covered']['text'], 'of the same, camera covered'),
        (
            f'{logged["learned_from"]} of {logged["policy"]}',
            f'logged episodes learned from, beside {logged["scripted"]} demonstrations',
        ),
        (f'{_total(summary) / 60:.1f} min', 'from nothing to this page'),
    ]


def _improvement(
    summary: Mapping[str, Any], drives: Mapping[str, Drive], names: Mapping[str, str]
) -> tuple[str, bytes]:
    """Returns the section with the first picture, and that picture."""
    logged = drives[ROUNDS].outcomes
    swaps = [
        (one['index'], names.get(one['bundle'], one['bundle'][:SHORT])) for one in summary['swaps']
    ]
    ends = [summary['success'][name] for name in ('before', 'after')]
    drawn = figures.png(improvement_figure(logged, swaps, *ends), dpi=200)
    unjudged = logged.count('unlabelled')
    note = (
        'Discs and crosses are logged episodes in order, the line the share of the last '
        f'{WINDOW}. Dashed: another bundle begins to drive. Squares: the held-out starts, with '
        'their 95 % Wilson intervals.'
    )
    if unjudged:
        note += f' Without a label, counted as neither: {counted(unjudged, "episode")}.'
    return (
        page.section(
            'Success against logged episodes',
            page.picture(improvement_words(logged, swaps, *ends), drawn),
            note,
        ),
        drawn,
    )


def _film(out: Path) -> str:
    path = out / 'episodes.mp4'
    if not path.is_file():
        return ''
    data = path.read_bytes()
    film = page.video(
        'The final bundle in the simulator, drawn larger than what it sees.',
        data,
        playing=True,
        poster=first_frame(data),
    )
    return page.section('The policy at work', film)


def _rows(out: Path, drives: Mapping[str, Drive]) -> Sequence[str]:
    """Returns the sections that need the rows of the drives before and after."""
    rows = {name: read_rows(drives[name]) for name in ('before', 'after')}
    panels = {
        name: Panel(found, bundle_threshold(out / 'bundles' / drives[name].bundle))
        for name, found in rows.items()
    }
    return motion_section(rows['after']), disagreement_section(panels)


def _learning(out: Path) -> str:
    metrics = read_metrics(out / 'train')
    if not metrics:
        return page.section('Learning', page.paragraph('The run has no metrics.'))
    picture = page.picture(
        f'Losses and imagined values against updates, to update {metrics[-1]["update"]}',
        figures.png(_curves(metrics)),
    )
    return page.section('Learning', page.wide(picture), PENALISED)


def _curves(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    found = {title: series(metrics, key) for key, title in LOSSES.items()}
    return figures.panels(
        {title: [figures.Line(x=x, y=y)] for title, (x, y) in found.items() if len(x)},
        'updates (dashed: fine-tuning begins)',
        fine_tuned_from(metrics),
    )


def _latency(summary: Mapping[str, Any], drives: Mapping[str, Drive]) -> str:
    found = summary['latency_ms']
    if not found['count']:
        return page.section('Latency', page.paragraph('No decision was timed.'))
    every = [ms for name, one in drives.items() if name != 'covered' for ms in one.latency_ms]
    words = (
        f'Latency of {found["count"]} decisions: median {found["p50"]:.1f} ms, '
        f'p95 {found["p95"]:.1f} ms, p99 {found["p99"]:.1f} ms'
    )
    return page.section(
        'Latency',
        page.picture(words, figures.png(figures.latency_histogram(np.array(every), PERIOD), 160)),
        'From the stamp of the camera image to the request: transport, preprocessing and '
        f'inference. Missed periods: {summary["missed_periods"]} of {found["count"]}.',
    )


def _time(summary: Mapping[str, Any]) -> str:
    stages = {name: seconds for name, seconds in summary['seconds'].items() if name != TOTAL}
    rows = [(name, round(seconds)) for name, seconds in {**stages, TOTAL: _total(summary)}.items()]
    return page.section('Time', page.table(('stage', 'seconds'), rows))


def _total(summary: Mapping[str, Any]) -> float:
    return sum(seconds for name, seconds in summary['seconds'].items() if name != TOTAL)


def _provenance(out: Path, summary: Mapping[str, Any]) -> str:
    bundles = {name: text[:SHORT] or 'unknown' for name, text in summary['bundles'].items()}
    return page.section(
        'Settings, and how to make this again',
        page.code(summary['command'])
        + page.listing(
            [
                f'version {summary["version"]}, commit {summary["commit"] or "unknown"}',
                f'bundle before {bundles["before"]}, after {bundles["after"]}',
            ]
        )
        + settings_tables(out),
    )
