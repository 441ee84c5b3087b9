"""Once a second, a node's health on /diagnostics.

In: problems as text, counts. Out: diagnostic_msgs/DiagnosticArray.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from moto_ros.wire import names, qos
from moto_ros.wire.convert import to_time

if TYPE_CHECKING:
    from moto_ros.wire.lifecycle import MotoNode

PERIOD = 1.0  # [s]


class Diagnostics:
    """Publishes at most one status a second for one node."""

    def __init__(self, node: MotoNode, name: str) -> None:
        self._node, self._name, self._last = node, name, -PERIOD
        self._publisher = node.say(DiagnosticArray, names.DIAGNOSTICS, qos.LOG)

    def publish(
        self, problems: Sequence[str], values: Mapping[str, Any], error: bool = False
    ) -> None:
        """Publishes OK, or the problems as a warning or an error, where a second has passed."""
        now = self._node.steady_now()
        if now - self._last < PERIOD:
            return
        self._last = now
        bad = DiagnosticStatus.ERROR if error else DiagnosticStatus.WARN
        status = DiagnosticStatus(
            level=bad if problems else DiagnosticStatus.OK,
            name=self._name,
            message='; '.join(problems) or 'ok',
        )
        status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_time(self._node.now())
        self._publisher.publish(message)
