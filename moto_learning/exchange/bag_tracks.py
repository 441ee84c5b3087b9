"""What was heard on each topic over an episode: when, and which numbers; images by their place.

In: a Bag, which topics. Out: Tracks, whose stamps rise. Images are not kept:
`frames` reads the chosen ones again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from moto_core.errors import EpisodeError, MotoError
from moto_core.row import STAMP_LIMIT
from moto_learning.exchange.bag_file import Bag, Message, Span
from moto_learning.exchange.bag_mapping import BagMapping, Part
from moto_learning.exchange.bag_messages import (
    HEADERLESS,
    NANO,
    Entries,
    decode,
    image_of,
    stamp_of,
)

MOST = 1 << 24  # messages of one topic in one episode: over four hours at 1 kHz


class Track(NamedTuple):
    """One topic over time, N samples; of several with one stamp, the last."""

    topic: str
    stamps: np.ndarray  # (N,) int64 [ns], rising
    places: np.ndarray  # (N,) which message of the topic each is, counted from 0
    values: np.ndarray  # (N, n) float64; n is 0 for images


class Heard(NamedTuple):
    """All that an episode is made of, but the pixels."""

    parts: list[Track]  # one for each Part
    cameras: dict[str, Track]  # by camera
    remarks: list[str]  # what of it was not as one would expect


def hear(bag: Bag, span: Span, mapping: BagMapping, parts: Sequence[Part], where: str) -> Heard:
    """Reads the topics once; raises EpisodeError that begins with `where` and names the topic."""
    cameras = {name: one.key for name, one in mapping.cameras.items()}
    takers = [Entries(part) for part in parts]
    series: list[_Series] = [_Series() for _ in [*parts, *cameras]]
    topics = [*(part.topic for part in parts), *cameras.values()]
    for message in bag.messages({*topics}, span):
        with _Located(where, message):
            decoded = decode(message, bag.topics[message.topic])
            stamp = stamp_of(decoded)
            for index, topic in enumerate(topics):
                if topic == message.topic:
                    taker = takers[index] if index < len(takers) else None
                    values = taker.of(decoded) if taker else ()
                    series[index].add(message.received, stamp, values)
    remarks: list[str] = []
    tracks = []
    for index, topic in enumerate(topics):
        one, told = series[index], f"{where}: '{topic}'"
        if not one.count:
            raise EpisodeError(f'{told} has no message')
        if not one.stamps:
            raise EpisodeError(f'{told}: {takers[index].none_of_them()}')
        headless = bag.topics[topic] in HEADERLESS or mapping.stamps == 'received'
        tracks.append(one.track(topic, headless, mapping.stale, told, remarks))
    heard = tracks[: len(parts)], dict(zip(cameras, tracks[len(parts) :]))
    return Heard(parts=heard[0], cameras=heard[1], remarks=[*dict.fromkeys(remarks)])


def frames(
    bag: Bag, topic: str, span: Span, places: Sequence[int], where: str
) -> Iterator[np.ndarray]:
    """Yields the images (H, W, 3) uint8 RGB at places of a topic, which never fall."""
    wanted = 0
    for count, message in enumerate(bag.messages({topic}, span)):
        if count < places[wanted]:
            continue
        with _Located(where, message):
            image = image_of(decode(message, bag.topics[topic]))
        while places[wanted] == count:
            yield image
            wanted += 1
            if wanted == len(places):
                return


class _Series:
    """Samples as they are read."""

    def __init__(self) -> None:
        self.count = 0  # messages, with those that hold nothing of interest
        self.received, self.stamps, self.places = array('q'), array('q'), array('q')
        self.values = array('d')

    def add(self, received: int, stamp: int, values: Sequence[float] | np.ndarray | None) -> None:
        """Adds a message; None: it holds nothing of interest."""
        if self.count >= MOST:
            raise EpisodeError(f'it is one of over {MOST} messages; split the bag')
        if not 0 <= stamp < STAMP_LIMIT:
            raise EpisodeError(f'its stamp is {stamp} ns; expected a time since 1970')
        if values is not None:
            self.received.append(received)
            self.stamps.append(stamp)
            self.places.append(self.count)
            self.values.extend(values)
        self.count += 1

    def track(
        self, topic: str, headless: bool, stale: float, told: str, remarks: list[str]
    ) -> Track:
        """Returns the samples in the order of their stamps; adds to the remarks what was odd."""
        stamps = np.array(self.received if headless else self.stamps)
        if not stamps.all() and not headless:
            unset = int((stamps == 0).sum())
            remarks.append(f'{told}: {unset} stamps are zero; the times of receipt are taken')
            stamps = np.array(self.received)
        late = np.maximum.accumulate(stamps) - stamps
        if late.max() > stale * NANO:
            at = int(late.argmax())
            raise EpisodeError(
                f'{told}: the stamp of message {self.places[at]} is {stamps[at] / NANO:.3f} s, '
                f'{late[at] / NANO:.3f} s before an earlier one; expected stamps that rise. '
                'stamps=received takes the times of receipt'
            )
        if late.any():
            remarks.append(f'{told}: {np.count_nonzero(late)} messages came late and are left out')
        rising = np.flatnonzero(late == 0)
        rising = rising[np.append(np.diff(stamps[rising]) > 0, True)]  # the last of equal ones
        return Track(
            topic=topic,
            stamps=stamps[rising],
            places=np.array(self.places)[rising],
            values=np.array(self.values).reshape(len(stamps), -1)[rising],
        )


class _Located:
    """Adds to an error where the message lies."""

    def __init__(self, where: str, message: Message) -> None:
        self.where, self.message = where, message

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MotoError):
            at = self.message.received / NANO
            raise EpisodeError(
                f"{self.where}: '{self.message.topic}', message received at {at:.3f} s: {error}"
            ) from error
