"""YAML as plain data within bounds: what a configuration needs of the language and no more.

In: text from anybody. Out: None, booleans, numbers, texts, lists and mappings with text keys.
Refused: aliases, anchors, merge keys, duplicate keys, interpolations, too much or too deep.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

from moto_core.errors import ConfigError

LARGEST = 256 * 1024  # [bytes] of a file or a text
DEEPEST = 32  # levels of nesting
MOST = 20_000  # values in a document
PLACE = re.compile(r',? in "<(?:unicode|byte) string>", ((?:line|position) \d+(?:, column \d+)?)')
INTERPOLATION, MISSING = '${', '???'  # OmegaConf's: read other settings or the environment


def read_yaml(path: Path) -> dict[str, Any]:
    """Returns a YAML file's mapping; raises ConfigError naming the file and what is wrong."""
    if os.path.isdir(path):
        raise ConfigError(f"'{path}' is a folder; expected a YAML file")
    if not os.path.isfile(path):
        raise ConfigError(f"no config file '{path}'; expected an existing YAML file")
    try:
        with path.open('rb') as stream:
            text = stream.read(LARGEST + 1).decode('utf-8')
    except OSError as error:
        raise ConfigError(f"cannot read '{path}': {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"'{path}' is not valid YAML: it is not a text in UTF-8") from error
    data = parse_yaml(text, f"'{path}'")
    if not isinstance(data, (dict, type(None))):
        kind = type(data).__name__
        raise ConfigError(f"'{path}' holds a value of type {kind}; expected 'key: value' lines")
    return data or {}


def parse_yaml(text: str, where: str, name: str = '') -> Any:
    """Returns the value of a YAML text; raises ConfigError that begins with `where`.

    `name` is the dotted key that the text is the value of, if it is one's.
    """
    if len(text) > LARGEST:
        raise ConfigError(
            f'{where} is larger than {LARGEST // 1024} KiB, more than a config needs'
        )
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that refuses more
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a date or number that is none
        raise ConfigError(f'{where} is not valid YAML: {_reason(error, text)}') from error
    check_plain(data, where, name)
    return data


def _reason(error: Exception, text: str) -> str:
    """Returns a YAML error in one line; where it lies is said of a text of several lines."""
    reason = ' '.join(str(error).split())
    return PLACE.sub(r' at \1' if '\n' in text.strip() else '', reason)


def check_plain(data: Any, where: str, name: str = '') -> None:
    """Raises ConfigError unless `data` is plain, bounded and free of interpolation and `???`."""
    _count_plain(data, where, f'{name}.' if name else '', 0, 0)


def _count_plain(data: Any, where: str, name: str, depth: int, count: int) -> int:
    """Returns `count` and the number of values in `data`."""
    count += 1
    if depth > DEEPEST or count > MOST:
        raise ConfigError(
            f'{where} is nested more than {DEEPEST} deep or has more than {MOST} values'
        )
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise ConfigError(f'{where}: the key {name}{key!r} is not a text; quote it')
            _check_text(key, where, name + key)
            count = _count_plain(value, where, f'{name}{key}.', depth + 1, count)
    elif isinstance(data, (list, tuple)):
        for value in data:
            count = _count_plain(value, where, name, depth + 1, count)
    elif isinstance(data, str):
        _check_text(data, where, name.rstrip('.'))
    elif not isinstance(data, (bool, int, float, type(None))):
        raise ConfigError(
            f'{where}: {name.rstrip(".")} is a {type(data).__name__}; '
            'expected a number, a text, true or false, a list or a mapping'
        )
    return count


def _check_text(text: str, where: str, name: str) -> None:
    if INTERPOLATION in text or text == MISSING:
        raise ConfigError(
            f"{where}: {name or 'it'} is '{text[:60]}'; neither '{INTERPOLATION}...}}' nor "
            f"'{MISSING}' is filled in here: write the value itself"
        )


class _Loader(yaml.SafeLoader):
    """A safe loader without aliases, merge keys, duplicate keys or unbounded nesting."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Returns the next node; raises YAMLError for an alias, an anchor or one too many."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, 'anchor', None):
            raise _refused(event, 'anchors and aliases (& and *) are not read: repeat the value')
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST:
            raise _refused(event, f'nested more than {DEEPEST} deep or more than {MOST} values')
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Returns the mapping; raises YAMLError for a key that comes twice or merges."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == 'tag:yaml.org,2002:merge':
                raise _refused(key, "the merge key '<<' is not read: repeat the values")
            text = str(key.value)
            if text in seen:
                raise _refused(key, f"the key '{text}' comes twice")
            seen.add(text)
        return super().construct_mapping(node, deep)


def _refused(place: Any, problem: str) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)
