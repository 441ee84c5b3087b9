"""Typed YAML: a frozen dataclass is the schema, YAML holds differences, `key=value` comes last.

In: a dataclass, files or mappings, overrides. Out: a frozen instance, never written to again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from moto_core.errors import ConfigError, unknown_name

T = TypeVar('T')
_MERGE_ERRORS = (OmegaConfBaseException, TypeError, ValueError)  # a list given as a map: TypeError


def load_config(
    schema: type[T], *sources: Path | str | Mapping[str, Any], overrides: Sequence[str] = ()
) -> T:
    """Returns `schema` filled from its defaults, then each source in order, then the overrides.

    A source is a YAML file or a mapping; an override is `nested.key=value`, its value in YAML.
    Raises ConfigError for a missing or unreadable file, an unknown key (naming the nearest valid
    one) or a value of the wrong type.
    """
    config = OmegaConf.structured(schema)
    for source in sources:
        if isinstance(source, Mapping):
            config = _merge(schema, config, OmegaConf.create(dict(source)), 'the given values')
        else:
            config = _merge(schema, config, _read_yaml(Path(source)), str(source))
    for override in overrides:
        config = _merge(schema, config, _parse_override(override), f"'{override}'")
    try:
        return OmegaConf.to_object(config)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ConfigError(_one_line(error)) from error


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
        if not path.is_file():
            raise ConfigError(f"no file '{path}'; expected a YAML file for config/{kind}")
        return path
    folder = share_dir() / 'config' / kind
    if not (folder / f'{name}.yaml').is_file():
        shipped = [p.stem for p in folder.glob('*.yaml')]
        raise ConfigError(unknown_name(f'{kind} config', name, shipped) + ', or a path to a .yaml')
    return folder / f'{name}.yaml'


def share_dir() -> Path:
    """Returns the folder that holds config/ and launch/: the checkout, or share/moto_ros."""
    package = Path(__file__).resolve().parent
    prefixes = [Path(sys.prefix), *package.parents]
    for folder in [package.parent, *(prefix / 'share' / 'moto_ros' for prefix in prefixes)]:
        if (folder / 'config' / 'robot').is_dir():
            return folder
    raise ConfigError(
        f'no config/ beside {package} nor under {sys.prefix}/share/moto_ros; '
        "install the package again with 'pip install .'"
    )


def _read_yaml(path: Path) -> DictConfig:
    if not path.is_file():
        raise ConfigError(f"no config file '{path}'; expected an existing YAML file")
    try:
        data = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' is not valid YAML: {_one_line(error)}") from error
    if not isinstance(data, (dict, type(None))):
        raise ConfigError(f"'{path}' holds a {type(data).__name__}; expected 'key: value' lines")
    return OmegaConf.create(data or {})


def _parse_override(text: str) -> DictConfig:
    key, separator, value = text.partition('=')
    if not separator or not key:
        raise ConfigError(f"override '{text}' is not 'key=value'; for example 'model.horizon=15'")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{text}': the value is not YAML: {_one_line(error)}") from error
    config = OmegaConf.create({})
    try:
        OmegaConf.update(config, key, parsed)
    except _MERGE_ERRORS as error:
        raise ConfigError(f"override '{text}': {_one_line(error)}") from error
    return config


def _merge(schema: type, config: DictConfig, extra: DictConfig, where: str) -> DictConfig:
    _check_keys(schema, OmegaConf.to_container(extra), where)
    try:
        return OmegaConf.merge(config, extra)  # type: ignore[return-value]
    except _MERGE_ERRORS as error:
        raise ConfigError(f'{where}: {_one_line(error)}') from error


def _check_keys(schema: Any, data: Any, where: str, prefix: str = '') -> None:
    if not isinstance(data, dict):
        return
    for part in get_args(schema):  # dict[str, Schema], Schema | None
        for key, value in data.items() if get_origin(schema) is dict else [('', data)]:
            _check_keys(part, value, where, f'{prefix}{key}.' if key else prefix)
    if not is_dataclass(schema):
        return
    hints = get_type_hints(schema)
    names = [field.name for field in fields(schema)]
    for key, value in data.items():
        if key not in names:
            raise ConfigError(
                f'{where}: '
                + unknown_name('key', f'{prefix}{key}', [prefix + name for name in names])
            )
        _check_keys(hints[key], value, where, f'{prefix}{key}.')


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
