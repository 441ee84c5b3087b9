"""A robomimic HDF5 file as episodes of ours: one that we wrote needs no mapping, others do.

In: a file, a Mapping whose keys are 'actions', 'rewards', 'obs/<name>'. Out: a Source.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from moto_core.episodes.episode import EpisodeHeader
from moto_core.errors import ConfigError, DatasetError, EpisodeError, MotoError
from moto_core.row import Row, to_float32
from moto_core.spec import Setup, Spec
from moto_learning.exchange.foreign import Arrays, Incoming, Source, incoming
from moto_learning.exchange.hdf5_file import Hdf5File
from moto_learning.exchange.mapping import Mapping, setup_of, spec_of
from moto_learning.exchange.own_rows import LOST, Kept, Sealed, first_header, own_header, own_rows
from moto_learning.exchange.robomimic_write import ABOUT, IMAGE, OWN, STATE

KIND = 'robomimic'
DATA = 'data'


def open_robomimic(path: Path | str, mapping: Mapping | None = None) -> Source:
    """Opens the file at `path`; without a mapping it is one that this project wrote.

    Raises DatasetError for what is no such file, ConfigError for a mapping that is missing or
    says too little.
    """
    file = Hdf5File(path)
    if DATA not in (names := file.names()):
        raise DatasetError(
            f"'{path}' has no '{DATA}', but {', '.join(names[:9]) or 'nothing'}; expected "
            f'{DATA}/demo_N as robomimic has it'
        )
    demonstrations = [f'{DATA}/{name}' for name in file.names(DATA)]
    if not demonstrations:
        raise DatasetError(f"'{path}' has no demonstration in '{DATA}'")
    if mapping is not None:
        return _Others(file, demonstrations, mapping)
    if not file.text(DATA, OWN):
        there = ', '.join(_seen(file, demonstrations))
        raise ConfigError(
            f"'{path}' was not written by this project: a mapping says which of its arrays "
            f'(actions, rewards, {there}) are the images, the action, the joints. Name one with '
            '--mapping FILE'
        )
    return _Ours(file, demonstrations)


def _seen(file: Hdf5File, demonstrations: list[str]) -> list[str]:
    """Returns what the first demonstration that has observations holds of them."""
    for where in demonstrations:
        with suppress(MotoError):
            return [f'obs/{name}' for name in file.names(f'{where}/obs')]
    return []


class _Others:
    """Somebody else's file, through a mapping."""

    def __init__(self, file: Hdf5File, demonstrations: list[str], mapping: Mapping) -> None:
        self.file, self.places, self.mapping = file, demonstrations, mapping
        self.spec, self.setup = spec_of(mapping, 0.0), setup_of(mapping)
        used = {one.key for one in mapping.cameras.values()}
        used |= {mapping.position.key, mapping.velocity.key}
        unused = sorted({*_seen(file, demonstrations)} - used)
        self.notes = [f'not taken: {", ".join(unused)}'] if unused else []
        if mapping.reward and not mapping.outcome:
            self.notes.append('a demonstration whose last reward is above 0 counts as a success')

    def episode(self, index: int) -> Incoming:
        """Returns one demonstration."""
        arrays = self._arrays(self.places[index])
        return incoming(arrays, self.mapping, self.spec, self.setup, KIND)

    def _arrays(self, where: str) -> Arrays:
        wanted = self.mapping
        keys = (wanted.action.key, wanted.position.key, wanted.velocity.key, wanted.reward)
        numbers = {key: self.file.numbers(f'{where}/{key}') for key in filter(None, keys)}
        rewards = numbers.get(wanted.reward)
        good = rewards is not None and rewards.size > 0 and rewards.reshape(-1)[-1] > 0
        return Arrays(
            where=where,
            numbers=numbers,
            images={
                one.key: self.file.images(f'{where}/{one.key}') for one in wanted.cameras.values()
            },
            outcome='success' if good else 'unlabelled',
        )


class _Ours:
    """A file of ours: its rows are those that were recorded."""

    def __init__(self, file: Hdf5File, demonstrations: list[str]) -> None:
        self.file, self.places, self.notes = file, demonstrations, [LOST]
        first = first_header(self._header, demonstrations)
        self.spec: Spec = first.spec
        self.setup: Setup = first.setup

    def episode(self, index: int) -> Incoming:
        """Returns one episode, with the id that it had."""
        where = self.places[index]
        header, outcome, ended, sealed = (self.file.text(where, name) for name in ABOUT)
        return Incoming(
            where=where,
            header=self._header(where),
            rows=self._rows(where, Sealed([header, outcome, ended], sealed)),
            outcome=outcome,
            ended=ended,
        )

    def _header(self, where: str) -> EpisodeHeader:
        text = self.file.text(where, ABOUT[0])
        return own_header(text, f"'{where}' in '{self.file.path}'")

    def _rows(self, where: str, sealed: Sealed) -> Iterator[Row]:
        file = self.file
        state = file.numbers(f'{where}/obs/{STATE}') if self.spec.proprioception_size else None
        kept = Kept(
            stamp=file.numbers(f'{where}/{OWN}/stamp'),
            requested=to_float32(file.numbers(f'{where}/actions')),
            executed=file.numbers(f'{where}/{OWN}/executed'),
            proprioception=state,
            texts=file.texts(f'{where}/{OWN}/row'),
        )
        lengths = {len(part) for part in kept if part is not None}
        lengths |= {file.shape(f'{where}/obs/{name}{IMAGE}')[0] for name in self.spec.cameras}
        if len(lengths) != 1:
            raise EpisodeError(f'{where}: its arrays have {sorted(lengths)} rows')
        streams = {name: file.images(f'{where}/obs/{name}{IMAGE}') for name in self.spec.cameras}
        yield from own_rows(kept, streams, sealed, where)
