"""One row of an episode, written once: writer, reader, cache, batch and tensors loop over it.

    row t = observation t, the reward and flags received with it, the action chosen at it

A new scalar is one line in `Row` and the line of its producer (in the simulator: of the
environment's info). In: nothing. Out: Row, COLUMNS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np

STAMP_LIMIT = 1 << 61  # [ns] no stamp of a row or message reaches it
FLOAT32_MAX = float(np.finfo(np.float32).max)


class Kind(NamedTuple):
    """How a field's value becomes JSON in the log, checked on both ways."""

    to_json: Callable[[Any], Any]  # raises ValueError for what from_json would not take back
    from_json: Callable[[Any], Any]  # raises ValueError for anything but what to_json gives


class Column(NamedTuple):
    """What is known of one field of a row."""

    name: str
    dtype: np.dtype[Any] | None  # of the stacked array (T, ...); None: a list, not learned from
    shape: tuple[str, ...]  # of one row: A, P of the spec, 'parts' of the header; () a scalar
    log: str  # 'stamp', 'image', 'joints', 'velocity', or 'info': in the row's JSON
    batch: bool  # drawn into every training batch under its own name
    kind: Kind | None  # of an 'info' field
    default: Any  # of an 'info' field that a log does not hold


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'{value!r} is no number')
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f'{value!r} is neither true nor false')
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f'a name is {value!a}; expected plain text')
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'{value!a} is no list of names')
    return tuple(_name(name) for name in value)


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError(f'{value!a} is no map of numbers')
    return {_name(name): _number(item) for name, item in value.items()}


def finite_or_none(value: float) -> float | None:
    """Returns the value, or None (JSON null) if it is not finite."""
    return float(value) if math.isfinite(value) else None


NUMBER = Kind(finite_or_none, _number)
FLAG = Kind(bool, _flag)
NAMES = Kind(lambda value: [_name(name) for name in value], _names)
NUMBERS = Kind(
    lambda value: {_name(name): finite_or_none(item) for name, item in value.items()}, _numbers
)


def _column(
    dtype: Any, shape: tuple[str, ...], log: str, *, default: Any = ..., batch: bool = False
) -> Any:
    about = {'dtype': dtype, 'shape': shape, 'log': log, 'batch': batch, 'kind': None}
    return field(metadata=about) if default is ... else field(default=default, metadata=about)


def _info(kind: Kind, dtype: Any, default: Any, *, batch: bool = False, shape: Any = ()) -> Any:
    about = {'dtype': dtype, 'shape': shape, 'log': 'info', 'batch': batch, 'kind': kind}
    if callable(default):
        return field(default_factory=default, metadata=about)
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Row t: observation t, reward and flags received with it, the action chosen at it."""

    stamp: int = _column(np.int64, (), 'stamp')  # [ns]
    images: Mapping[str, np.ndarray] = _column(np.uint8, ('h', 'w', '3'), 'image')  # by camera
    # (P,) float32; None if the spec has none
    proprioception: np.ndarray | None = _column(np.float32, ('P',), 'joints', default=None)
    # (A,) float32 in [-1, 1], the policy's raw action
    requested: np.ndarray = _column(np.float32, ('A',), 'velocity')
    # (A,) float32, the mean velocity let out over the period / spec.scale
    executed: np.ndarray = _column(np.float32, ('A',), 'velocity')
    reward: float = _info(NUMBER, np.float32, 0.0, batch=True)
    success: bool = _info(FLAG, bool, False)  # the whole task is done now
    # which parts of the header's `parts` are in place; stacked as (T, parts) bool
    done_parts: tuple[str, ...] = _info(NAMES, bool, (), shape=('parts',))
    is_first: bool = _info(FLAG, bool, False)
    is_last: bool = _info(FLAG, bool, False)
    gap: bool = _info(FLAG, bool, False)  # rows are missing between the one before and this one
    disagreement: float = _info(NUMBER, np.float32, 0.0)  # of the ensemble, about the action
    surprise: float = _info(NUMBER, np.float32, 0.0)  # [nats] of the model, about what it saw
    speed_scale: float = _info(NUMBER, np.float32, 1.0)  # [0, 1] that went with the request
    intervention: bool = _info(FLAG, bool, False)  # a person was in command
    reasons: tuple[str, ...] = _info(NAMES, None, ())  # the guard's codes over the period
    latency: Mapping[str, float] = _info(NUMBERS, None, dict)  # stage: [ms]


COLUMNS: tuple[Column, ...] = tuple(
    Column(
        name=item.name,
        dtype=None if item.metadata['dtype'] is None else np.dtype(item.metadata['dtype']),
        shape=item.metadata['shape'],
        log=item.metadata['log'],
        batch=item.metadata['batch'],
        kind=item.metadata['kind'],
        default=item.default if item.default_factory is MISSING else item.default_factory(),
    )
    for item in fields(Row)
)
"""Every field of a row, in order."""

INFO = tuple(column for column in COLUMNS if column.log == 'info')
"""The fields that a row's JSON holds."""

ARRAYS = tuple(column for column in COLUMNS if column.dtype is not None and column.log != 'image')
"""The fields that stack into one array (T, ...) each."""


def info_to_json(row: Row) -> dict[str, Any]:
    """Returns the row's INFO fields as JSON holds them.

    Raises ValueError that names the field whose value could not be read back.
    """
    return {c.name: _named(c, c.kind.to_json, getattr(row, c.name)) for c in INFO if c.kind}


def info_from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the INFO fields of a row's JSON; a missing one has its default.

    Raises ValueError that names the field whose value is of another kind.
    """
    found = {}
    for column in INFO:
        value = column.default
        if column.kind is not None and column.name in data:
            value = _named(column, column.kind.from_json, data[column.name])
            if column.dtype == np.float32 and math.isinf(to_float32(value)):
                value = math.copysign(math.inf, value)
        found[column.name] = value
    return found


def to_float32(values: Any) -> np.ndarray:
    """Returns numbers as float32; a finite one that is beyond it becomes infinite."""
    with np.errstate(over='ignore'):
        return np.asarray(values, np.float64).astype(np.float32)


def check_numbers(row: Row) -> None:
    """Raises ValueError that names the field with a finite number that is beyond float32."""
    for column in ARRAYS:
        value = getattr(row, column.name)
        if column.dtype != np.float32 or value is None:
            continue
        if (np.isfinite(value) & np.isinf(to_float32(value))).any():
            raise ValueError(
                f'{column.name} is {value}; expected within {FLOAT32_MAX:.3g}, what float32 holds'
            )


def _named(column: Column, convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise ValueError(f"a row's {column.name}: {error}") from error


def stack_column(column: Column, rows: list[Row], parts: tuple[str, ...]) -> np.ndarray:
    """Returns one of ARRAYS over rows, (T, ...); `parts` are the header's."""
    values = [getattr(row, column.name) for row in rows]
    if column.shape == ('parts',):
        values = [[name in value for name in parts] for value in values]
        return np.array(values, column.dtype).reshape(len(rows), len(parts))
    return np.array(values, column.dtype)
