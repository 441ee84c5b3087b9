"""Keys that are held on a page, as the words of a joystick.

    keys, when the page sent them -> Stick -> axes, buttons of a Joy, or nothing

A word that comes late is not said: what a bad network delivers in a heap must not move an arm. The
first word after a silence lets the deadman go, the second holds it with every axis at rest: who
hears a joystick believes it only then. No key: the deadman is let go, and silence.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

LATE = 0.2  # [s] after which a word is not said any more
SILENCE = 0.2  # [s] without a word: the next one begins anew
HAND = (1, 0, 4, 6, 7, 3)  # places in Joy.axes of the hand's x, y, z and its turns about them
AXES, BUTTONS = 8, 11  # of a gamepad, as joy_node numbers them
CLOSE, OPEN = 0, 1  # places in Joy.buttons
MOVES = {  # key's name: (place in Joy.axes, where to)
    f'{way}{"+" if sign > 0 else "-"}': (place, sign)
    for way, place in zip(('x', 'y', 'z', 'roll', 'pitch', 'yaw'), HAND)
    for sign in (1.0, -1.0)
}
FINGERS = {'close': CLOSE, 'open': OPEN}


class Word(NamedTuple):
    """What a joystick says once."""

    axes: list[float]
    buttons: list[int]


class Stick:
    """The joystick that one page's keys are."""

    def __init__(self, deadman: int) -> None:
        """Takes the deadman's place in Joy.buttons."""
        self._deadman = deadman
        self._said, self._words = -1e9, 0  # [s] when it spoke last, and words since it began

    def hear(self, keys: Collection[str], age: float, now: float) -> Word | None:
        """Returns what to say at `now` [s] of keys that were held `age` [s] ago; None: nothing."""
        if not -LATE <= age <= LATE:
            return None
        silent = now - self._said > SILENCE
        if silent and not keys:
            return None
        self._words = 0 if silent or not keys else self._words + 1
        self._said = now if keys else -1e9
        word = Word([0.0] * AXES, [0] * max(BUTTONS, self._deadman + 1))
        if keys and self._words > 0:
            word.buttons[self._deadman] = 1
        if self._words > 1:
            self._move(word, keys)
        return word

    def _move(self, word: Word, keys: Collection[str]) -> None:
        for key in keys:
            if key in MOVES:
                place, way = MOVES[key]
                word.axes[place] += way
            elif key in FINGERS:
                word.buttons[FINGERS[key]] = 1
