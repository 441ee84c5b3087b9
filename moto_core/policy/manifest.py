"""manifest.json of a policy bundle: its fields, what each may be, and the JSON it is read from.

In: fields from export, or a file's bytes, of which nothing is believed. Out: a Manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from moto_core.config import load_config, to_dict
from moto_core.episode_id import EPISODE_ID
from moto_core.errors import BundleError, ConfigError, one_line
from moto_core.policy.surprise import SurpriseLimits, parse_limits
from moto_core.spec import Setup, Spec
from moto_core.strict_json import parse_json

T = TypeVar('T')
FORMAT = 3  # 2 had no surprise, neither in policy.onnx nor its limits here
MAX_BYTES = {  # of each file beside the manifest
    'encoder.onnx': 1 << 30,
    'policy.onnx': 1 << 30,
    'selftest.npz': 1 << 28,
}
MAX_TOLERANCE = 1e-2  # a self-test that allows more shows nothing
MAX_DISAGREEMENT = 1e6  # far above any spread of logits
MAX_NUMBER = 1 << 64  # of any number in the file: the largest seed
SHA256 = '[0-9a-f]{64}'
COMMIT = '[0-9a-f]{40}[+]?'  # '+': with changes that were not committed


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle says of itself; every field is in manifest.json.

    The tensors of its networks are not in it: encoder.onnx and policy.onnx declare them.
    """

    spec: Spec  # what the policy sees, commands and at what rate
    setup: Setup = field(default_factory=Setup)  # of the robot whose episodes it learned from
    training: dict[str, Any] = field(default_factory=dict)  # the resolved training config
    git_hash: str = ''  # commit of the code that trained it; '' unknown
    episodes: list[str] = field(default_factory=list)  # ids of the episodes it learned from
    parent: str = ''  # hash of the bundle it was fine-tuned from; '' none
    disagreement_threshold: float | None = None  # above it: off what it knows; None: not measured
    surprise_limits: SurpriseLimits | None = None  # what slows and holds the arm; None: nothing
    tolerance: float = 1e-4  # self-test: error <= tolerance * max(1, |expected|)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: {bytes, sha256}
    format: int = FORMAT  # of this file

    def __post_init__(self) -> None:
        """Raises BundleError for a field of another type or outside its bounds."""
        if not isinstance(self.training, dict):
            raise _wrong('training', self.training, 'an object')
        if not _matches(COMMIT, self.git_hash) and self.git_hash != '':
            raise _wrong('git_hash', self.git_hash, "40 hexadecimal digits, or ''")
        if not _matches(SHA256, self.parent) and self.parent != '':
            raise _wrong('parent', self.parent, "64 hexadecimal digits, or ''")
        if not isinstance(self.episodes, list):
            raise _wrong('episodes', self.episodes, 'a list of ULIDs')
        for episode in self.episodes:
            if not isinstance(episode, str) or not EPISODE_ID.fullmatch(episode):
                raise _wrong('an episode', episode, 'a ULID')
        threshold = self.disagreement_threshold
        if threshold is not None and not _is_number(threshold, 0, MAX_DISAGREEMENT):
            expected = f'a number in [0, {MAX_DISAGREEMENT:g}], or null'
            raise _wrong('disagreement_threshold', threshold, expected)
        if not _is_number(self.tolerance, 0, MAX_TOLERANCE) or self.tolerance == 0:
            raise _wrong('tolerance', self.tolerance, f'a number in (0, {MAX_TOLERANCE:g}]')
        _check_files(self.files)

    def to_json(self) -> bytes:
        """Returns manifest.json: the same manifest always gives the same bytes."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        limits = self.surprise_limits
        data |= {'spec': to_dict(self.spec), 'setup': to_dict(self.setup)}
        data['surprise_limits'] = None if limits is None else asdict(limits)
        return json.dumps(data, indent=1, sort_keys=True, allow_nan=False).encode() + b'\n'


def parse_manifest(text: bytes) -> Manifest:
    """Returns the manifest that `to_json` wrote.

    Raises BundleError, without the file's path, for text that is not such JSON, another format,
    a field that is missing, unknown, of another type or outside its bounds.
    """
    data = _plain_json(text)
    if not isinstance(data, dict):
        raise BundleError(f'is not a manifest: expected an object, got a {type(data).__name__}')
    found = data.get('format')
    if type(found) is not int or found != FORMAT:
        raise BundleError(
            f'expected format {FORMAT}, got {_show(found)}; export it again with this version'
        )
    names = {item.name for item in fields(Manifest)}
    if data.keys() != names:
        missing = ', '.join(sorted(names - data.keys())) or 'nothing'
        unknown = ', '.join(sorted(data.keys() - names)) or 'nothing'
        raise BundleError(
            f'is not a manifest: missing {_show(missing)}, unexpected {_show(unknown)}'
        )
    read = {
        'spec': _read('spec', data['spec'], Spec),
        'setup': _read('setup', data['setup'], Setup),
        'surprise_limits': parse_limits(data['surprise_limits']),
    }
    manifest = Manifest(**{**data, **read})
    if manifest.files.keys() != MAX_BYTES.keys():
        raise _wrong('files', sorted(manifest.files), f'exactly {", ".join(MAX_BYTES)}')
    return manifest


def _plain_json(text: bytes) -> Any:
    """Reads strict JSON in which every number and text is within bounds."""
    try:
        data = parse_json(text)
    except ValueError as error:
        raise BundleError(f'is not JSON: {one_line(error)}') from error
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [part for item in value.items() for part in item]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and not value.isprintable():
            raise _wrong('a text', value, 'printable characters')
        elif isinstance(value, (int, float)) and abs(value) > MAX_NUMBER:
            raise _wrong('a number', value, f'at most {MAX_NUMBER:g}')
    return data


def _read(name: str, data: Any, kind: type[T]) -> T:
    """Returns a spec or a setup if it says what the file says: text is not read as a number."""
    if not isinstance(data, dict):
        raise _wrong(name, data, 'an object')
    try:
        found = load_config(kind, data)
        taken = to_dict(found)
    except (ConfigError, TypeError, ValueError, AttributeError) as error:  # a list for a number
        raise BundleError(f'{name}: {one_line(error)}') from error
    wrong = _difference(data, taken, name)
    if wrong:
        raise BundleError(f'{wrong} is not of the type that a {name} has there, or missing')
    return found


def _difference(given: Any, taken: Any, name: str) -> str:
    """Returns the name of the first value that was not taken as it was given, or ''."""
    if isinstance(given, dict) and isinstance(taken, dict):
        pairs = [(given.get(key), taken.get(key), f'{name}.{key}') for key in {**given, **taken}]
    elif isinstance(given, list) and isinstance(taken, list) and len(given) == len(taken):
        pairs = [(a, b, f'{name}[{i}]') for i, (a, b) in enumerate(zip(given, taken))]
    else:
        same = type(given) is type(taken) or (type(given), type(taken)) == (int, float)
        return '' if same and given == taken else name
    return next(filter(None, (_difference(*pair) for pair in pairs)), '')


def _check_files(files: Mapping[str, Any]) -> None:
    if not isinstance(files, dict) or not files.keys() <= MAX_BYTES.keys():
        raise _wrong('files', files, f'only {", ".join(MAX_BYTES)}')
    for name, record in files.items():
        if not isinstance(record, dict) or record.keys() != {'bytes', 'sha256'}:
            raise _wrong(f'files {name}', record, "'bytes' and 'sha256'")
        size, most = record['bytes'], MAX_BYTES[name]
        if type(size) is not int or not 0 <= size <= most:
            raise _wrong(f'files {name} bytes', size, f'an integer in [0, {most}]')
        if not _matches(SHA256, record['sha256']):
            raise _wrong(f'files {name} sha256', record['sha256'], '64 hexadecimal digits')


def _is_number(value: Any, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _wrong(name: str, value: Any, expected: str) -> BundleError:
    return BundleError(f'{name} is {_show(value)}; expected {expected}')


def _show(value: Any) -> str:
    return one_line(ascii(value), 80)
