"""The version: package.xml states it, setup.py and every command read it there."""

from __future__ import annotations

from xml.etree import ElementTree

from moto_core.config import share_dir
from moto_core.errors import ConfigError


def version() -> str:
    """Returns the version, as '1.2.3'; raises ConfigError if package.xml has none."""
    path = share_dir() / 'package.xml'
    try:
        stated = ElementTree.parse(path).findtext('version')
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(
            f"'{path}' cannot be read ({error}); install the package again with pip"
        ) from error
    if not stated:
        raise ConfigError(f"'{path}' has no <version>; expected one as '1.2.3'")
    return stated
