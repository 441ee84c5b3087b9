"""A ROS parameters file as settings: what stands under `/**` and `ros__parameters`.

In: a YAML's mapping, the names of the settings that are mappings. Out: nested settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from moto_core.config import flatten
from moto_core.errors import ConfigError
from moto_core.strict_yaml import parse_yaml

EVERY_NODE, PARAMETERS = '/**', 'ros__parameters'


def is_parameters_file(data: Mapping[str, Any]) -> bool:
    """Says whether a YAML's mapping is laid out as a ROS parameters file."""
    return any(key.startswith('/') or _has_parameters(value) for key, value in data.items())


def settings_of(data: Mapping[str, Any], mappings: Collection[str]) -> dict[str, Any]:
    """Returns the settings of a ROS parameters file; raises ConfigError for those of one node."""
    others = [key for key in data if key != EVERY_NODE or not _has_parameters(data[key])]
    if others:
        raise ConfigError(
            f'parameters for {others[0]!r}; expected {EVERY_NODE} with {PARAMETERS} alone, as '
            'every node of a bring-up is given the same'
        )
    found = data[EVERY_NODE][PARAMETERS]
    if not isinstance(found, Mapping):
        raise ConfigError(f"{PARAMETERS} is {found!r}; expected 'key: value' pairs")
    return nested({key: from_text(key, value, mappings) for key, value in flatten(found)})


def from_text(name: str, value: Any, mappings: Collection[str]) -> Any:
    """Returns a mapping from the text that stands for it, as ROS has no mappings."""
    if name in mappings and isinstance(value, str):
        return parse_yaml(value, f"parameter {name} '{value}'", name)
    return value


def nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns dotted keys as nested mappings; raises ConfigError for a key given in two ways."""
    result: dict[str, Any] = {}
    for key, value in given.items():
        *parents, last = key.split('.')
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ConfigError(f'{key!r} is given, and {parent!r} as a whole too; leave one')
        place[last] = value
    return result


def _has_parameters(value: Any) -> bool:
    return isinstance(value, Mapping) and PARAMETERS in value
