"""Batches of sequences from cached episodes, offline and online ones alike.

In: CachedEpisodes. Out: (B, T) batches as moto_learning/data/batch.py describes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from moto_core.errors import ConfigError, DatasetError
from moto_learning import processes
from moto_learning.data.batch import Batch, empty_batch
from moto_learning.data.cache import CachedEpisode
from moto_learning.data.sources import has_reward


class _Pool(NamedTuple):
    """Episodes that rows are drawn from."""

    places: np.ndarray  # (N,) of each in the replay
    ends: np.ndarray  # (N,) rows up to and with each


def without_gone(
    state: Mapping[str, Any], there: Container[str]
) -> tuple[dict[str, Any], list[str]]:
    """Returns a Replay's state without the episodes that are not `there`, and their ids."""
    ids = state['episodes']
    kept = [place for place, key in enumerate(ids) if key in there]
    first = sum(place < state.get('first', len(ids)) for place in kept)
    found = {**state, 'episodes': [ids[place] for place in kept], 'first': first}
    if 'outcomes' in state:
        found['outcomes'] = [state['outcomes'][place] for place in kept]
    return found, [key for key in ids if key not in there]


class Replay:
    """Draws sequences uniformly over the rows of all its episodes.

    A row is drawn uniformly, then the window of `length` rows that holds it at a uniformly drawn
    position, moved inside the episode if it sticks out. A shorter episode is taken whole and
    followed by others from their beginning, is_first marking each. In mid-episode row 0 has its
    true previous action and is_first False. A share `successful` of the sequences is drawn so from
    the successful episodes alone, as long as there are any. Once there are other episodes than
    those it was made with, a share `demonstrations` is drawn from those alone; it halves every
    `demonstrations_half` batches, or never (0).
    """

    def __init__(
        self,
        episodes: Iterable[CachedEpisode],
        batch: int = 16,
        length: int = 50,
        seed: int = 0,
        successful: float = 0.0,
        demonstrations: float = 0.0,
        demonstrations_half: int = 0,
    ) -> None:
        """Takes at least `length` rows of one spec, each episode once.

        Raises DatasetError or ConfigError.
        """
        if batch < 1 or length < 2:
            raise ConfigError(f'batch {batch} x length {length}; expected at least 1 x 2')
        self.batch, self.length, self.successful = batch, length, successful
        self.demonstrations, self.demonstrations_half = demonstrations, demonstrations_half
        self._rng = np.random.default_rng(seed)
        self._episodes: list[CachedEpisode] = []
        held = list(episodes)
        self._first, self._mixed = len(held), 0  # demonstrations; batches since others came
        self._use(held)
        self._outcomes = {episode.id: episode.outcome for episode in self._episodes}  # taken in
        if not self._episodes:
            raise DatasetError("replay has no episodes; record some with 'moto-data collect'")
        if self.rows < length:
            raise DatasetError(
                f'replay has {self.rows} rows in {len(self._episodes)} episodes; '
                f'expected at least {length}, the length of one sequence. Record '
                'more or lower replay.length'
            )

    @property
    def rows(self) -> int:
        """The number of rows in all episodes."""
        return int(self._all.ends[-1]) if self._episodes else 0

    @property
    def episodes(self) -> tuple[str, ...]:
        """The ids in the order in which they came."""
        return tuple(episode.id for episode in self._episodes)

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome by id with which each episode was last taken in."""
        return dict(self._outcomes)

    @property
    def rewarded(self) -> bool:
        """Whether any row has a reward to learn from."""
        return has_reward(self._episodes)

    @property
    def has_success(self) -> bool:
        """Whether any episode is successful: the behaviour prior imitates those alone."""
        return self.successes > 0

    @property
    def successes(self) -> int:
        """The number of successful episodes."""
        return int(self._successes.places.size)

    def add(self, episode: CachedEpisode) -> None:
        """Appends an episode; raises DatasetError for another spec or one it has already."""
        if episode.id in self.episodes:
            raise DatasetError(f'episode {episode.id} is in the replay already')
        self._use([*self._episodes, episode])
        self._outcomes[episode.id] = episode.outcome

    def update(self, episodes: Iterable[CachedEpisode]) -> tuple[int, int]:
        """Takes in episodes as they are now: new ones are appended, known ones replaced in place.

        Returns how many were new, and how many known ones have another outcome than when they
        were last taken in, be it before the checkpoint that this replay continues.
        """
        places = {episode.id: index for index, episode in enumerate(self._episodes)}
        held, added, changed = list(self._episodes), 0, 0
        for episode in episodes:
            if episode.id in places:
                changed += self._outcomes[episode.id] != episode.outcome
                held[places[episode.id]] = episode
            else:
                added += 1
                held.append(episode)
        self._use(held)
        self._outcomes = {episode.id: episode.outcome for episode in held}
        return added, changed

    def sample(self) -> Batch:
        """Returns the next batch of `batch` sequences of `length` rows, freshly allocated.

        Of several processes each draws all of it and reads its own sequences alone.
        """
        first, own = self._episodes[0], processes.rows(self.batch)
        out = empty_batch(first.images, first.learned, len(own), self.length)
        out['successes'] = np.array(self.successes)
        for row, pool in enumerate(self._pools()):
            for at, index, start, count in self._drawn(pool):
                if row in own:
                    self._copy(out, row - own.start, at, index, start, count)
        return out

    def state_dict(self) -> dict[str, Any]:
        """Returns what makes the next batches: random state and episode ids (JSON can hold it).

        Also the outcomes with which the episodes were taken in.
        """
        return {
            'random': self._rng.bit_generator.state,
            'first': self._first,
            'mixed': self._mixed,
            'episodes': list(self.episodes),
            'outcomes': [self._outcomes[key] for key in self.episodes],
        }

    def load_state_dict(self, state: dict[str, Any]) -> list[str]:
        """Continues with the very next batch after `state_dict`; returns the ids it left out.

        Takes exactly the episodes of the state, in its order; those that came later are left out
        (add them again if they are wanted). Raises DatasetError for an episode that is gone.
        """
        known = {episode.id: episode for episode in self._episodes}
        missing = [key for key in state['episodes'] if key not in known]
        if missing:
            raise DatasetError(
                f'{len(missing)} episodes of the checkpoint are gone, the first is '
                f'{missing[0]}; restore them (see quarantine/) or start afresh'
            )
        self._first = state.get('first', len(state['episodes']))  # an older checkpoint has neither
        self._mixed = state.get('mixed', 0)
        self._use([known[key] for key in state['episodes']])
        if 'outcomes' in state:  # an older checkpoint holds none: nothing counts as changed
            self._outcomes = dict(zip(state['episodes'], state['outcomes'], strict=True))
        self._rng.bit_generator.state = state['random']
        return [key for key in known if key not in set(state['episodes'])]

    def _use(self, episodes: list[CachedEpisode]) -> None:
        twice = [key for key, n in Counter(episode.id for episode in episodes).items() if n > 1]
        if twice:
            raise DatasetError(
                f'{len(twice)} episodes are in the replay twice, the first is {twice[0]}; give '
                'it each once, or start a new run if a checkpoint says so'
            )
        for episode in episodes[1:]:
            if episode.spec_hash != episodes[0].spec_hash:
                raise DatasetError(
                    f'the episodes {episode.id} and {episodes[0].id} are of two specs (cameras, '
                    'joints, scale, rate); one replay takes one spec. Keep them in separate '
                    'datasets'
                )
        self._episodes = episodes
        self._all = self._pool(range(len(episodes)))
        self._successes = self._pool([i for i, e in enumerate(episodes) if e.successful])
        self._given = self._pool(range(self._first))

    def _pool(self, places: Iterable[int]) -> _Pool:
        places = np.array(list(places), np.int64)
        return _Pool(places, np.cumsum([len(self._episodes[place]) for place in places]))

    def _pools(self) -> list[_Pool]:
        """Returns what each sequence of the next batch is drawn from."""
        favoured = round(self.successful * self.batch) if self.has_success else 0
        given = 0
        if len(self._episodes) > self._first:
            halvings = self._mixed / self.demonstrations_half if self.demonstrations_half else 0
            given = round(self.demonstrations * 0.5**halvings * self.batch)
            self._mixed += 1
        chosen = [self._successes] * favoured + [self._given] * given
        return (chosen + [self._all] * self.batch)[: self.batch]

    def _draw(self, pool: _Pool) -> tuple[int, int]:
        """Draws an episode of a pool and the first row of a window in it."""
        drawn = int(self._rng.integers(pool.ends[-1]))
        place = int(np.searchsorted(pool.ends, drawn, side='right'))
        index = int(pool.places[place])
        size = len(self._episodes[index])
        row = drawn - int(pool.ends[place]) + size
        start = row - int(self._rng.integers(self.length))
        return index, min(max(start, 0), max(size - self.length, 0))

    def _drawn(self, pool: _Pool) -> list[tuple[int, int, int, int]]:
        """Draws a sequence: at which time in it so many rows of an episode begin, from which."""
        index, start = self._draw(pool)
        found, at = [], 0
        while True:
            count = min(self.length - at, len(self._episodes[index]) - start)
            found.append((at, index, start, count))
            at += count
            if at == self.length:
                return found
            index, start = int(pool.places[int(self._rng.integers(len(pool.places)))]), 0

    def _copy(self, out: Batch, row: int, at: int, index: int, start: int, count: int) -> None:
        """Copies `count` of an episode's rows from `start` to sequence `row`, time `at`."""
        episode = self._episodes[index]
        to, rows = slice(at, at + count), slice(start, start + count)
        for name, images in episode.images.items():
            out['images'][name][row, to] = images[rows]
        for name, values in episode.learned.items():
            out[name][row, to] = values[rows]
