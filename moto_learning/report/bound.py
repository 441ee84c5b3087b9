"""Theorem B.1 over a run: the measured gap beside the disagreement along an expert's actions.

In: `<run>/bound.json`, where the measurement was put. Out: its points, checked, ready for JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto_core.errors import ConfigError, one_line
from moto_core.strict_json import parse_json

FILE = 'bound.json'


def read_bound(run: Path) -> list[dict[str, Any]]:
    """Returns {episodes, eps_u, bound, gaps, bounds} of each checkpoint measured.

    `eps_u` is the mean disagreement along the expert's actions, `bound` 2 alpha eps_u a decision
    (None without a penalty); by the way to act, a gap is the expert's mean return less the
    policy's, its bound 2 alpha eps_u over as many decisions. A point without a disagreement is
    left out. Without the file there is none; raises ConfigError if it holds
    anything else.
    """
    return _read(run, lambda one: [] if one['eps_u'] is None else [_point(one)])


def read_lags(run: Path) -> list[dict[str, Any]]:
    """Returns {episodes, explore, eps_u, gap, bound} of each checkpoint and way to act measured.

    As `read_bound` reads them.
    """
    return [
        {
            'episodes': point['episodes'],
            'explore': way,
            'eps_u': point['eps_u'],
            'gap': gap,
            'bound': point['bounds'][way],
        }
        for point in read_bound(run)
        for way, gap in point['gaps'].items()
    ]


def read_promises(run: Path) -> list[dict[str, Any]]:
    """Returns {episodes, task, data_max, imagined_max, ...} of each checkpoint and task measured.

    Without the file there is none; raises ConfigError if it holds anything else.
    """
    return _read(
        run,
        lambda one: [
            {'task': task}
            | {
                name: _checked(value)
                for name, value in {'episodes': one['episodes'], **promised}.items()
            }
            for task, promised in one['reward'].items()
        ],
    )


def _read(
    run: Path, made: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    path = run / FILE
    if not path.exists():
        return []
    try:
        points = parse_json(path.read_bytes())['points']
        return [found for one in points for found in made(one)]
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        raise ConfigError(
            f"'{path}' is not what a measurement of the bound writes "
            f'({type(error).__name__}: {one_line(error, 100)}); remove it, or measure again'
        ) from error


def _point(found: dict[str, Any]) -> dict[str, Any]:
    return {
        'episodes': int(_number(found['episodes'])),
        'eps_u': _number(found['eps_u']),
        'bound': _number_or_none(found['bound']),
        'gaps': {str(one['explore']): _number(one['gap']) for one in found['gaps']},
        'bounds': {
            str(one['explore']): _number_or_none(one.get('bound')) for one in found['gaps']
        },
    }


def _number_or_none(value: Any) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    return float(_checked(value))


def _checked(value: Any) -> int | float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f'{value!r} is no number')
    return value
