"""What the camera saw and what the model predicted of an episode, and what moves in it, enlarged.

In: a run and the dataset of a drive. Out: HTML, and the strip as PNG.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_learning.report import figures, page
from moto_learning.report.demo_drives import Drive
from moto_learning.report.predictions import Prediction, predict_episode

TITLE = 'What the camera saw, what the model predicted'
SHARE = 3  # the crop has a third of each side
EVERY = 2  # frames of the strip to one of the crop


class Region(NamedTuple):
    """A part of an image [px]."""

    top: int
    left: int
    height: int
    width: int


def prediction_section(run: Path, drive: Drive) -> tuple[str, bytes]:
    """Returns the section and its strip; that there is none, and b'', if no row was recorded.

    It shows the first success, else the first episode. Raises ConfigError if the run has no world
    model.
    """
    kept = [one for one in drive.episodes if one.recorded]
    solved = [one for one in kept if one.outcome == 'success']
    if not kept:
        return page.section(TITLE, page.paragraph('No episode was recorded.')), b''
    shown = (solved or kept)[0]
    found = predict_episode(run, drive.data, shown.id)
    region = moving_region(found.truth)
    strip = figures.png(figures.prediction_strip(*found))
    close = figures.png(figures.prediction_strip(*cropped(found, region)))
    where = (
        f'rows {region.top} to {region.top + region.height - 1}, columns {region.left} to '
        f'{region.left + region.width - 1}'
    )
    content = page.wide(page.picture(words(found), strip))
    content += page.section(
        'What moves',
        page.wide(page.picture(f'The same, enlarged: {where} of the image', close)),
        f'The region that changes most over the episode: {where} [px].',
        level=3,
    )
    note = (
        f'Episode {shown.id} from start {shown.seed}, {shown.outcome}, recorded through ROS 2; '
        "the run's last checkpoint. After the context the model is given only the actions and "
        'draws what it expects to see. Error: the mean of the absolute difference over the '
        'colours, in parts of the range; black is 0, brightest 0.5 and more; below each frame '
        'its mean.'
    )
    return page.section(TITLE, content, note), strip


def moving_region(frames: np.ndarray, share: int = SHARE) -> Region:
    """Returns the part, 1/share of each side, of images (T, h, w, 3) with the largest variance.

    The variance is over time, summed over the colours and the part.
    """
    variance = frames.astype(np.float64).var(axis=0).sum(-1)  # (h, w)
    height, width = (max(1, side // share) for side in variance.shape)
    sums = np.pad(variance.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    inside += sums[:-height, :-width]  # of each place of the part
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return Region(top=int(top), left=int(left), height=height, width=width)


def cropped(found: Prediction, region: Region) -> Prediction:
    """Returns every second frame of a prediction, of the region alone."""
    down = slice(region.top, region.top + region.height)
    right = slice(region.left, region.left + region.width)
    return Prediction(
        truth=found.truth[::EVERY, down, right],
        predicted=found.predicted[::EVERY, down, right],
        context=-(-found.context // EVERY),
        period=EVERY * found.period,
    )


def words(found: Prediction) -> str:
    """Returns in numbers what the strip shows."""
    error = np.abs(found.truth.astype(np.float64) - found.predicted).mean(axis=(1, 2, 3)) / 255
    seen, ahead = error[: found.context], error[found.context :]
    said = f'; {ahead.mean():.3f} of the {len(ahead)} predicted after them' if len(ahead) else ''
    return (
        f'Camera, model and error of {len(error)} frames: mean error {seen.mean():.3f} of the '
        f'range of the {len(seen)} that the model saw{said}'
    )
