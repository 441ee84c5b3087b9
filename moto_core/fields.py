"""What a field of a configuration may hold and means, written where the field is declared.

In: `rate: float = number(1e-4, 'learning rate', low=0)`. Out: dataclass fields whose metadata
`check` and `list_keys` read, so that a bound, a choice and a meaning are written once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from moto_core.errors import ConfigError, unknown_name

NAME = r'[a-z0-9_]+'  # of a camera or a joint: it becomes part of file names and topics
PATH = r'[^\0]+'
INTEGER = 2**63  # whole numbers lie below it in size
MISSING_TEXT = '???'  # how OmegaConf writes a value that is not there
_SCALARS = (bool, int, float, str)  # what takes no list and no mapping
_RULE, _ABOUT = 'moto_rule', 'moto_about'


@dataclass(frozen=True)
class Rule:
    """What a field's value, or every entry of a list or a mapping, must be."""

    low: float | None = None  # at least
    high: float | None = None  # at most
    above: float | None = None  # more than
    below: float | None = None  # less than
    valid: tuple[str, ...] = ()  # one of these; () for any
    pattern: str = ''  # a regular expression for the whole text; '' for any
    words: str = 'small letters, digits and _ only'  # what the pattern expects
    keys: str = ''  # the same for the keys of a mapping
    entries: int = 0  # least number of entries of a list
    once: bool = False  # no entry of a list comes twice

    @property
    def expected(self) -> str:
        """Says what a number must be."""
        bounds = (
            ('above', self.above),
            ('at least', self.low),
            ('at most', self.high),
            ('below', self.below),
        )
        return ', '.join(f'{word} {_digits(bound)}' for word, bound in bounds if bound is not None)

    def allows(self, value: float) -> bool:
        """Says whether a number lies within the bounds."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


class Key(NamedTuple):
    """One setting of a schema."""

    name: str  # dotted
    default: Any
    about: str  # meaning and unit
    group: str  # the dotted name of the dataclass that holds it; '' for the schema itself


def number(
    default: Any = MISSING,
    about: str = '',
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    entries: int = 0,
) -> Any:
    """Returns a field for a number, or for a list of numbers with at least `entries` of them."""
    rule = Rule(low=low, high=high, above=above, below=below, entries=entries)
    return _field(default, about, rule)


def choice(default: str, *valid: str, about: str = '') -> Any:
    """Returns a field for one of a few words."""
    return _field(default, about, Rule(valid=valid))


def choices(*valid: str, about: str = '') -> Any:
    """Returns a field for a list, empty by default, of some of a few words, each once."""
    return _field([], about, Rule(valid=valid, once=True))


def names(default: Any = MISSING, about: str = '', entries: int = 0) -> Any:
    """Returns a field for a list of names, or for a mapping whose keys are names (see NAME)."""
    rule = Rule(pattern=NAME, entries=entries)
    return _field(default, about, Rule(keys=NAME) if isinstance(default, dict) else rule)


def matching(pattern: str, words: str, default: Any = MISSING, about: str = '') -> Any:
    """Returns a field for a text that a regular expression fits; `words` says what that means."""
    return _field(default, about, Rule(pattern=pattern, words=words))


def path(default: str, about: str = '') -> Any:
    """Returns a field for the path of a file or a folder."""
    return matching(PATH, 'a path, which is not empty', default, about)


def setting(default: Any = MISSING, about: str = '') -> Any:
    """Returns a field without a rule of its own: a text, a flag, a free list."""
    return _field(default, about, Rule())


def part(make: Callable[[], Any], about: str = '') -> Any:
    """Returns a field for a nested dataclass."""
    return field(default_factory=make, metadata={_RULE: Rule(), _ABOUT: about})


def check(config: Any) -> None:
    """Raises ConfigError for the first field of a dataclass, or of a nested one, that cannot be.

    The error names the dotted key, the value and what was expected.
    """
    check_values(type(config), config)


def check_values(schema: Any, values: Any) -> None:
    """Raises ConfigError as `check` does, for an instance of `schema` or a mapping of its keys."""
    _check(schema, values, '', Rule())


def list_keys(config: Any) -> list[Key]:
    """Returns every setting of a dataclass instance, in order, its value as the default."""
    return list(_keys(config, ''))


def keys_help(config: Any) -> str:
    """Returns what --help says of a config's settings: a line each, with default and meaning."""
    lines = [f'  {key.name}={key.default}: {key.about}' for key in list_keys(config)]
    return '\n'.join(['settings (key=default: meaning):', *lines])


