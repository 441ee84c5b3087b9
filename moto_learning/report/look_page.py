"""The part of the page about one run that was looked at: films, predictions, rewards, images.

In: Examined and its numbers. Out: HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto_learning.report import figures, page
from moto_learning.report.examine import Examined
from moto_learning.report.filming import Filmed
from moto_learning.report.run_figures import bound_figure, error_figure, reward_figure, roc_figure
from moto_learning.report.shifts import ALARMS, FIRST
from moto_learning.report.video import first_frame


def look(seen: Examined, numbers: Mapping[str, Any]) -> str:
    """Returns the section; only what was left out, and why, if nothing could be looked at."""
    run = seen.run
    title = f'{run.task or "unknown task"}, {seen.label}, seed {run.seed}: a closer look'
    parts = [
        page.listing(seen.problems) if seen.problems else '',
        _films(seen, numbers),
        _predictions(seen, numbers),
        _rewards(numbers),
        _images(numbers),
        _bound(numbers),
    ]
    note = (
        f'Checkpoint after {int(seen.checkpoint)} updates; {seen.source}.'
        if (seen.checkpoint.isdecimal())
        else ''
    )
    return page.section(title, page.remark(note) + ''.join(parts))


def _films(seen: Examined, numbers: Mapping[str, Any]) -> str:
    if not seen.filmed:
        return ''
    found = numbers['held_out']['success']
    films = [
        page.video(_caption(one), one.video, poster=first_frame(one.video))
        for one in seen.filmed
        if one.video
    ]
    rows = [
        (
            one.score.seed,
            one.score.decisions,
            f'{one.score.return_:.2f}',
            'yes' if one.score.success else 'no',
            f'{one.score.disagreement:.3f}',
        )
        for one in seen.filmed
    ]
    header = ('start', 'decisions', 'return', 'success', 'disagreement')
    return page.section(
        'Successes and failures',
        page.grid(films) + page.hidden('every held-out episode', page.table(header, rows)),
        f'{found["k"]} of {found["n"]} held-out starts succeeded by mode (95 % interval '
        f'{found["low"]:.2f} to {found["high"]:.2f}).',
        level=3,
    )


def _caption(one: Filmed) -> str:
    outcome = 'Success' if one.score.success else 'Failure'
    return f'{outcome} from start {one.score.seed}: return {one.score.return_:.1f}'


def _predictions(seen: Examined, numbers: Mapping[str, Any]) -> str:
    if seen.prediction is None:
        return ''
    strip = figures.png(figures.prediction_strip(*seen.prediction))
    errors = numbers['frame_error']
    return page.section(
        'What the camera saw, what the model predicted',
        page.wide(
            page.picture('Frames of the camera, what the model drew of them, and its error', strip)
        )
        + page.picture(
            'Mean error of the predicted pixels against the steps that they are ahead',
            figures.png(error_figure(errors), dpi=130),
        ),
        'After the black frames the model is given only the actions. The error is of the range of '
        'a pixel; the dashed line holds the last frame that was seen.',
        level=3,
    )


def _rewards(numbers: Mapping[str, Any]) -> str:
    distances = numbers.get('rewards')
    if not distances:
        return ''
    rows = [
        (
            one['ahead'],
            one['rows'],
            f'{one["mean_predicted"]:.3f}',
            f'{one["mean_true"]:.3f}',
            f'{one["mean_error"]:.3f}',
            'one kind only' if one['area'] is None else f'{one["area"]:.3f}',
        )
        for one in distances
    ]
    header = ('steps ahead', 'rows', 'predicted', 'true', 'mean error', 'area under the ROC')
    return page.section(
        'Reward predicted against true',
        page.picture(
            'Mean true reward of rows against the reward that was predicted for them',
            figures.png(reward_figure(distances), dpi=130),
        )
        + page.table(header, rows),
        'Rows in ten bins of the predicted reward. Ahead of what was seen the model had only the '
        'actions. The area is of telling rows with a reward from rows without.',
        level=3,
    )


def _images(numbers: Mapping[str, Any]) -> str:
    images = numbers.get('images')
    if not images:
        return ''
    shifts = images['shifts']
    pictures = [
        page.picture(
            f'Hits against false alarms of telling shifted images from ordinary ones by {alarm}',
            figures.png(roc_figure(alarm, shifts), dpi=130),
        )
        for alarm in ALARMS
    ]
    rows = [
        (
            title,
            alarm,
            f'{images["ordinary"][alarm]:.3f}',
            f'{found[alarm]["mean"]:.3f}',
            f'{found[alarm]["row_area"]:.3f}',
            f'{found[alarm]["first_area"]:.3f}',
        )
        for title, found in shifts.items()
        for alarm in ALARMS
    ]
    header = ('images', 'by', 'ordinary', 'shifted', 'area, a row', f'area, first {FIRST} rows')
    return page.section(
        'Ordinary and shifted images',
        page.grid(pictures) + page.table(header, rows),
        'Disagreement: of the ensemble about what follows (equation 2). Surprise: the KL from the '
        f'posterior to the mean of the priors. {images["rows"]} rows of {images["episodes"]} '
        'episodes, each ordinary and shifted; an area of .5 is a coin.',
        level=3,
    )


def _bound(numbers: Mapping[str, Any]) -> str:
    points = numbers.get('bound')
    if not points:
        return ''
    ways = list(dict.fromkeys(way for point in points for way in point['gaps']))
    rows = [
        (
            point['episodes'],
            f'{point["eps_u"]:.4f}',
            _fixed(point['bound'], 3),
            *(_fixed(point[of].get(way), 2) for way in ways for of in ('gaps', 'bounds')),
        )
        for point in points
    ]
    by_way = (name for way in ways for name in (f'gap by {way}', 'its bound'))
    header = ('episodes', 'eps_u a decision', '2 alpha eps_u a decision', *by_way)
    return page.section(
        'The gap of Theorem B.1',
        page.picture(
            "Gap between the expert's return and the policy's along training, and its bound",
            figures.png(bound_figure(points), dpi=130),
        )
        + page.table(header, rows),
        "eps_u: mean disagreement along an expert's actions. The gap is the expert's mean return "
        "less the policy's, of a whole episode; its bound 2 alpha eps_u over as many decisions. "
        'A gap beyond it: the model is wrong by more than its members disagree, or the policy '
        'does not yet do what is best in the model.',
        level=3,
    )


def _fixed(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'
