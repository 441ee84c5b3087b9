"""Who drives the arm: one of policy, person and homing at a time.

    policy ─┐
    person ─┼─ the intervention switch, a way home ─> the requests that count
    homing ─┘

In: requests, the switch. Out: the newest request of the source that drives. The others are heard
and not followed, so that who takes over has already spoken.
"""

from __future__ import annotations

from moto_core.guard.state import Request

POLICY, TELEOP, HOME = 'policy', 'teleop', 'home'
SPEAKS = 1.0  # [s] since its last request that a source is still there


class Sources:
    """The newest request of each source, and which of them drives."""

    def __init__(self) -> None:
        self.driving = POLICY
        self._intervention = False
        self._newest: dict[str, Request] = {}

    @property
    def request(self) -> Request | None:
        """The newest request of the source that drives; None before its first."""
        return self._newest.get(self.driving)

    def speaks(self, now: float) -> bool:
        """Says whether the source that drives asked for something just now [s]."""
        request = self.request
        return request is not None and now - request.received <= SPEAKS

    @property
    def acts(self) -> bool:
        """Says whether what is done now belongs to an episode: the way home does not."""
        return self.driving != HOME

    def take(self, source: str, request: Request) -> None:
        """Takes a source's newest request."""
        self._newest[source] = request

    def intervene(self, on: bool) -> None:
        """Gives the arm to a person, or back to the policy."""
        self._intervention = on
        self.leave_home()

    def go_home(self) -> None:
        """Gives the arm to homing, until `leave_home`."""
        self._newest.pop(HOME, None)
        self.driving = HOME

    def leave_home(self) -> None:
        """Gives the arm to whom the intervention switch says."""
        self.driving = TELEOP if self._intervention else POLICY
