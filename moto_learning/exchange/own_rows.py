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
    'What only the log holds (raw camera images, joint states, the states of the guard, labels '
    'before the last) stays in the dataset; every row is there.'
)

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


def seal(kept: Kept, about: Sequence[str]) -> str:
    """Returns a hash of an exported episode but its images; `about` are the texts beside it."""
    found = hashlib.sha256(json.dumps([*about, *kept.texts]).encode())
    found.update(np.asarray(kept.stamp, np.int64).tobytes())
    for values in (kept.requested, kept.executed, kept.proprioception):
        if values is not None:
            found.update(to_float32(values).tobytes())
    return found.hexdigest()[:32]


def check_seal(kept: Kept, about: Sequence[str], expected: str, where: str) -> None:
    """Raises EpisodeError if an episode is not what was exported; '' is of one without a seal."""
    found = seal(kept, about)
    if expected and found != expected:
        raise EpisodeError(
            f'{where} is damaged or was changed: its hash is {found}, and {expected} was '
            'exported. Export it again'
        )


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
        raise DatasetError(f'the header of {where}: {error}') from error


def first_header(read: Callable[[Place], EpisodeHeader], places: Sequence[Place]) -> EpisodeHeader:
    """Returns the first header that can be read; raises what is wrong with the first if none."""
    for place in places:
        with suppress(DatasetError):
            return read(place)
    return read(places[0])


def own_rows(kept: Kept, streams: Mapping[str, Iterator[np.ndarray]], where: str) -> Iterator[Row]:
    """Yields the rows again; `streams` are the cameras' images. Raises EpisodeError for a text."""
    for t, text in enumerate(kept.texts):
        try:
            about = info_from_json(parse_json(text))
        except (ValueError, AttributeError, TypeError) as error:
            raise EpisodeError(f'{where}, row {t}: {error}') from error
        yield Row(
            stamp=int(kept.stamp[t]),
            images={name: next(stream) for name, stream in streams.items()},
            proprioception=None if kept.proprioception is None else kept.proprioception[t],
            requested=kept.requested[t],
            executed=kept.executed[t],
            **about,
        )
