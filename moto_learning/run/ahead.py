"""The next online episode, played in a process of its own while the learner makes its updates.

In: a learner between two updates, an episode's number. Out: its rows, when they are asked for.

    episode i is taken    the policy as it is now begins episode i + 1 in the other process
    G updates             the learner does not wait
    episode i + 1         is there, played by a policy that is the updates of one episode old

What is not taken is not recorded, so that a kill loses no episode: one that was being played is
played anew, by the policy of then.
"""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from moto_core.command import end_with_parent
from moto_core.errors import DatasetError
from moto_core.row import Row
from moto_core.spec import Spec
from moto_learning.agents.learner import Learner, make_learner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config

if TYPE_CHECKING:
    from moto_core.episodes.episode import EpisodeHeader
    from moto_sim.episode import EpisodeResult


class Played(NamedTuple):
    """An episode that is not written yet."""

    header: EpisodeHeader
    rows: list[Row]
    result: EpisodeResult


class Ahead:
    """A process that plays one episode at a time, from when it is first asked until `close`.

    `begin` and `take` raise DatasetError if it was killed.
    """

    def __init__(self, config: Config, spec: Spec, make: Callable[[], Any]) -> None:
        """Takes what makes the environment there; it must be picklable."""
        self.config, self.spec, self.make = config, spec, make
        self._pool: ProcessPoolExecutor | None = None
        self._begun: tuple[int, Future[Played]] | None = None

    def begin(self, index: int, learner: Learner) -> None:
        """Begins online episode number `index` with the policy as it is now."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, get_context('spawn'), _begin_process, (self.config, self.spec, self.make)
            )
        weights = io.BytesIO()
        torch.save(learner.state_dict(), weights)
        with _killed_is_said(index):
            self._begun = index, self._pool.submit(_play, weights.getvalue(), index)

    def take(self, index: int, learner: Learner) -> Played:
        """Returns episode number `index`, begun now if it was not; waits until it has ended."""
        if self._begun is None or self._begun[0] != index:
            self.begin(index, learner)
        assert self._begun is not None
        (_, playing), self._begun = self._begun, None
        with _killed_is_said(index):
            return playing.result()

    def close(self) -> None:
        """Ends the process; an episode that is being played there is left."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


@contextmanager
def _killed_is_said(index: int) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise DatasetError(
            f'the process that plays online episode {index} was killed (out of memory?); --resume '
            'goes on with that episode, collect.ahead=false plays it in one process'
        ) from error


class _Player(NamedTuple):
    learner: Learner
    env: Any


_players: list[_Player] = []  # of this process: one


def _begin_process(config: Config, spec: Spec, make: Callable[[], Any]) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the learner's to hear
    torch.set_num_threads(1)
    _players.append(_Player(make_learner(config, spec), make()))


def _play(weights: bytes, index: int) -> Played:
    """Plays an episode as `OnlineCollector` does."""
    from moto_sim.episode import ONLINE, learning_seed, run_episode, simulated_header

    learner, env = _players[0]
    learner.load_state_dict(torch.load(io.BytesIO(weights), weights_only=True))
    c, seed = learner.config.collect, learning_seed(ONLINE, learner.config.seed, index)
    policy = learner.policy(Exploration(c.explore, c.noise, seed))
    header = simulated_header(env, seed, policy_hash=policy.hash)
    rows: list[Row] = []
    result = run_episode(
        env, policy, seed, rows.append, max_steps=c.max_steps, start=header.created
    )
    return Played(header, rows, result)
