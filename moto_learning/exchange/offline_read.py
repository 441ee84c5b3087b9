"""D4RL's and Minari's datasets as episodes of ours: the Kitchen's states drawn again, or pixels.

In: a file, a Mapping for those with pixels, else the Kitchen's task. Out: a Source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import EpisodeError
from moto_core.fields import check, choices, number, setting
from moto_core.observation import proprioception
from moto_core.row import Row
from moto_learning.exchange.contents import with_contents
from moto_learning.exchange.foreign import Arrays, Incoming, Source, beyond, incoming
from moto_learning.exchange.mapping import Mapping as Said
from moto_learning.exchange.mapping import setup_of, spec_of
from moto_learning.exchange.offline_hdf5 import ACTIONS, OBSERVATIONS, OfflineFile, Piece

# of an observation: which of its entries are qpos. Minari's: the robot's qpos 9 and qvel 9, the
# objects' qpos 21 and qvel 20. D4RL's: qpos 30, then the goal's
LAYOUTS = {59: [*range(9), *range(18, 39)], 60: [*range(30)]}
NESTED = f'{OBSERVATIONS}/observation'  # of Minari's, where observations are several


@dataclass(frozen=True)
class KitchenStates:
    """How the Kitchen's states are drawn and judged."""

    task: str = setting('kitchen-mixed', 'of this project: whose objects are judged')
    view: str = setting('paper', 'of the camera')
    size: int = number(64, '[px] of its image', low=8, high=512)
    proprioception: list[str] = choices('position', 'velocity', about='that the policy gets')

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be."""
        check(self)


def open_pixels(path: Path | str, mapping: Said, kind: str) -> Source:
    """Opens a file that holds images, by a mapping."""
    return _Pixels(OfflineFile(path), mapping, kind)


def open_kitchen(path: Path | str, said: KitchenStates, kind: str) -> Source:
    """Opens a file of the Kitchen's states; needs the simulator, which draws them."""
    return _Kitchen(OfflineFile(path), said, kind)


class _Pixels:
    """A dataset with images of its own."""

    def __init__(self, file: OfflineFile, mapping: Said, kind: str) -> None:
        self.file, self.mapping, self.kind, self.places = file, mapping, kind, file.places
        self.spec, self.setup = spec_of(mapping, 0.0), setup_of(mapping)
        self.notes: list[str] = []

    def episode(self, index: int) -> Incoming:
        """Returns one episode, a row for each of its actions."""
        said, piece = self.mapping, self.file.pieces[index]
        keys = (said.action.key, said.position.key, said.velocity.key, said.reward)
        count = piece.end - piece.begin
        for key in (*filter(None, keys), *(one.key for one in said.cameras.values())):
            self._check_rows(piece, key, count)
        arrays = Arrays(
            where=self.places[index],
            numbers={k: self.file.numbers(index, k)[:count] for k in filter(None, keys)},
            images={one.key: self.file.images(index, one.key) for one in said.cameras.values()},
        )
        return incoming(arrays, said, self.spec, self.setup, self.kind)

    def _check_rows(self, piece: Piece, key: str, count: int) -> None:
        """Raises EpisodeError for more rows of Minari's than actions and the one after them."""
        rows = self.file.file.shape(f'{piece.where}/{key}')[:1] if piece.where else ()
        if rows and rows[0] > count + 1:
            raise EpisodeError(
                f"{piece.where}: '{key}' has {rows[0]} rows; expected {count}, one for each "
                'action, or one more'
            )


class _Kitchen:
    """The Kitchen's states, drawn and judged by our simulator."""

    def __init__(self, file: OfflineFile, said: KitchenStates, kind: str) -> None:
        from moto_sim import tasks
        from moto_sim.setups import choose_setup

        self.file, self.said, self.kind, self.places = file, said, kind, file.places
        setup = choose_setup(said.task, actuation='d4rl', view=said.view)
        self.env = tasks.make(
            said.task, setup, size=said.size, proprioception=list(said.proprioception)
        )
        self.spec, self.setup = self.env.spec, self.env.setup
        self.notes = [
            f"images are of our simulator, from the view '{said.view}'; rewards are the objects "
            f"of '{said.task}' in place"
        ]

    def episode(self, index: int) -> Incoming:
        """Returns one episode: a row for each state that the file has."""
        where = self.places[index]
        qpos, velocity = self._states(index)
        actions = self.file.numbers(index, ACTIONS)
        size = self.spec.action_size
        if actions.ndim != 2 or actions.shape[1] != size or not np.isfinite(actions).all():
            raise EpisodeError(
                f'{where}: actions are {actions.shape}; expected finite (T, {size})'
            )
        if len(qpos) not in (len(actions), len(actions) + 1):
            raise EpisodeError(f'{where}: {len(qpos)} observations for {len(actions)} actions')
        header = EpisodeHeader(
            task=self.said.task,
            source='sim',
            spec=self.spec,
            setup=self.setup,
            controller='teleop',
            parts=tuple(self.env.task.parts()),
            extra={'imported': self.kind},
        )
        given = (qpos.tobytes(), velocity.tobytes(), actions.tobytes())  # what is drawn follows
        rest = np.zeros((len(qpos) - len(actions), size))  # after the last action
        chosen = np.concatenate([actions, rest]).clip(-1.0, 1.0).astype(np.float32)
        rows = self._rows(qpos, velocity, chosen)
        return Incoming(
            where=where,
            header=with_contents(header, given),
            rows=rows,
            outcome='unlabelled',
            clipped=beyond(actions),
        )

    def _states(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns qpos (T, 30), and the robot's velocities (T, 9), 0 where none are told."""
        where, piece = self.places[index], self.file.pieces[index]
        name = f'{piece.where}/{OBSERVATIONS}'
        nested = bool(piece.where) and self.file.file.is_group(name)
        found = self.file.numbers(index, NESTED if nested else OBSERVATIONS)
        if found.ndim != 2 or found.shape[1] not in LAYOUTS or not np.isfinite(found).all():
            raise EpisodeError(
                f'{where}: observations are {found.shape}; expected finite (T, 59), as Minari '
                "has the Kitchen's, or (T, 60), as D4RL does"
            )
        told = found.shape[1] == 59
        return found[:, LAYOUTS[found.shape[1]]], found[:, 9:18] * told

    def _rows(self, qpos: np.ndarray, velocity: np.ndarray, actions: np.ndarray) -> Iterator[Row]:
        task: Any = self.env.task
        for t, state in enumerate(qpos):
            task.sim.show(state)
            done: Mapping[str, bool] = task.parts()
            yield Row(
                stamp=round(t / self.spec.rate * 1e9),
                images={
                    name: task.render(name, camera.height, camera.width)
                    for name, camera in self.spec.cameras.items()
                },
                proprioception=proprioception(self.spec, state[:9], velocity[t]),
                requested=actions[t],
                executed=actions[t],
                reward=task.reward(),
                success=task.success(),
                done_parts=tuple(name for name, there in done.items() if there),
                is_first=t == 0,
                is_last=t == len(qpos) - 1,
            )
