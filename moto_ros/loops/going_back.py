"""Goes back to the policy before, on a running graph, in the next gap between two episodes.

In: a Graph. Out: the policy's node with the one before in use, and what a person reads of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from moto_core.errors import MotoError
from moto_ros.loops.graph import Graph
from moto_ros.loops.policy import IN_EPISODE
from moto_ros.services import POLICY

LONGEST = 330.0  # [s] to wait for a gap; an episode that nobody ends lasts 300 (record.longest)


def go_back(graph: Graph, say: Callable[[str], None], seconds: float = LONGEST) -> str:
    """Waits at most `seconds` for the end of an episode, goes back, and returns what drives now.

    Raises MotoError if there is no policy before, no gap came, or nobody answers.
    """
    end, waited = time.monotonic() + seconds, False
    while True:
        try:
            used = graph.call(POLICY, 'rollback_policy')
        except MotoError as error:
            if IN_EPISODE not in str(error) or time.monotonic() >= end:
                raise
        else:
            return f'went back: policy {used[:12]} drives from the next episode on'
        if not waited:
            say(f'an episode runs; it is gone back after its end, within {seconds:.0f} s')
        waited = True
        _until_it_waits(graph, end)


def _until_it_waits(graph: Graph, end: float) -> None:
    """Spins until the policy says anew that it is between episodes, or the time is up."""
    graph.latest.policy = None
    while time.monotonic() < end:
        graph.spin()
        if graph.latest.policy is not None and graph.latest.policy.waiting:
            return
