"""Who may press buttons: the address that is bound, the Host and Origin of a request, the token.

In: what the operator told, headers. Out: why a request is refused, '' if it is not. A page from
elsewhere that a browser shows cannot press anything: its Origin is not ours, nor, if its name was
made to point here (DNS rebinding), its Host.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from moto_core.errors import ConfigError

SHORTEST = 16  # characters of a token
HIGHEST_PORT = 65535
PORT = re.compile('[0-9]{1,5}')
LOOPBACK = ('localhost', '127.0.0.1', '::1')


@dataclass(frozen=True)
class Access:
    """The address of one console and the token that opens it."""

    host: str
    token: str = field(default='', repr=False)  # '': none is asked for
    names: tuple[str, ...] = ()  # other names under which it is reached

    def __post_init__(self) -> None:
        """Raises ConfigError for an address beyond this machine without a token, or a weak one."""
        if not is_loopback(self.host) and not self.token:
            raise ConfigError(
                f'--host is {self.host!r}, which others can reach, and there is no token: give '
                '--token-file FILE (or --token) with one of at least '
                f'{SHORTEST} characters, or leave --host at 127.0.0.1'
            )
        if self.token and len(self.token) < SHORTEST:
            raise ConfigError(
                f'the token has {len(self.token)} characters; expected at least {SHORTEST}, such '
                "as of 'openssl rand -hex 16'"
            )
        if not self.token.isascii() or any(c.isspace() for c in self.token):
            raise ConfigError('the token has blanks or letters beyond ASCII; expected neither')

    def refuses_host(self, host: str) -> str:
        """Says why a request with this Host header is refused; '' if it is not."""
        name, port = _parts(host)
        if port and not (PORT.fullmatch(port) and int(port) <= HIGHEST_PORT):
            return f'Host is {host!r}; expected a port of at most {HIGHEST_PORT}'
        if name in self._own_names():
            return ''
        if not is_loopback(self.host) and _is_address(name):
            return ''  # no name was looked up: nobody can have made it point here
        return (
            f'Host is {host!r}; expected this machine by its address or one of '
            f'{", ".join(sorted(self._own_names()))} (--name, or console_name:=, '
            'adds one)'
        )

    def refuses_origin(self, origin: str, host: str) -> str:
        """Says why a press or a live connection from this Origin is refused; '' if it is not."""
        expected = f'http://{host}'
        if origin.lower() == expected.lower():
            return ''
        return f'Origin is {origin or "missing"!r}; expected {expected!r}: another page asked'

    def opens(self, token: str) -> bool:
        """Says whether a token is right, in a time that tells nothing of how wrong it is."""
        return not self.token or hmac.compare_digest(_bytes(token), self.token.encode())

    def keeps(self, cookie: str) -> bool:
        """Says whether a cookie is of somebody who gave the token."""
        return not self.token or hmac.compare_digest(_bytes(cookie), self.cookie.encode())

    @property
    def cookie(self) -> str:
        """What a browser keeps in place of the token."""
        return hmac.new(self.token.encode(), b'moto-console', hashlib.sha256).hexdigest()

    def _own_names(self) -> set[str]:
        own = {*LOOPBACK, *self.names}
        if not is_loopback(self.host):
            own |= {self.host, socket.gethostname()}
        return {name.lower() for name in own}


def is_loopback(host: str) -> bool:
    """Says whether an address is of this machine alone."""
    if host == 'localhost':
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def read_token(token: str, file: str) -> str:
    """Returns the token given, or that of a file; raises ConfigError if both are, or it cannot."""
    if token and file:
        raise ConfigError('--token and --token-file both give a token; give one of them')
    if not file:
        return token
    try:
        found = Path(file).read_text(encoding='ascii').strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read the token from --token-file {file!r}: {error}') from error
    if not found:
        raise ConfigError(f'--token-file {file!r} is empty; expected a token in it')
    return found


def _parts(host: str) -> tuple[str, str]:
    """Returns the name or address of a Host header, in small letters, and its port."""
    host = host.lower()
    if host.startswith('['):
        name, _, rest = host[1:].partition(']')
        return name, rest.removeprefix(':')
    if host.count(':') != 1:
        return host, ''
    name, _, port = host.partition(':')
    return name, port


def _bytes(text: str) -> bytes:
    """Returns what somebody sent as bytes, be it no text at all."""
    return text.encode(errors='surrogatepass')


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
