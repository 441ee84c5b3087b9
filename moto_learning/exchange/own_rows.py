"""What an export of ours keeps of a row beside what others read, so that it comes back whole.

In: an Episode. Out: a text a row; and rows again of such texts and arrays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

import numpy as np

from moto_core.episodes.episode import Episode, EpisodeHeader, header_from_dict
from moto_core.errors import DatasetError, EpisodeError, MotoError
from moto_core.row import INFO, Row, info_from_json, to_float32
from moto_core.strict_json import parse_json

LOST = (
    'Every row is there; what else a log may hold (raw camera images, joint states, the states of '
    'the guard, labels before the last) is not.'
)
CHANGED, AGAIN = 'is damaged or was changed', 'Export it again'

Place = TypeVar('Place')  # where an episode lies in its file


class Kept(NamedTuple):
    """The arrays of one exported episode, T rows long."""

    stamp: np.ndarray  # (T,) int64 [ns]
    requested: np.ndarray  # (T, A)
    executed: np.ndarray  # (T, A)
    proprioception: np.ndarray | None  # (T, P)
    texts: Sequence[str]  # (T,) JSON


def kept_of(episode: Episode) -> Kept:
    """Returns what an export keeps of an episode."""
    return Kept(
        stamp=episode.stamp,
        requested=episode.requested,
        executed=episode.executed,
        proprioception=episode.proprioception,
        texts=[*row_texts(episode)],
    )


class Sealed(NamedTuple):
    """What an export says of an episode, and the hash of it all."""

    about: Sequence[str]  # texts beside the rows
    seal: str  # '' of an export without one
    pictures: bool = True  # images are among it, as they come back as they were


def seal(kept: Kept, about: Sequence[str], images: Sequence[str]) -> str:
    """Returns a hash of an exported episode; `images` are the hashes of each camera's."""
    found = hashlib.sha256(json.dumps([*about, *images, *kept.texts]).encode())
    found.update(np.asarray(kept.stamp, np.int64).tobytes())
    for values in (kept.requested, kept.executed, kept.proprioception):
        if values is not None:
            found.update(to_float32(values).tobytes())
    return found.hexdigest()[:32]


def hash_images(images: Mapping[str, np.ndarray]) -> list[str]:
    """Returns a hash of each camera's images (T, h, w, 3), in the order of the cameras' names."""
    return [
        hashlib.sha256(np.ascontiguousarray(images[name]).data).hexdigest()
        for name in sorted(images)
    ]


def next_of(values: np.ndarray) -> np.ndarray:
    """Returns what came with the row after each (T,): as others date it; 0 after the last."""
    return np.append(values[1:], values[-1:] * 0).astype(values.dtype)


def row_texts(episode: Episode) -> Iterator[str]:
    """Yields each row's flags and numbers as the log's JSON has them."""
    parts = episode.header.parts
    for t in range(len(episode)):
        values = {column.name: getattr(episode, column.name)[t] for column in INFO}
        done = values['done_parts']
        values['done_parts'] = tuple(name for name, one in zip(parts, done) if one)
        yield json.dumps({c.name: c.kind.to_json(values[c.name]) for c in INFO if c.kind})


def own_header(text: str, where: str) -> EpisodeHeader:
    """Returns the header of an export; raises DatasetError that says where it lies."""
    try:
        return header_from_dict(parse_json(text))
    except (ValueError, AttributeError, TypeError, MotoError) as error:
        raise DatasetError(f'the header of {where} {CHANGED} ({error}). {AGAIN}') from error


def first_header(read: Callable[[Place], EpisodeHeader], places: Sequence[Place]) -> EpisodeHeader:
    """Returns the first header that can be read; raises what is wrong with the first if none."""
    for place in places:
        with suppress(DatasetError):
            return read(place)
    return read(places[0])


def own_rows(
    kept: Kept, streams: Mapping[str, Iterator[np.ndarray]], sealed: Sealed, where: str
) -> Iterator[Row]:
    """Yields the rows again; `streams` are the cameras' images.

    Raises EpisodeError for a text, and after the last row for an episode that is not as sealed.
    """
    hashes = {name: hashlib.sha256() for name in sorted(streams)}
    for t, text in enumerate(kept.texts):
        try:
            about = info_from_json(parse_json(text))
        except (ValueError, AttributeError, TypeError) as error:
            raise EpisodeError(f'{where}, row {t}: it {CHANGED} ({error}). {AGAIN}') from error
        images = {name: next(stream) for name, stream in streams.items()}
        for name, image in images.items():
            hashes[name].update(np.ascontiguousarray(image).data)
        yield Row(
            stamp=int(kept.stamp[t]),
            images=images,
            proprioception=None if kept.proprioception is None else kept.proprioception[t],
            requested=kept.requested[t],
            executed=kept.executed[t],
            **about,
        )
    seen = [found.hexdigest() for found in hashes.values()] if sealed.pictures else []
    _check_seal(seal(kept, sealed.about, seen), sealed.seal, where)


def _check_seal(found: str, expected: str, where: str) -> None:
    if expected and found != expected:
        raise EpisodeError(
            f'{where} {CHANGED}: its hash is {found}, and {expected} was exported. {AGAIN}'
        )
