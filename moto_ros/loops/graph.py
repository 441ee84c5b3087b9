"""What a session needs of a running graph: what the nodes say, and their services.

Implemented over DDS in moto_ros/bringup/graph.py; its errors are MotoErrors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from moto_ros.messages import GuardState, Latest

T = TypeVar('T')


class Graph(Protocol):
    """A running graph."""

    latest: Latest

    def spin(self, seconds: float = ...) -> None:
        """Handles what arrives next."""

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Spins until the condition holds; raises if it does not within `seconds`."""

    def call(self, node: str, name: str, flag: bool | None = None) -> str:
        """Calls a service and returns its message; raises if it refuses."""

    def start_call(self, node: str, name: str, flag: bool | None = None) -> Any:
        """Sends a call and returns what `finish_call` waits for."""

    def finish_call(self, future: Any, what: str) -> str:
        """Returns the answer's message; raises if it is a refusal."""


def guard_of(graph: Graph) -> GuardState:
    """Returns what the guard said last, which was waited for."""
    return known(graph.latest.guard)


def known(message: T | None) -> T:
    """Returns a message that was waited for."""
    assert message is not None
    return message
