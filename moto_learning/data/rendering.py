"""How a simulator drew the images of datasets: a renderer that has changed draws them otherwise.

In: datasets. Out: a line if what a run learns from, or collects, was not all drawn alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_header
from moto_core.errors import EpisodeError

LOOKED_AT = (
    40  # episodes of a dataset: they lie in order of time, as programs come one after another
)
RECORDERS = {'limits', 'limits_file'}  # in a header: the recorder of ROS 2 wrote it
NOT_SAID = 'one sample a pixel, or not said'  # before headers said it
ADVICE = (
    'What is learned from one kind of image may fail on the other: record what is older anew '
    '(moto-data collect)'
)


def renderings(dataset: Dataset) -> list[str]:
    """Returns the ways in which the simulated images of a dataset were drawn, the oldest first.

    At most LOOKED_AT episodes are asked, the first and the last among them. What a robot or the
    recorder of ROS 2 recorded is not: nobody knows what drew a camera's topic.
    """
    ours = [record for record in dataset.episodes() if record.source == 'sim']
    places = np.linspace(0, len(ours) - 1, min(len(ours), LOOKED_AT)).round().astype(int)
    found: dict[str, None] = {}
    for place in places:
        with suppress(EpisodeError):  # one that is damaged is told of where it is read
            extra = read_header(ours[place].path).extra
            if RECORDERS.isdisjoint(extra):
                found[extra.get('rendering', NOT_SAID)] = None
    return list(found)


def rendering_note(datasets: Sequence[Dataset], simulator: str = '') -> str:
    """Says in a line which images were drawn how if that is not one way; '' if it is.

    `simulator`: how images that are yet to come will be drawn, '' if none will.
    """
    found = {f"'{dataset.root}'": renderings(dataset) for dataset in datasets}
    if simulator and any(found.values()):
        found['the simulator of this program'] = [simulator]
    if len({way for ways in found.values() for way in ways}) < 2:
        return ''
    return f'images were not all drawn alike ({_listed(found)}). {ADVICE}'


def simulators_rendering() -> str:
    """Returns how the simulator that is installed draws; '' without one."""
    with suppress(ImportError):
        from moto_sim.renderer import RENDERING

        return RENDERING
    return ''


def _listed(found: Mapping[str, Sequence[str]]) -> str:
    return '; '.join(f'{place}: {", then ".join(ways)}' for place, ways in found.items() if ways)
