"""Quality of service by name, each with its reason, and the check that two ends can talk.

In: profiles of a publisher and a subscription. Out: the profiles used; a list of mismatches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

if TYPE_CHECKING:
    from rclpy.node import Node

STALE_PERIODS = 2.5  # a request older than this many periods is dead


def _profile(
    depth: int,
    reliability: ReliabilityPolicy,
    durability: DurabilityPolicy,
    lifetime: Duration | None = None,
) -> QoSProfile:
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )
    if lifetime is not None:
        profile.deadline = lifetime
        profile.lifespan = lifetime
    return profile


_BEST, _RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
_VOLATILE, _LATCHED = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL

SENSOR = _profile(1, _BEST, _VOLATILE)  # the newest; a queue shows the past
COMMAND = _profile(1, _RELIABLE, _VOLATILE)  # the last command must arrive, older ones must not
LOG = _profile(10, _RELIABLE, _VOLATILE)  # the recorder wants every one
LOG_READER = _profile(500, _RELIABLE, _VOLATILE)  # and may be 2 s late at 250 Hz without a loss
STATUS = _profile(1, _RELIABLE, _VOLATILE)  # 10 Hz, the newest is enough
LATCHED = _profile(1, _RELIABLE, _LATCHED)  # who starts late still learns it


def request_profile(period: float) -> QoSProfile:
    """Returns the profile of a publisher of requests: dead after 2.5 periods [s] of the policy.

    Subscriptions use COMMAND, which also accepts publishers that promise no deadline.
    """
    return _profile(1, _RELIABLE, _VOLATILE, Duration(seconds=STALE_PERIODS * period))


def mismatches(offered: QoSProfile, wanted: QoSProfile) -> list[str]:
    """Lists what a publisher offers below what a subscription wants; empty where they can talk."""
    found = []
    if wanted.reliability == _RELIABLE and offered.reliability == _BEST:
        found.append('reliability: offered best effort, wanted reliable')
    if wanted.durability == _LATCHED and offered.durability == _VOLATILE:
        found.append('durability: offered volatile, wanted transient local')
    if 0 < wanted.deadline.nanoseconds < (offered.deadline.nanoseconds or 2**63):
        found.append(
            f'deadline: offered {_seconds(offered.deadline)}, wanted {_seconds(wanted.deadline)}'
        )
    return found


def subscription_mismatches(node: Node, wanted: Iterable[tuple[str, QoSProfile]]) -> list[str]:
    """Lists, by topic and publisher, whom the node's subscriptions cannot hear."""
    found = []
    for topic, profile in wanted:
        for info in node.get_publishers_info_by_topic(topic):
            found += [
                f"topic '{topic}' from '{info.node_name}': {text}"
                for text in mismatches(info.qos_profile, profile)
            ]
    return found


def _seconds(duration: Duration) -> str:
    return f'{duration.nanoseconds * 1e-9:.3g} s' if duration.nanoseconds else 'none'
