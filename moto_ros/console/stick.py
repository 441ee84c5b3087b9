"""Keys that are held on a page, as the words of a joystick.

    keys, when the page sent them -> Stick -> axes, buttons of a Joy, or nothing

The page says which keys are held again and again while it drives, though it be none: a joystick
that nobody touches repeats itself, at rest with its deadman let go, and only one that is gone is
silent. Nothing is said but upon a word of the page that comes in time.

The deadman is a person's: only who was seen with every key up may press it. So nothing is said of
keys that were down already when the page began, nor of those that stayed down through a silence or
that came late: what a bad network delivers in a heap must not move an arm. The first word of a
press lets the deadman go, the second holds it with every axis at rest: who hears a joystick
believes it only then. Which axis a key is does not depend on the settings of a joystick
(loops/page_layout.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from moto_ros.loops.page_layout import AXES, GRIP, HAND

LATE = 0.2  # [s] after which a word is not said any more
SILENCE = 0.2  # [s] without a word: the keys have to be let go and pressed anew
BUTTONS = 11  # of a gamepad, as joy_node numbers them
MOVES = {  # key's name: (place in Joy.axes, where to)
    f'{way}{"+" if sign > 0 else "-"}': (place, sign)
    for way, place in zip(('x', 'y', 'z', 'roll', 'pitch', 'yaw'), HAND)
    for sign in (1.0, -1.0)
} | {'close': (GRIP, -1.0), 'open': (GRIP, 1.0)}
ANEW = 'let every key go, then press anew'


class Word(NamedTuple):
    """What a joystick says once."""

    axes: list[float]
    buttons: list[int]


class Stick:
    """The joystick that one page's keys are."""

    def __init__(self, deadman: int) -> None:
        """Takes the deadman's place in Joy.buttons."""
        self._deadman = deadman
        self._up = False  # every key was, since the last silence or late word
        self._said, self._words = -1e9, 0  # [s] when it spoke last, and words of this press
        self.problem = ''  # why what the page says is not said; '' if it is

    def hear(self, keys: Collection[str], age: float, now: float) -> Word | None:
        """Returns what to say at `now` [s] of keys that were held `age` [s] ago; None: nothing."""
        late = not -LATE <= age <= LATE
        told = f'what the keys say comes {age:.1f} s late, and is not said' if late else ''
        if not keys:
            self.problem, self._up = told, True  # however late: who let go has let go
            return self._let_go() if late else self._rest()
        if late:
            self.problem, self._up = f'{told}: {ANEW}', False
        elif self._words and now - self._said > SILENCE:
            self.problem = f'the page was silent for {now - self._said:.1f} s: {ANEW}'
            self._up = False
        elif not self._up:
            self.problem = self.problem or f'a key was down before it was heard: {ANEW}'
        if not self._up:
            return self._let_go()
        return self._speak(keys, now)

    def _let_go(self) -> Word | None:
        """Returns the word that lets the deadman go, if it was not said yet."""
        return self._rest() if self._words > 0 else None

    def _rest(self) -> Word:
        self._words = 0
        return self._at_rest()

    def _speak(self, keys: Collection[str], now: float) -> Word:
        self.problem = ''
        word = self._at_rest()
        if self._words > 0:
            word.buttons[self._deadman] = 1
        if self._words > 1:
            self._move(word, keys)
        self._said, self._words = now, self._words + 1
        return word

    def _at_rest(self) -> Word:
        return Word([0.0] * AXES, [0] * max(BUTTONS, self._deadman + 1))

    def _move(self, word: Word, keys: Collection[str]) -> None:
        for key in keys:
            if key in MOVES:
                place, way = MOVES[key]
                word.axes[place] += way
