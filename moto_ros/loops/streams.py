"""Which of the topics that a node lives on are silent.

heard(topic, now), ... -> silent(now) -> their names
"""

from __future__ import annotations

from collections.abc import Iterable

SILENT = 0.5  # [s] without a message


class Streams:
    """When each topic last spoke."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._heard = dict.fromkeys(topics, 0.0)  # [s]

    def begin(self, now: float) -> None:
        """Expects every topic from now on."""
        self._heard = dict.fromkeys(self._heard, now)

    def heard(self, topic: str, now: float) -> None:
        """Takes a message of a topic, good or not; one that nothing needs does not count."""
        if topic in self._heard:
            self._heard[topic] = now

    def silent(self, now: float) -> list[str]:
        """Returns the topics that said nothing for SILENT."""
        return [topic for topic, last in self._heard.items() if now - last > SILENT]
