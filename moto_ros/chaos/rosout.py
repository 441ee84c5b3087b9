"""What nodes log, heard from outside."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import Log

from moto_ros.chaos.running import RunningGraph
from moto_ros.wire.interface import LOG, LOG_READER, Topic

ROSOUT = Topic('/rosout', Log, LOG, LOG_READER)
PATIENCE = 3.0  # [s]


def said(graph: RunningGraph, told: list[Any], node: str, text: str) -> str:
    """Waits for a log line of a node that holds a text; returns it, or '' if none comes."""

    def lines() -> list[str]:
        return [log.msg for log in told if log.name.endswith(node) and text in log.msg]

    for _ in range(round(PATIENCE / 0.1)):
        if found := lines():
            return found[-1]
        graph.spin(0.1)
    return ''
