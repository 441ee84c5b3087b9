"""When the rows of an episode are, and which sample of each topic a row takes.

    row          t             t+1            t+2
    topic     a     b            c   d              at t: a; at t+1: b, or nothing if b is stale

In: Tracks. Out: times at an even rate, places and values. A row of which any topic is stale is
left out: the one after has `gap`, as after rows that our recorder lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moto_core.episodes.episode import ROW_LIMIT
from moto_core.errors import EpisodeError
from moto_learning.exchange.bag_tracks import Track
from moto_learning.exchange.foreign import NANO


def row_times(tracks: Sequence[Track], rate: float) -> np.ndarray:
    """Returns times (K,) int64 [ns] every 1 / `rate` [Hz] while every topic has samples.

    The first is the latest of the topics' first stamps, none is after the earliest of the last.
    Raises EpisodeError that names topics whose times do not meet, and for too many rows.
    """
    latest = max(tracks, key=lambda track: track.stamps[0])
    earliest = min(tracks, key=lambda track: track.stamps[-1])
    begin, end = int(latest.stamps[0]), int(earliest.stamps[-1])
    if begin > end:
        raise EpisodeError(
            f"'{latest.topic}' begins at {begin / NANO:.3f} s, after '{earliest.topic}' ends at "
            f'{end / NANO:.3f} s; expected topics of one clock. stamps=received takes the times '
            'of receipt for all'
        )
    count = int((end - begin) * rate / NANO + 1e-6) + 1
    if count > ROW_LIMIT:
        raise EpisodeError(
            f"from {begin / NANO:.3f} s ('{latest.topic}') to {end / NANO:.3f} s "
            f"('{earliest.topic}') it would have {count} rows; expected at most {ROW_LIMIT}"
        )
    return begin + np.round(np.arange(count) * (NANO / rate)).astype(np.int64)


def newest(track: Track, times: np.ndarray) -> np.ndarray:
    """Returns which sample (K,) is the newest at or before each time, none of them before all."""
    return np.searchsorted(track.stamps, times, side='right') - 1


def fresh(track: Track, times: np.ndarray, stale: float, linear: bool) -> np.ndarray:
    """Says at which times (K,) the newest sample is at most `stale` [s] old.

    If a line is drawn to the next one, that is to be as near.
    """
    index = newest(track, times)
    age = times - track.stamps[index]
    if linear:
        after = track.stamps[np.minimum(index + 1, len(track.stamps) - 1)]
        age = np.maximum(age, np.where(age > 0, after - times, 0))
    return age <= stale * NANO


def values_at(track: Track, times: np.ndarray, linear: bool) -> np.ndarray:
    """Returns the numbers (K, n) at each time: of the newest sample, or on the line to the next.

    A sample of the very time is taken as it is.
    """
    index = newest(track, times)
    if not linear:
        return track.values[index]
    after = np.minimum(index + 1, len(track.stamps) - 1)
    width = np.maximum(track.stamps[after] - track.stamps[index], 1)
    share = ((times - track.stamps[index]) / width)[:, None]
    low, high = track.values[index], track.values[after]
    return np.where(share > 0, low + share * (high - low), low)


def left_out(tracks: Sequence[Track], kept: Mapping[str, np.ndarray]) -> str:
    """Says which topics were stale at how many rows."""
    counts = {track.topic: int((~kept[track.topic]).sum()) for track in tracks}
    return ', '.join(f"'{topic}' at {count}" for topic, count in counts.items() if count)
