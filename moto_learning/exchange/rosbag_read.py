"""ROS 2 bags of a user's own teleoperation as episodes of ours: through a mapping of topics.

In: a bag, or a folder of bags; a BagMapping. Out: a Source. A bag is an episode, or as many as
its `episodes` topic says. Each is read twice or more: numbers and stamps first, then the images
that rows take, one at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_core.errors import ConfigError, EpisodeError, MotoError
from moto_learning.exchange.bag_episode import choose_rows, row_numbers
from moto_learning.exchange.bag_file import WHOLE, Bag, Span
from moto_learning.exchange.bag_mapping import ACTION, BagMapping, arrays_mapping, parts_of
from moto_learning.exchange.bag_messages import ACTIONS, FLAG, IMAGES, STATE, decode
from moto_learning.exchange.bag_place import find_bags
from moto_learning.exchange.bag_rows import newest
from moto_learning.exchange.bag_tracks import Heard, frames, hear
from moto_learning.exchange.foreign import NANO, Arrays, Incoming, Source, incoming
from moto_learning.exchange.mapping import setup_of, spec_of

KIND = 'rosbag'


def open_bags(place: Path | str, mapping: BagMapping | None) -> Source:
    """Opens the bag at `place`, or every bag in that folder, in the order of their names.

    Raises ConfigError for a mapping that is missing or says too little, DatasetError if there is
    no bag, and what is wrong with the first one if every one is damaged.
    """
    if mapping is None:
        raise ConfigError(
            'a bag says neither which of its topics are cameras, joints and actions nor at what '
            'rate rows are; name a mapping with --mapping FILE (docs/data.md)'
        )
    return _Bags(find_bags(Path(place)), mapping)


class _Piece(NamedTuple):
    """What becomes one episode."""

    bag: Bag | None
    span: Span
    error: MotoError | None = None


class _Bags:
    """Bags, through a mapping."""

    def __init__(self, bags: list[Path], mapping: BagMapping) -> None:
        self.mapping, self.parts = mapping, parts_of(mapping)
        self.arrays = arrays_mapping(mapping)
        self.spec, self.setup = spec_of(self.arrays, 0.0), setup_of(mapping)
        self.notes: list[str] = []
        self.places: list[str] = []
        self._pieces: list[_Piece] = []
        for path in bags:
            self._add(path)
        errors = [piece.error for piece in self._pieces]
        if errors[0] is not None and all(errors):
            raise errors[0]

    def episode(self, index: int) -> Incoming:
        """Returns one episode."""
        piece, where = self._pieces[index], self.places[index]
        if piece.bag is None:
            assert piece.error is not None
            raise piece.error
        heard = hear(piece.bag, piece.span, self.mapping, self.parts, where)
        arrays = self._arrays(piece.bag, piece.span, heard, where)
        return incoming(arrays, self.arrays, self.spec, self.setup, KIND)

    def _add(self, path: Path) -> None:
        """Adds the episodes of a bag; one that cannot be opened is one, which is refused."""
        try:
            bag = Bag(path)
            self._check(bag)
            spans = _spans(bag, self.mapping.episodes)
        except MotoError as error:
            self.places.append(path.name)
            self._pieces.append(_Piece(None, WHOLE, error))
            return
        self._pieces += [_Piece(bag, span) for span in spans]
        one = not self.mapping.episodes
        self.places += [path.name if one else f'{path.name}, {n}' for n in range(len(spans))]

    def _check(self, bag: Bag) -> None:
        for part in self.parts:
            bag.check(part.topic, ACTIONS if part.array == ACTION else (STATE,))
        for camera in self.mapping.cameras.values():
            bag.check(camera.key, IMAGES)
        if self.mapping.episodes:
            bag.check(self.mapping.episodes, (FLAG,))

    def _arrays(self, bag: Bag, span: Span, heard: Heard, where: str) -> Arrays:
        found = choose_rows(heard, self.mapping, where)
        times, remarks = found.times, [*heard.remarks, *found.remarks]
        self.notes += [f'{where}: {line.removeprefix(f"{where}: ")}' for line in remarks]
        cameras = {
            name: frames(bag, track.topic, span, track.places[newest(track, times)], where)
            for name, track in heard.cameras.items()
        }
        return Arrays(
            where=where,
            numbers=row_numbers(heard, self.parts, self.mapping, found, where),
            images=cameras,
            stamps=(times - times[0]) / NANO,
            gap=np.append(False, np.diff(found.rows) > 1),
            begun=int(times[0]),
        )


def _spans(bag: Bag, topic: str) -> list[Span]:
    """Returns when the bag's episodes are: from each true to the false after it, or to the end."""
    if not topic:
        return [WHOLE]
    spans: list[Span] = []
    begin: int | None = None
    for message in bag.messages({topic}):
        on = decode(message, FLAG).data
        if on and begin is None:
            begin = message.received
        elif not on and begin is not None:
            spans.append(Span(begin, message.received))
            begin = None
    if begin is not None:
        spans.append(Span(begin))
    if not spans:
        raise EpisodeError(f"'{bag.path}': '{topic}' is never true; expected it so in an episode")
    return spans
