"""Which rows' actions the arm did, by what the guard said of them.

In: an Episode's reasons, speed_scale, intervention. Out: flags (T,), and who did what in words.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from moto_core.episodes.episode import Episode
from moto_core.guard.reasons import stops

SHOWN = 4  # reasons, the most frequent first


def let_through(episode: Episode) -> np.ndarray:
    """Returns for each row (T,) whether the arm did what its driver asked, as limits let it.

    Not so in a hold, disarmed, in a dry run, on the way home, while nothing is heard of the guard.
    """
    rows = zip(episode.reasons, episode.speed_scale)
    return np.array([not stops(*row) for row in rows], bool)


def not_followed(episode: Episode) -> str:
    """Says in how many rows the arm did something else than was asked, and why; '' if in none.

    The last row's action was not executed and does not count.
    """
    asked = ~episode.is_last
    others = asked & ~(let_through(episode) & ~episode.intervention)
    if not others.any():
        return ''
    why: Counter[str] = Counter()
    for t in np.flatnonzero(others):
        why.update(stops(episode.reasons[t], episode.speed_scale[t]))
        if episode.intervention[t]:
            why['intervention'] += 1
    most = sorted((-rows, reason) for reason, rows in why.items())[:SHOWN]
    told = ', '.join(f'{reason} {-rows}' for rows, reason in most)
    more = f', {len(why) - SHOWN} more' if len(why) > SHOWN else ''
    return (
        f'in {others.sum()} of {asked.sum()} rows the arm did not do what was asked: {told}{more}'
    )