def rule_of(config: Any, name: str) -> Rule:
    """Returns what the setting of a dotted name in a dataclass instance must be."""
    *groups, last = name.split('.')
    for group in groups:
        config = getattr(config, group)
    (found,) = (field for field in fields(config) if field.name == last)
    rule: Rule = found.metadata.get(_RULE, Rule())
    return rule


def hints_of(schema: type) -> dict[str, Any]:
    """Returns the types of a dataclass's fields by name."""
    return _hints(schema)


def entry_type(hint: Any) -> Any:
    """Returns the type of a list's or a mapping's entries, or that of `X | None`: X."""
    parts = [part for part in get_args(hint) if part is not type(None)]
    return parts[-1] if parts else Any


def _field(default: Any, about: str, rule: Rule) -> Any:
    metadata = {_RULE: rule, _ABOUT: about}
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def _check(hint: Any, value: Any, name: str, rule: Rule) -> None:
    if value is None:
        return
    if isinstance(value, str) and value == MISSING_TEXT:
        raise ConfigError(f'{name} is missing; it has no default, so a value must be given')
    if is_dataclass(hint):
        _check_fields(hint, value, name)
    elif is_dataclass(entry_type(hint)) and get_origin(hint) is not dict:  # Schema | None
        _check(entry_type(hint), value, name, rule)
    elif hint in _SCALARS and isinstance(value, (Mapping, list, tuple)):
        raise ConfigError(f'{name} is a {type(value).__name__}; expected one {hint.__name__}')
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_text(f'the name of {name}', str(key), rule.keys, rule.words)
            _check(entry_type(hint), item, f'{name}.{key}', rule)
    elif isinstance(value, (list, tuple)):
        if len(value) < rule.entries:
            raise ConfigError(f'{name} has {len(value)} entries; expected at least {rule.entries}')
        for index, item in enumerate(value):
            _check(entry_type(hint), item, f'{name}[{index}]', rule)
        if rule.once and len(set(value)) != len(value):
            raise ConfigError(f'{name} is {list(value)}; expected each word once')
    else:
        _check_scalar(value, name, rule)


def _check_fields(schema: Any, value: Any, name: str) -> None:
    for found in fields(schema):
        rule = found.metadata.get(_RULE, Rule())
        inner = value.get(found.name) if isinstance(value, Mapping) else getattr(value, found.name)
        dotted = f'{name}.{found.name}' if name else found.name
        _check(_hints(schema)[found.name], inner, dotted, rule)


def _check_scalar(value: Any, name: str, rule: Rule) -> None:
    if isinstance(value, str):
        if rule.valid and value not in rule.valid:
            raise ConfigError(unknown_name(f'value of {name}', value, rule.valid))
        _check_text(name, value, rule.pattern, rule.words)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f'{name} is {value}; expected a finite number')
    elif isinstance(value, int) and abs(value) >= INTEGER:
        digits = len(str(abs(value)))
        raise ConfigError(f'{name} has {digits} digits; expected a number of at most 63 bits')
    elif isinstance(value, (int, float)) and not rule.allows(value):
        raise ConfigError(f'{name} is {_digits(value)}; expected {rule.expected}')


def _digits(value: float) -> str:
    """Returns a whole number with all its digits, another one in short."""
    return str(value) if isinstance(value, int) else f'{value:g}'


def _check_text(name: str, text: str, pattern: str, words: str) -> None:
    if pattern and not re.fullmatch(pattern, text):
        raise ConfigError(f'{name} is {text!r}; expected {words}')


def _keys(config: Any, group: str) -> Iterator[Key]:
    for found in fields(config):
        value = getattr(config, found.name)
        name = f'{group}.{found.name}' if group else found.name
        if is_dataclass(value):
            yield from _keys(value, name)
        else:
            yield Key(name=name, default=value, about=found.metadata.get(_ABOUT, ''), group=group)


@lru_cache
def _hints(schema: type) -> dict[str, Any]:
    return get_type_hints(schema)
