"""A joystick as it is held: whether it speaks, its deadman, what was pressed since the last word.

    Joy's axes and buttons -> Joystick -> axes in [-1, 1], held, the buttons pressed just now

One that begins to speak, or speaks again after a silence, is not believed at once: a deadman that
is held already counts once it was let go, and a button that is down already was not pressed. A
deadman that slips is up for a moment: who let it go is known by how long.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

LAG = 0.5  # of the time after which it is gone
EARLY = 0.02  # [s] that a joystick's clock may be ahead


def late(age: float, silence: float) -> str:
    """Says what is wrong with a word that is `age` [s] old by its stamp; '' if nothing is.

    After `silence` [s] without a word the joystick is gone: half of that a word may be old, the
    rest is for the next one. It may lie EARLY ahead.
    """
    if -EARLY <= age <= LAG * silence:
        return ''
    said = f'{age:.2f} s old' if age > 0 else f'{-age:.2f} s ahead'
    return (
        f"the joystick's word is {said} by its stamp, and is not believed: mend the connection, "
        'or the clocks of the two computers (chronyc tracking)'
    )


class Joystick:
    """The newest word of one joystick."""

    def __init__(self, deadman: int, silence: float) -> None:
        """Takes the deadman's button, and the time [s] without a word after which it is gone."""
        self._deadman, self._silence = deadman, silence
        self.axes = np.zeros(0)  # (a,) in [-1, 1]; zeros where they were not finite
        self.problem = ''  # what is wrong with its last word
        self._down: frozenset[int] = frozenset()
        self._let_go = False  # the deadman, since it began to speak
        self._up_since = np.inf  # [s] when the deadman was first seen up; inf while it is down
        self._heard = -np.inf  # [s]

    def leave(self) -> None:
        """Hears that whoever speaks next is another, who begins."""
        self._heard = -np.inf

    def hear(self, axes: Sequence[float], buttons: Sequence[int], now: float) -> Collection[int]:
        """Takes a message at a time [s]; returns the buttons that it says were pressed since."""
        begins = not self.speaks(now) or len(axes) != len(self.axes)
        down = frozenset(place for place, value in enumerate(buttons) if value)
        pressed = frozenset() if begins else down - self._down
        self._let_go = (not begins and self._let_go) or self._deadman not in down
        if self._deadman in down:
            self._up_since = np.inf
        else:
            self._up_since = now if begins else min(self._up_since, now)
        self._down, self._heard = down, now
        values = np.array(axes, np.float64)
        broken = [str(place) for place in np.flatnonzero(~np.isfinite(values))]
        self.problem = f'axes {", ".join(broken)} of joy are not finite' if broken else ''
        self.axes = np.zeros(len(values)) if broken else np.clip(values, -1.0, 1.0)
        return pressed

    def speaks(self, now: float) -> bool:
        """Says whether its last word is young enough at a time [s]."""
        return 0.0 <= now - self._heard <= self._silence

    @property
    def down(self) -> bool:
        """Says whether the deadman was down in its last word."""
        return self._deadman in self._down

    def presses(self, buttons: Sequence[int]) -> bool:
        """Says whether the deadman is down in a word that is not heard."""
        return self._deadman < len(buttons) and bool(buttons[self._deadman])

    def up(self, now: float) -> float:
        """Returns for how long [s] the deadman has been seen up at a time [s]; 0 while down."""
        return max(0.0, now - self._up_since)

    def held(self, now: float) -> bool:
        """Says whether the deadman holds at a time [s]: down, and let go since it speaks."""
        return self.speaks(now) and self.down and self._let_go and not self.problem

    def axis(self, place: int) -> float:
        """Returns an axis in [-1, 1]; 0 for one that it does not have."""
        return float(self.axes[place]) if place < len(self.axes) else 0.0
