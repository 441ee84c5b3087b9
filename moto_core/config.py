"""Typed YAML: a frozen dataclass is the schema, YAML holds differences, `key=value` comes last.

In: a dataclass, files or mappings, overrides. Out: a frozen instance, never written to again.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from moto_core.errors import ConfigError, one_line, unknown_name
from moto_core.fields import check_values, entry_type, hints_of
from moto_core.strict_yaml import check_plain, parse_yaml, read_yaml

T = TypeVar('T')
# of OmegaConf, which also gives a TypeError if a list is given as a mapping
_MERGE_ERRORS = (OmegaConfBaseException, TypeError, ValueError, OverflowError)
CONVERTED = re.compile(r"Value ('.*') of type '\w+' could not be converted to (\w+)")
NO_TEXT = "Incompatible value 'None' for field of type 'str'"
KIND_NAMES = {'Integer': 'a whole number, in digits', 'Float': 'a number'}
Source = Path | str | Mapping[str, Any]


class Setting(NamedTuple):
    """One value of a loaded configuration and where it comes from."""

    key: str  # dotted
    value: Any
    source: str  # 'default', a file's path, 'the given values' or 'override'


class _Layer(NamedTuple):
    """One source's values, checked against the schema's keys."""

    source: str
    data: dict[str, Any]
    where: str  # the source in an error


def load_config(schema: type[T], *sources: Source, overrides: Sequence[str] = ()) -> T:
    """Returns `schema` filled from its defaults, then each source in order, then the overrides.

    A source is a YAML file or a mapping; an override is `nested.key=value`, its value in YAML.
    Raises ConfigError for a missing or unreadable file, an unknown key (naming the nearest valid
    one), a value of the wrong type or one that its field's rule (moto_core/fields.py) refuses.
    """
    return _merged(schema, _layers(schema, sources, overrides))


def explain_config(schema: type, *sources: Source, overrides: Sequence[str] = ()) -> list[Setting]:
    """Returns every value that `load_config` gives with where it comes from, in order."""
    layers = _layers(schema, sources, overrides)
    origin = {key: layer.source for layer in layers for key, _ in flatten(layer.data)}
    loaded = to_dict(_merged(schema, layers))
    return [Setting(key, value, origin.get(key, 'default')) for key, value in flatten(loaded)]


def flatten(data: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    """Yields the dotted keys and values of nested mappings; an empty mapping is a value."""
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a config as plain dicts, lists and scalars, ready for YAML or JSON."""
    return OmegaConf.to_container(OmegaConf.structured(config))  # type: ignore[return-value]


