"""Subscriptions that a timer empties, all messages of all topics at once.

In: topics, a callback for each. Out: calls with a message as it came (CDR) and how long ago [ns];
how many of each topic were lost. An executor builds its list of everything anew for each message
that it hands over, which at a kilohertz costs half a core; a recorder may hear 20 ms late, and a
guard once a tick.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.serialization import deserialize_message

from moto_ros.wire.interface import Topic, payload_reader

if TYPE_CHECKING:
    from moto_ros.wire.lifecycle import MotoNode

Take = Callable[[bytes, int], object]  # the message as CDR, how long it waited [ns]


class Unspun(CallbackGroup):
    """The group of entities that no executor touches."""

    def can_execute(self, entity: Any) -> bool:
        """Says that it is not the executor's turn, ever."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Says the same."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Is never called."""


class Polling:
    """The polled subscriptions of a node."""

    def __init__(
        self, node: MotoNode, on_lost: Callable[[str, int], object] | None = None
    ) -> None:
        """`on_lost` is told the topic's name and how many of its messages did not arrive.

        Without it nobody asks: of a queue of one, whose newest is enough, most are lost.
        """
        self._node, self._on_lost = node, on_lost
        self._group, self._polled = Unspun(), list[_Polled]()
        self.waited = 0.0  # [s] the message that a callback is given

    @property
    def heard_at(self) -> float:
        """When the message that a callback is given came [s], by the node's steady clock."""
        return self._node.steady_now() - self.waited

    def subscribe(self, topic: Topic, take: Take) -> None:
        """Subscribes until the node's cleanup."""
        made = self._node.create_subscription_to(topic, take, raw=True, group=self._group)
        self._polled.append(_Polled(made, topic.subscription.depth))

    def decoded(self, topic: Topic, callback: Callable[[Any], object], *also: Take) -> None:
        """Subscribes a callback that gets the payload, or the message if it has none.

        What stands in `also` gets it first as it came.
        """
        read = callback
        if topic.payload is not None:
            read = payload_reader(topic, callback, self._node.report_problem)

        def take(data: bytes, waited: int) -> None:
            for other in also:
                other(data, waited)
            self.waited = 1e-9 * waited
            try:
                read(deserialize_message(data, topic.type))
            finally:
                self.waited = 0.0

        self.subscribe(topic, take)

    def poll(self) -> None:
        """Hands over what has arrived, at most as much of each topic as its queue holds."""
        for polled in self._polled:
            lost = polled.empty()
            on_lost = self._on_lost if lost else None
            if on_lost and self._node.count_publishers(polled.name) == 1:
                on_lost(polled.name, lost)


class _Polled:
    """One of them, and the number of the message that should come next.

    A publisher numbers its messages. A number that is lower than the last is another publisher's;
    of several at once none is known by its numbers. When a message came is told by the system's
    clock, which may be set: it waited no longer than since the queue was empty.
    """

    def __init__(self, made: Any, depth: int) -> None:
        self.made, self.depth, self.name = made, depth, made.topic_name
        self._last: int | None = None
        self._emptied = time.monotonic_ns()

    def empty(self) -> int:
        """Hands over what lies in the queue; returns how many numbers are missing before it."""
        lost, begun = 0, time.monotonic_ns()
        for _ in range(self.depth):
            with self.made.handle:
                found = self.made.handle.take_message(self.made.msg_type, True)
            if found is None:
                break
            data, about = found
            lost += self._missing(about.get('publication_sequence_number'))
            waited = time.time_ns() - about['received_timestamp']
            self.made.callback(data, max(0, min(waited, time.monotonic_ns() - self._emptied)))
        self._emptied = begun  # what lies there now came since
        return lost

    def _missing(self, number: int | None) -> int:
        last, self._last = self._last, number
        return max(0, number - last - 1) if last and number else 0
