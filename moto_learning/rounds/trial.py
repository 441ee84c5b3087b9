"""How good a bundle is: on episodes that were kept apart, and at starts of the simulator.

In: a Policy, CachedEpisodes, an environment. Out: a Trial; of two, why the new one is refused.

    episode kept apart   x_0 x_1 x_2 ...   seen by the policy, with the actions that were done
                         a_0 a_1 a_2 ...   beside what it would have done: the mean difference

Both policies meet the same episodes and the same starts, each as the bundle that the robot would
run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moto_core.policy.policy import Policy
from moto_learning.data.cache import CachedEpisode
from moto_learning.export.rehearsal import recorded_observations
from moto_learning.rounds.settings import RoundSettings
from moto_learning.run.evaluate import evaluate

FEW = 5  # kept episodes, of fewer the mean error says too little


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was found of one bundle."""

    errors: Mapping[str, float] = field(default_factory=dict)  # by the id of an episode
    starts: Sequence[bool] = ()  # success at each start of the simulator

    @property
    def error(self) -> float:
        """The mean error [of an action's entries, in -1 to 1]; NaN without episodes."""
        return float(np.mean(list(self.errors.values()))) if self.errors else float('nan')

    @property
    def successes(self) -> int:
        """The number of starts with success."""
        return sum(self.starts)


def action_errors(policy: Policy, episodes: Sequence[CachedEpisode]) -> dict[str, float]:
    """Returns the mean |difference| to the actions of successful episodes, by id.

    The policy's state is filtered from the actions that were done. Only rows count that the
    behaviour prior takes; an episode without one, as every failure, is left out.
    """
    found = {}
    for episode in episodes:
        rows = np.flatnonzero(episode.learned['bc_mask'])
        if rows.size:
            chosen = episode.learned['chosen'][rows]
            found[episode.id] = float(np.abs(_followed(policy, episode)[rows] - chosen).mean())
    return found


def start_successes(
    env: Any, policy: Policy, seeds: Iterable[int], max_steps: int, told: Callable[[int], bool]
) -> list[bool] | None:
    """Returns the success from each seed; `told` hears of each and says whether to go on.

    None if it did not go on.
    """
    found: list[bool] = []
    for seed in seeds:
        scores = evaluate(env, policy, 1, seed, max_steps=max_steps)
        found += [score.success for score in scores]
        if not told(len(found)):
            return None
    return found


def why_worse(new: Trial, used: Trial, settings: RoundSettings) -> str:
    """Says why the new bundle is refused beside the one in use; '' if it is not."""
    least = used.successes - settings.lost
    if new.starts and new.successes < least:
        return (
            f'succeeds at {new.successes} of {len(new.starts)} starts, the policy in use at '
            f'{used.successes}; expected at least {least}'
        )
    most = used.error * (1 + settings.error)
    if len(new.errors) < FEW or not math.isfinite(used.error):
        return ''
    if not new.error <= most:  # also if it is not finite
        return (
            f'differs by {new.error:.4f} from the actions of {len(new.errors)} episodes that '
            f'neither learned from, the policy in use by {used.error:.4f}; expected at most '
            f'{most:.4f}'
        )
    return ''


def _followed(policy: Policy, episode: CachedEpisode) -> np.ndarray:
    """Returns what the policy would do at each row (T, A), told what was done at those before."""
    learned, state, chosen = episode.learned, policy.initial(), []
    for t, seen in enumerate(recorded_observations([episode])):
        if 'previous_action' in state:
            done = {
                'previous_action': learned['action'][t][None].astype(np.float32),
                'is_first': np.full(1, learned['is_first'][t], np.float32),
            }
            state = {**state, **done}
        step = policy.step(seen.images, seen.proprioception, state)
        chosen.append(step.action)
        state = step.state
    return np.stack(chosen)
