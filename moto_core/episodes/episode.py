"""What an episode is: its header, its rows as arrays, its names on disk.

In: nothing. Out: EpisodeHeader (known before the first row), Episode (all rows, stacked).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ulid import ULID

from moto_core.config import load_config, to_dict
from moto_core.episode_id import EPISODE_ID
from moto_core.errors import EpisodeError, MotoError, unknown_name
from moto_core.row import ARRAYS, COLUMNS, Row, stack_column
from moto_core.spec import Setup, Spec, spec_from_dict

FORMAT = 2
READABLE = (1, 2)  # format 1 has no setup, seed, parts and calls the disagreement uncertainty
FILE = 'episode.mcap'
ROW_LIMIT = 1 << 18  # of one episode: 5.8 h at 12.5 Hz
OUTCOMES = ('success', 'failure', 'unlabelled')
SIM, ROBOT = 'sim', 'robot'
TWIN = 'twin'  # a simulated robot of whose task nothing is logged: it stands for a real one
SOURCES = (SIM, ROBOT, TWIN)
LABELLED = (ROBOT, TWIN)  # whose reward comes from labels


_KINDS: dict[str, Any] = {
    'task': str,
    'source': str,
    'controller': str,
    'policy_hash': str,
    'config_hash': str,
    'created': int,
    'seed': (int, type(None)),
    'parts': tuple,
    'extra': dict,
}


@dataclass(frozen=True, kw_only=True)
class EpisodeHeader:
    """What is known of an episode before its first row."""

    task: str
    source: str  # 'sim', 'robot' or 'twin'
    spec: Spec
    setup: Setup = field(default_factory=Setup)  # the guard's profile among it
    controller: str = 'policy'  # 'scripted', 'policy' or 'teleop'
    policy_hash: str = ''  # of the policy bundle; '' if there is none
    config_hash: str = ''  # of the configuration it ran under
    id: str = field(default_factory=lambda: str(ULID()))
    created: int = field(default_factory=time.time_ns)  # [ns]
    seed: int | None = None  # of a simulator's reset; None: not a simulator's
    parts: tuple[str, ...] = ()  # of the task, in its own order; rows say which are done
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises EpisodeError for an id that is no ULID (it becomes a folder's name), for a source
        of which nobody knows where its reward comes from, and for values that no log can hold."""
        if not isinstance(self.id, str) or not EPISODE_ID.fullmatch(self.id):
            raise EpisodeError(
                f'episode id is {self.id!r}; expected a ULID, 26 of 0-9 and A-Z without I, L, O, U'
            )
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise EpisodeError(f"the header's {name} is {value!r}; expected {kind}")
            if isinstance(value, str) and not value.isprintable():
                raise EpisodeError(f"the header's {name} is {value!r}; expected plain text")
        if self.source not in SOURCES:
            raise EpisodeError(unknown_name('source in the header', self.source, SOURCES))
        for name in (*self.parts, *self.extra, *self.extra.values()):
            if not isinstance(name, str):
                raise EpisodeError(f"the header's parts or extra hold {name!r}; expected texts")
        if not 0 <= self.created < 1 << 63:
            raise EpisodeError(f"the header's created is {self.created}; expected [ns]")


@dataclass(frozen=True)
class Episode:
    """A whole episode; row t = observation t and the action chosen at it.

    Every field of moto_core.row.Row but the images is an attribute: an array (T, ...) if it
    has a dtype, a list otherwise. `proprioception` is None if the spec has none.
    """

    header: EpisodeHeader
    images: dict[str, np.ndarray]  # camera: (T, h, w, 3) uint8
    columns: dict[str, Any]  # by the name of the row's field
    outcome: str  # 'success', 'failure' or 'unlabelled'
    ended: str  # 'done', 'timeout', ...; '' if it never closed

    def __len__(self) -> int:
        """Counts the rows."""
        return len(self.columns['stamp'])

    def __getattr__(self, name: str) -> Any:
        """Returns a column by name."""
        if name == 'columns' or name not in self.columns:
            raise AttributeError(name)
        return self.columns[name]


def stack(header: EpisodeHeader, rows: list[Row], outcome: str, ended: str) -> Episode:
    """Stacks rows into arrays; the last row's is_last is set, the first row's is_first too."""
    columns: dict[str, Any] = {
        column.name: [getattr(row, column.name) for row in rows]
        for column in COLUMNS
        if column.dtype is None
    }
    columns |= {
        column.name: stack_column(column, rows, header.parts)
        for column in ARRAYS
        if column.log != 'joints' or header.spec.proprioception_size
    }
    columns.setdefault('proprioception', None)
    columns['is_first'][0] = columns['is_last'][-1] = True
    images = {name: np.stack([row.images[name] for row in rows]) for name in header.spec.cameras}
    return Episode(header=header, images=images, columns=columns, outcome=outcome, ended=ended)


def header_to_dict(header: EpisodeHeader) -> dict[str, Any]:
    """Returns the header as JSON holds it, with the format version and the spec's hash."""
    data = {name: getattr(header, name) for name in header.__dataclass_fields__}
    return {
        'format': FORMAT,
        **data,
        'spec': to_dict(header.spec),
        'setup': to_dict(header.setup),
        'parts': list(header.parts),
        'spec_hash': header.spec.hash,
    }


def header_from_dict(data: Mapping[str, Any]) -> EpisodeHeader:
    """Returns the header that `header_to_dict` wrote, of this format or the one before.

    Raises EpisodeError for another format or a value of the wrong type.
    """
    if data.get('format') not in READABLE:
        raise EpisodeError(f'episode format is {data.get("format")!r}; expected one of {READABLE}')
    known = {k: v for k, v in data.items() if k in EpisodeHeader.__dataclass_fields__}
    try:
        known['spec'] = spec_from_dict(data['spec'])
        known['setup'] = load_config(Setup, data.get('setup', {}))
        known['parts'] = _parts(data.get('parts', []))
        return EpisodeHeader(**known)
    except (KeyError, TypeError, AttributeError, RecursionError, MotoError) as error:
        raise EpisodeError(f'the first record is no header: {error}') from error


def _parts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise EpisodeError(f"the header's parts are {value!r}; expected a list of names")
    return tuple(value)
