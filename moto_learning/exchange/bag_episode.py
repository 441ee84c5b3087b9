"""Which rows an episode of a bag has, and their numbers: what was heard, at an even rate.

In: Heard, a BagMapping and its Parts. Out: Rows; arrays (T, A) in the spec's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moto_core.errors import EpisodeError
from moto_core.row import FLOAT32_MAX
from moto_learning.exchange.bag_mapping import (
    ACTION,
    ARMS,
    MEASURED,
    POSITION,
    VELOCITY,
    BagMapping,
    Part,
)
from moto_learning.exchange.bag_rows import fresh, left_out, row_times, values_at
from moto_learning.exchange.bag_tracks import Heard, Track
from moto_learning.exchange.foreign import NANO

LEAST = 2  # rows of an episode
DISPLACEMENT = 'measured_displacement'


class Rows(NamedTuple):
    """Which of the ticks of an even rate are rows."""

    ticks: np.ndarray  # (K,) int64 [ns]
    rows: np.ndarray  # (T,) which ticks
    remarks: list[str]  # what is not as one would expect

    @property
    def times(self) -> np.ndarray:
        """When the rows are (T,) int64 [ns]."""
        return self.ticks[self.rows]


def choose_rows(heard: Heard, mapping: BagMapping, where: str) -> Rows:
    """Returns the rows that have what they need; raises EpisodeError for fewer than LEAST."""
    tracks = [*heard.parts, *heard.cameras.values()]
    try:
        ticks = row_times(tracks, mapping.rate)
    except EpisodeError as error:
        raise EpisodeError(f'{where}: {error}') from error
    there = _freshness(tracks, ticks, mapping)
    good = np.logical_and.reduce([*there.values()])
    told = left_out(tracks, there)
    if mapping.action_means == DISPLACEMENT:
        good = good & np.append(good[1:], False)  # what the joints did next is not known
    rows = np.flatnonzero(good)
    if len(rows) < LEAST:
        raise EpisodeError(
            f'{where}: {len(rows)} rows of {len(ticks)} have what they need; expected at '
            f'least {LEAST}. Older than stale={mapping.stale:g} s is {told or "nothing"}'
        )
    remarks = [f'{told} of {len(ticks)} rows is stale; they are left out'] if told else []
    return Rows(ticks, rows, remarks + _ends(tracks, mapping.stale))


def row_numbers(
    heard: Heard, parts: Sequence[Part], mapping: BagMapping, found: Rows, where: str
) -> dict[str, np.ndarray]:
    """Returns action, and position and velocity if they are mapped (T, A).

    Raises EpisodeError that names topic, joint and row of a number that is not finite.
    """
    linear = mapping.resample == 'linear'
    pieces: dict[str, list[np.ndarray]] = {array: [] for array in ARMS}
    for track, part in zip(heard.parts, parts):
        values = values_at(track, found.times, linear)
        _check_finite(values, part, found, where)
        pieces[part.array].append(values)
        if part.array == POSITION and mapping.action_means == DISPLACEMENT:
            after = values_at(track, found.ticks[found.rows + 1], linear)
            pieces[ACTION].append(after - values)
    numbers = {array: np.concatenate(some, 1) for array, some in pieces.items() if some}
    if mapping.action_means in MEASURED and ACTION not in numbers:
        numbers[ACTION] = numbers[VELOCITY]
    return numbers


def _freshness(
    tracks: Sequence[Track], ticks: np.ndarray, mapping: BagMapping
) -> dict[str, np.ndarray]:
    """Returns at which ticks (K,) each topic is fresh."""
    there: dict[str, np.ndarray] = {}
    for track in tracks:
        linear = mapping.resample == 'linear' and track.values.size > 0
        good = fresh(track, ticks, mapping.stale, linear)
        there[track.topic] = good & there.get(track.topic, True)
    return there


def _check_finite(values: np.ndarray, part: Part, found: Rows, where: str) -> None:
    wrong = np.argwhere(~(np.abs(values) <= FLOAT32_MAX))
    if len(wrong):
        row, entry = wrong[0]
        raise EpisodeError(
            f"{where}: '{part.topic}' is {values[row, entry]} for '{part.names[entry]}' at row "
            f'{row}, {found.times[row] / NANO:.3f} s; expected a finite number that float32 holds'
        )


def _ends(tracks: Sequence[Track], stale: float) -> list[str]:
    """Says which topic begins late or ends early, so that the others' samples are not taken."""
    first = min(int(track.stamps[0]) for track in tracks)
    last = max(int(track.stamps[-1]) for track in tracks)
    told = []
    for topic, track in {track.topic: track for track in tracks}.items():
        late = (int(track.stamps[0]) - first) / NANO
        early = (last - int(track.stamps[-1])) / NANO
        if late > stale:
            told.append(f"'{topic}' begins {late:.1f} s after the first topic; so do rows")
        if early > stale:
            told.append(f"'{topic}' ends {early:.1f} s before the last topic; so do rows")
    return told
