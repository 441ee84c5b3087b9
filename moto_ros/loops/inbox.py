"""What has come in since the guard's last tick: the newest of each message.

    requests of policy, person and homing, joints, deadman, e-stops, the recorder, the life cycle
        -> the request that drives, the joints, Switches

In: converted messages, the steady clock [s]. Out: what guard_step takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moto_core.guard.state import Measured, Request, Switches
from moto_ros.loops.sources import POLICY, Sources

RECORDS = 0.5  # [s] since a recorder last said that it records


class Inbox:
    """The newest messages of one guard."""

    def __init__(
        self,
        estops: tuple[str, ...] = (),
        heartbeat: float = 0.0,
        record_required: bool = False,
        before: Inbox | None = None,
    ) -> None:
        """Takes the topics of e-stops, and the time [s] after which one is silent; 0: never.

        `record_required`: nothing moves the arm that no recorder records. What the inbox `before`
        heard pressed is pressed until it says that it was let go.
        """
        self.sources = Sources()
        self.joints: Measured | None = None
        self._estops, self._heartbeat = estops, heartbeat
        self._record_required = record_required
        self._pressed: dict[str, bool] = {}  # e-stop: as it said last
        self._heard: dict[str, float] = {}  # [s] when it did
        self._several: set[str] = set()  # topics on which more than one publishes, or did
        self._proved: set[str] = set()  # of them: the one that is left has pressed
        self._pulse = False  # an e-stop was pressed since the last tick: once is enough
        if before is not None:
            self._pressed, self._pulse = dict(before._pressed), before._pulse
            self._several, self._proved = set(before._several), set(before._proved)
        self._deadman: float | None = None  # [s] last time the button was seen pressed
        self._let_go = False  # by the button's last word
        self._recorded: float | None = None  # [s] when a recorder last said that it records
        self._active = self._armed = False

    def request(
        self,
        names: Sequence[str],
        velocity: Sequence[float],
        age: float | None,
        now: float,
        source: str = POLICY,
        speed_scale: float = 1.0,
    ) -> None:
        """Takes a source's request (A,) [rad/s, m/s] seen `age` [s] ago, None: unknown.

        `speed_scale` in [0, 1] is what its doubt leaves of the allowed speed.
        """
        request = Request(
            names=tuple(names),
            velocity=np.array(velocity, np.float64),
            stamp=0.0 if age is None else now - age,
            received=now,
            speed_scale=speed_scale,
        )
        self.sources.take(source, request)

    def measured(
        self,
        names: Sequence[str],
        position: Sequence[float],
        velocity: Sequence[float],
        age: float | None,
        now: float,
    ) -> None:
        """Takes joint states [rad], [rad/s] that are `age` [s] old."""
        self.joints = Measured(
            names=tuple(names),
            position=np.array(position, np.float64),
            velocity=np.array(velocity, np.float64),
            stamp=now if age is None else now - age,
            received=now,
        )

    def deadman(self, pressed: bool, now: float) -> None:
        """Takes the deadman button's state, as it was at a time [s]."""
        self._deadman, self._let_go = now if pressed else None, not pressed

    def doubt_deadman(self) -> None:
        """Hears that it is pressed by a word that does not count: as if it had fallen silent."""
        self._deadman, self._let_go = None, False

    def estop(self, pressed: bool, now: float, topic: str = '', alone: bool = True) -> None:
        """Takes an e-stop's state; one that is let go does not release another.

        A press counts until a tick has seen it, however soon it is let go. Who of several on one
        topic let go is not told: it is pressed until one is left `alone`, presses and lets go.
        """
        self._heard[topic] = now
        self._pulse = self._pulse or pressed
        if not alone:
            self._several.add(topic)
            self._proved.discard(topic)
        elif pressed:
            self._proved.add(topic)
        if pressed:
            self._pressed[topic] = True
        elif topic not in self._several or topic in self._proved:
            self._pressed[topic] = False
            self._several.discard(topic)

    def stop(self) -> str:
        """Stops at once, latched."""
        self._pulse = True
        return 'stopped'

    def recording(self, now: float) -> None:
        """Takes a recorder's word that it records."""
        self._recorded = now

    def activate(self, active: bool) -> None:
        """Follows the life cycle; either way it disarms."""
        self._active, self._armed = active, False

    def arm(self, armed: bool) -> None:
        """Follows the operator."""
        self._armed = armed

    def switches(self, now: float) -> Switches:
        """Returns what people and the life cycle say at a time [s]."""
        recorded = self._recorded is not None and now - self._recorded <= RECORDS
        unrecorded = self._record_required and not recorded and self.sources.acts
        return Switches(
            active=self._active,
            armed=self._armed,
            deadman=self._deadman,
            let_go=self._let_go,
            estop=self._pulse or any(self._pressed.values()),
            hold='not_recording' if unrecorded else '',
        )

    def forget_pulse(self) -> None:
        """Forgets that an e-stop was pressed, which a tick has seen; not that one still is."""
        self._pulse = False

    def pressed_estops(self) -> list[str]:
        """Returns the topics of e-stops that are pressed, as far as they have said."""
        return [topic for topic, pressed in self._pressed.items() if pressed]

    def silent_estops(self, now: float) -> list[str]:
        """Returns the topics of e-stops that have to speak and do not."""
        if not self._heartbeat:
            return []
        heard = self._heard
        return [
            topic
            for topic in self._estops
            if topic not in heard or now - heard[topic] > self._heartbeat
        ]
