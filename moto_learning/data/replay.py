"""Batches of sequences from cached episodes, offline and online ones alike.

In: CachedEpisodes (rows: observation t, reward received with it, action chosen at it). Out: (B, T)
batches in which the action is shifted once, here and nowhere else:

    row        t=0        t=1        t=2        t=3
    image      x0         x1         x2         x3
    reward     r0         r1         r2         r3         received with x_t
    chosen     a0         a1         a2         a3         chosen at x_t: the behaviour prior's
    action     0          a0         a1         a2         led to x_t: the world model's
    is_first   1          0          0          0
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError, DatasetError, unknown_name
from moto_learning.data.cache import CachedEpisode, Progress, cache_episode, compile_dataset

ACTIONS = ('requested', 'executed')


class Batch(TypedDict, total=False):
    """B sequences of T steps; `proprioception` is absent where the spec has none."""

    images: dict[str, np.ndarray]  # camera: (B, T, h, w, 3) uint8
    proprioception: np.ndarray  # (B, T, P) float32
    action: np.ndarray  # (B, T, A) float32, the one that led to row t
    chosen: np.ndarray  # (B, T, A) float32, the one chosen at row t
    reward: np.ndarray  # (B, T) float32
    is_first: np.ndarray  # (B, T) bool
    is_terminal: np.ndarray  # (B, T) bool
    bc_mask: np.ndarray  # (B, T) float32, 1 in a successful trajectory
    success_episode: np.ndarray  # (B,) bool, of the episode that row 0 belongs to


class Replay:
    """Draws sequences uniformly over the steps of all its episodes.

    A step is drawn uniformly, then the window of `length` steps that holds it at a uniformly drawn
    position, moved inside the episode where it sticks out. A shorter episode is taken whole and
    followed by others from their beginning, is_first marking each. In mid-episode row 0 has its
    true previous action and is_first False.
    """

    def __init__(
        self,
        episodes: Iterable[CachedEpisode],
        batch: int = 16,
        length: int = 50,
        seed: int = 0,
        action: str = 'requested',
    ) -> None:
        """Takes at least `length` steps of one spec; raises DatasetError or ConfigError."""
        if action not in ACTIONS:
            raise ConfigError(unknown_name('replay.action', action, ACTIONS))
        if batch < 1 or length < 2:
            raise ConfigError(f'batch {batch} x length {length}; expected at least 1 x 2')
        self.batch, self.length, self.action = batch, length, action
        self._rng = np.random.default_rng(seed)
        self._episodes: list[CachedEpisode] = []
        self._roots: list[Path] = []
        self._use(list(episodes))
        if not self._episodes:
            raise DatasetError("replay has no episodes; record some with 'moto-data collect'")
        if self.steps < length:
            raise DatasetError(
                f'replay has {self.steps} steps in {len(self._episodes)} episodes; '
                f'expected at least {length}, the length of one sequence. Record '
                'more or lower replay.length'
            )

    @classmethod
    def from_datasets(
        cls,
        roots: Sequence[Path | str],
        batch: int = 16,
        length: int = 50,
        seed: int = 0,
        action: str = 'requested',
        progress: Progress | None = None,
    ) -> Replay:
        """Compiles what is new in the datasets and opens them all, in the given order."""
        episodes: list[CachedEpisode] = []
        for root in roots:
            episodes += compile_dataset(Dataset.open(root), progress).episodes
        replay = cls(episodes, batch, length, seed, action)
        replay._roots = [Path(root) for root in roots]
        return replay

    def __len__(self) -> int:
        """Counts the episodes."""
        return len(self._episodes)

    @property
    def steps(self) -> int:
        """The number of steps in all episodes."""
        return int(self._ends[-1]) if self._episodes else 0

    @property
    def episodes(self) -> tuple[str, ...]:
        """The ids in the order in which they came."""
        return tuple(episode.id for episode in self._episodes)

    @property
    def successful(self) -> tuple[str, ...]:
        """The ids of the successful trajectories."""
        return tuple(episode.id for episode in self._episodes if episode.successful)

    def add(self, episode: CachedEpisode | Path | str) -> None:
        """Appends an episode of the online phase: cached, an episode file's path, or an id.

        A path must be `<dataset>/episodes/<id>/episode.mcap`; an id is looked for in the datasets
        that replay was opened from. Raises DatasetError for another spec or one it has already.
        """
        if not isinstance(episode, CachedEpisode):
            episode = self._find(episode)
        if episode.id in self.episodes:
            raise DatasetError(f'episode {episode.id} is in the replay already')
        self._use([*self._episodes, episode])

    def sample(self) -> Batch:
        """Returns the next batch of `batch` sequences of `length` steps, freshly allocated."""
        out = self._empty()
        for row in range(self.batch):
            index, start = self._draw()
            done = self._copy(out, row, 0, index, start)
            while done < self.length:
                index = int(self._rng.integers(len(self._episodes)))
                done += self._copy(out, row, done, index, 0)
        return out

    def state_dict(self) -> dict[str, Any]:
        """Returns what makes the next batches: random state and episode ids (JSON can hold it)."""
        return {'random': self._rng.bit_generator.state, 'episodes': list(self.episodes)}

    def load_state_dict(self, state: dict[str, Any]) -> list[str]:
        """Continues with the very next batch after `state_dict`; returns the ids it left out.

        Takes exactly the episodes of the state, in its order; those that came later are left out
        (add them again where they are wanted). Raises DatasetError for an episode that is gone.
        """
        known = {episode.id: episode for episode in self._episodes}
        missing = [key for key in state['episodes'] if key not in known]
        if missing:
            raise DatasetError(
                f'{len(missing)} episodes of the checkpoint are gone, the first is '
                f'{missing[0]}; restore them (see quarantine/) or start afresh'
            )
        self._use([known[key] for key in state['episodes']])
        self._rng.bit_generator.state = state['random']
        return [key for key in known if key not in set(state['episodes'])]

    def _use(self, episodes: list[CachedEpisode]) -> None:
        for episode in episodes[1:]:
            if episode.spec_hash != episodes[0].spec_hash:
                raise DatasetError(
                    f'episode {episode.id} has spec {episode.spec_hash[:12]}, the others have '
                    f'{episodes[0].spec_hash[:12]}; one replay takes one spec (cameras, joints, '
                    'scale, rate). Keep them in separate datasets'
                )
        self._episodes = episodes
        self._ends = np.cumsum([len(episode) for episode in episodes])

    def _find(self, episode: Path | str) -> CachedEpisode:
        path = Path(episode)
        roots = [path.parents[2]] if path.suffix == '.mcap' else self._roots
        name = path.parent.name if path.suffix == '.mcap' else str(episode)
        for root in roots:
            records = {record.id: record for record in Dataset.open(root).episodes()}
            if name in records:
                return cache_episode(root, records[name])[0]
        raise DatasetError(f"no episode '{name}' in {[str(root) for root in roots]}")

    def _draw(self) -> tuple[int, int]:
        """Draws an episode and the first row of a window in it."""
        step = int(self._rng.integers(self._ends[-1]))
        index = int(np.searchsorted(self._ends, step, side='right'))
        size = len(self._episodes[index])
        row = step - int(self._ends[index]) + size
        start = row - int(self._rng.integers(self.length))
        return index, min(max(start, 0), max(size - self.length, 0))

    def _empty(self) -> Batch:
        first, shape = self._episodes[0], (self.batch, self.length)
        out = Batch(
            images={
                name: np.empty((*shape, *value.shape[1:]), np.uint8)
                for name, value in first.images.items()
            },
            action=np.empty((*shape, first.requested.shape[1]), np.float32),
            chosen=np.empty((*shape, first.requested.shape[1]), np.float32),
            reward=np.empty(shape, np.float32),
            is_first=np.empty(shape, bool),
            is_terminal=np.empty(shape, bool),
            bc_mask=np.empty(shape, np.float32),
            success_episode=np.empty(self.batch, bool),
        )
        if first.proprioception is not None:
            out['proprioception'] = np.empty((*shape, first.proprioception.shape[1]), np.float32)
        return out

    def _copy(self, out: Batch, row: int, at: int, index: int, start: int) -> int:
        """Copies an episode's rows from `start` to sequence `row`, step `at`; returns how many."""
        episode = self._episodes[index]
        count = min(self.length - at, len(episode) - start)
        to, rows = slice(at, at + count), slice(start, start + count)
        for name, images in episode.images.items():
            out['images'][name][row, to] = images[rows]
        if episode.proprioception is not None:
            out['proprioception'][row, to] = episode.proprioception[rows]
        actions = episode.requested if self.action == 'requested' else episode.executed
        out['chosen'][row, to] = actions[rows]
        out['action'][row, at + 1 : at + count] = actions[start : start + count - 1]
        out['action'][row, at] = actions[start - 1]
        out['action'][row, to][episode.is_first[rows]] = 0
        out['is_first'][row, to] = episode.is_first[rows]
        out['reward'][row, to] = episode.reward[rows]
        out['is_terminal'][row, to] = episode.is_terminal[rows]
        out['bc_mask'][row, to] = episode.successful
        if at == 0:
            out['success_episode'][row] = episode.successful
        return count
