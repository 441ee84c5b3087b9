"""The definition text of an installed message type, with all that it contains, for a recording.

In: 'package/msg/Name'. Out: `ros2msg` text as rosbag2 writes it: the .msg files of the packages'
share folders, and where one is missing the same built from the class's fields and constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_path

from moto_ros.wire.interface import message_class

SEPARATOR = '\n' + '=' * 80 + '\nMSG: '
NESTED = re.compile(r'(\w+)/(\w+)')
IDL = {'double': 'float64', 'float': 'float32', 'octet': 'byte', 'boolean': 'bool'}
CONSTANTS = ((bool, 'bool'), (int, 'int64'), (float, 'float64'), (bytes, 'byte'), (str, 'string'))


@cache
def definition(kind: str) -> str:
    """Returns the text of a type and of every type in it.

    Raises ConfigError for a type, also a nested one, that is not installed.
    """
    needed = [kind]
    for name in needed:
        needed += [nested for nested in dict.fromkeys(_nested(name)) if nested not in needed]
    first, *others = [_own_text(name) for name in needed]
    parts = [f'{name.replace("/msg/", "/")}\n{text}' for name, text in zip(needed[1:], others)]
    return SEPARATOR.join([first, *parts])


def _own_text(kind: str) -> str:
    package, _, name = kind.partition('/msg/')
    try:
        path = Path(get_package_share_path(package)) / 'msg' / f'{name}.msg'
        return path.read_text('utf-8')
    except (PackageNotFoundError, OSError, ValueError):
        return text_of_class(message_class(kind))


def text_of_class(kind: Any) -> str:
    """Returns the definition of a message class as its package's .msg file would give it."""
    lines = [_constant(name, value) for name, value in _constants(kind).items()]
    for name, idl in kind.get_fields_and_field_types().items():
        lines.append(f'{_field_type(idl)} {name}')
    return '\n'.join(lines) + '\n'


def _nested(kind: str) -> Iterator[str]:
    for idl in message_class(kind).get_fields_and_field_types().values():
        for package, name in NESTED.findall(idl):
            yield f'{package}/msg/{name}'


def _field_type(idl: str) -> str:
    """Returns 'float64[]' for 'sequence<double>', 'byte[<=4]' for 'sequence<octet, 4>'."""
    if sequence := re.fullmatch(r'sequence<(.+?)(?:, (\d+))?>', idl):
        inner, most = sequence.groups()
        return f'{_field_type(inner)}[{f"<={most}" if most else ""}]'
    if array := re.fullmatch(r'(.+)(\[\d+\])', idl):
        return _field_type(array[1]) + array[2]
    if text := re.fullmatch(r'(w?string)<(\d+)>', idl):
        return f'{text[1]}<={text[2]}'
    return IDL.get(idl, idl)


def _constants(kind: Any) -> dict[str, Any]:
    """Returns the constants by name; rosidl keeps them in the class of the class."""
    return getattr(type(kind), f'_{type(kind).__name__}__constants', {})


def _constant(name: str, value: Any) -> str:
    word = next(word for python, word in CONSTANTS if isinstance(value, python))
    if isinstance(value, bytes):
        return f'{word} {name}={value[0]}'
    return f'{word} {name}={str(value).lower() if word == "bool" else value}'