def to_yaml(config: Any) -> str:
    """Returns the resolved config as YAML text in the schema's own order."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)


def config_file(kind: str, name: str) -> Path:
    """Returns the YAML file for `name`: a path, or a file of config/<kind>/ named without '.yaml'.

    Raises ConfigError that lists the shipped names when there is no such file.
    """
    path = Path(name)
    if path.suffix in ('.yaml', '.yml'):
        if not os.path.isfile(path):
            raise ConfigError(f"no file '{path}'; expected a YAML file for config/{kind}")
        return path
    folder = share_dir() / 'config' / kind
    if not os.path.isfile(folder / f'{name}.yaml'):
        shipped = [p.stem for p in folder.glob('*.yaml')]
        raise ConfigError(unknown_name(f'{kind} config', name, shipped) + ', or a path to a .yaml')
    return folder / f'{name}.yaml'


def share_dir() -> Path:
    """Returns the folder that holds config/ and launch/: the checkout, or share/moto_ros.

    It is the one that came with this code: of several installations each reads its own limits.
    """
    package = Path(__file__).resolve().parent
    prefixes = [*package.parents, Path(sys.prefix)]  # nearest first
    for folder in [package.parent, *(prefix / 'share' / 'moto_ros' for prefix in prefixes)]:
        if (folder / 'config' / 'robot').is_dir():
            return folder
    raise ConfigError(
        f'no config/ beside {package} nor under {sys.prefix}/share/moto_ros; '
        "install the package again with 'pip install .'"
    )


def _layers(schema: type, sources: Sequence[Source], overrides: Sequence[str]) -> list[_Layer]:
    layers = [_read_source(source) for source in sources]
    layers += [_read_override(text) for text in overrides]
    for layer in layers:
        _check_keys(schema, layer.data, layer.where, schema)
    return layers


def _read_source(source: Source) -> _Layer:
    if not isinstance(source, Mapping):
        return _Layer(str(source), read_yaml(Path(source)), f"'{source}'")
    data, name = dict(source), 'the given values'
    check_plain(data, name)
    return _Layer(name, data, name)


def _read_override(text: str) -> _Layer:
    key, separator, value = text.partition('=')
    if not separator or not key:
        raise ConfigError(f"override '{text}' is not 'key=value'; for example 'seed=1'")
    check_plain(key, f"override '{text}'")
    data = parse_yaml(value, f"the value of '{_short(text)}'", key)
    for name in reversed(key.split('.')):
        data = {name: data}
    return _Layer('override', data, f"'{_short(text)}'")


def _merged(schema: type[T], layers: Sequence[_Layer]) -> T:
    config = OmegaConf.structured(schema)
    for layer in layers:
        try:
            config = OmegaConf.merge(config, OmegaConf.create(layer.data))
        except _MERGE_ERRORS as error:
            raise ConfigError(f'{layer.where}: {_one_line(error)}') from error
    check_values(schema, OmegaConf.to_container(config))
    try:
        return OmegaConf.to_object(config)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ConfigError(_one_line(error)) from error


def _check_keys(schema: Any, data: Any, where: str, root: type, prefix: str = '') -> None:
    """Raises ConfigError for an unknown key, or a value of another shape than the schema's."""
    kind, name = get_origin(schema), prefix.rstrip('.') or 'it'
    if is_dataclass(schema) or kind is dict:
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where}: {name} is {data!r}; expected 'key: value' pairs")
        names = [field.name for field in fields(schema)] if is_dataclass(schema) else list(data)
        for key, value in data.items():
            if key not in names:
                raise ConfigError(f'{where}: {_unknown_key(key, names, prefix, root)}')
            inner = entry_type(schema) if kind is dict else hints_of(schema)[key]
            _check_keys(inner, value, where, root, f'{prefix}{key}.')
    elif kind is list:
        if not isinstance(data, (list, tuple)):
            hint = '' if isinstance(data, Mapping) else f': [{one_line(data)}]'
            raise ConfigError(f'{where}: {name} is {data!r}; expected a list{hint}')
        for value in data:
            _check_keys(entry_type(schema), value, where, root, prefix)
    elif get_args(schema) and data is not None:  # X | None
        _check_keys(entry_type(schema), data, where, root, prefix)
    elif schema is int and isinstance(data, float) and not data.is_integer():
        raise ConfigError(f'{where}: {name} is {data}; expected a whole number')


def _unknown_key(key: str, names: Sequence[str], prefix: str, root: type) -> str:
    """Says which key is unknown and the nearest: of that name elsewhere, or spelt like it."""
    everywhere = {dotted.rpartition('.')[2]: dotted for dotted in _dotted_names(root)}
    beside = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    elsewhere = difflib.get_close_matches(key, everywhere, n=1, cutoff=0.8)
    nearest = everywhere.get(key) or (prefix + beside[0] if beside else '')
    nearest = nearest or (everywhere[elsewhere[0]] if elsewhere else '')
    hint = f" Did you mean '{nearest}'?" if nearest else ''
    valid = ', '.join(prefix + name for name in sorted(names))
    return f'unknown key {prefix + key!r}.{hint} Valid: {valid}'


def _dotted_names(schema: Any, prefix: str = '') -> Iterator[str]:
    for field in fields(schema):
        hint = hints_of(schema)[field.name]
        yield prefix + field.name
        if is_dataclass(hint):
            yield from _dotted_names(hint, f'{prefix}{field.name}.')


def _short(text: str) -> str:
    return text if len(text) <= 80 else f'{text[:77]}...'


def _one_line(error: Exception) -> str:
    """Returns what OmegaConf says, with the dotted key first."""
    key = getattr(error, 'full_key', None)
    said = str(getattr(error, 'msg', None) or error).splitlines()[0].strip()
    told = CONVERTED.fullmatch(said)
    if key and said == NO_TEXT:
        return f"{key} has no value; expected one, or '' in quotes for an empty text"
    if key and told and told[2] in KIND_NAMES:
        return f'{key} is {told[1]}; expected {KIND_NAMES[told[2]]}'
    return f'{key}: {said}' if key else said
