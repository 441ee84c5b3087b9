"""The reward and the success that the learner sees, from what the log and the labels say.

In: an episode's source, columns and outcome, as they are at load. Out: reward (T,), successful.

    source              outcome       reward                                  successful
    sim, or a reward    any           the log's                               labelled so, or
    in the log                                                                unlabelled and a row
    robot or twin       success       1 at the last row and at marked rows    yes
    without one         failure       0                                       no
                        unlabelled    0                                       no
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moto_core.episodes.episode import LABELLED
from moto_core.errors import ConfigError, unknown_name


def learned_reward(
    source: str, reward: np.ndarray, success: np.ndarray, outcome: str
) -> np.ndarray:
    """Returns the reward (T,) float32 to learn from; `success` (T,) bool marks rows.

    A simulator's reward, or any reward that a log holds, is taken as it is. A robot's comes from
    the episode's outcome, so that a later label changes it.
    """
    if not by_label(source, reward):
        return reward
    found = np.zeros_like(reward)
    if outcome == 'success':
        found[success] = 1
        found[-1] = 1
    return found


def is_successful(source: str, reward: np.ndarray, success: np.ndarray, outcome: str) -> bool:
    """Returns whether the episode is a successful trajectory: the behaviour prior's."""
    if outcome != 'unlabelled' or by_label(source, reward):
        return outcome == 'success'
    return bool(success.any())


def by_label(source: str, reward: np.ndarray) -> bool:
    """Returns whether an episode's reward comes from its label alone."""
    return source in LABELLED and not reward.any()


def parts_done(done_parts: np.ndarray, parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Returns whether all the `wanted` parts are done at one row of done_parts (T, len(parts)).

    Raises ConfigError for a name that is none of the task's `parts`.
    """
    for name in wanted:
        if name not in parts:
            raise ConfigError(unknown_name('part in replay.success_parts', name, parts))
    return bool(done_parts[:, [parts.index(name) for name in wanted]].all(1).any())
