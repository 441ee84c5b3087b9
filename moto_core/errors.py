"""What the project raises: a base class, a child a room, the words of its messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MotoError(Exception):
    """An error whose message names the value, what was expected and what to do next."""


class ConfigError(MotoError):
    """A configuration, specification or command-line value that cannot be used."""


class ObservationError(MotoError):
    """An image or a proprioception vector that does not fit the specification."""


class BundleError(MotoError):
    """A policy bundle that is missing, damaged or does not fit the robot."""


class EpisodeError(MotoError):
    """An episode file that cannot be written or read."""


class DatasetError(MotoError):
    """A dataset folder that is missing, locked or inconsistent."""


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """Says which name is unknown, the nearest valid one, and all the valid ones."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ''
    return f'unknown {kind} {name!r}.{hint} Valid: {", ".join(names) or "(none)"}'


def one_line(text: object, most: int = 400) -> str:
    """Returns a foreign text or error in one printable line, cut after `most` characters."""
    line = ' '.join(str(text).split())
    line = line if line.isprintable() else ascii(line)
    return line if len(line) <= most else f'{line[:most]}...'


def counted(count: int, thing: str) -> str:
    """Returns a number with what it counts, in the plural unless it is 1."""
    return f'{count} {thing}' if count == 1 else f'{count} {thing}s'
