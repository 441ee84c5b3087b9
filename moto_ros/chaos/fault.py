"""What a fault is, and what was seen of it: a function makes it happen and judges it.

In: a Bench, which lends running graphs and an empty folder. Out: Seen, met or not, with numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moto_core.errors import MotoError, one_line

if TYPE_CHECKING:
    from moto_ros.chaos.bench import Bench

PROCESSES, FILES, ARITHMETIC = 'processes over DDS', 'files', 'arithmetic'


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one fault did."""

    met: bool
    text: str  # what was seen, in words with numbers
    missed: tuple[str, ...] = ()  # of it what was not as expected
    numbers: dict[str, float] = field(default_factory=dict)  # name with its unit: value
    rest: float | None = None  # [s] from the fault to the arm at rest; None: it did not move


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of the table of faults in docs/safety.md, and the function that makes it happen."""

    number: int
    name: str
    expected: str  # in the words of docs/safety.md
    act: Callable[[Bench], Seen]
    graphs: tuple[str, ...] = ()  # the kinds that it uses, the first one first
    where: str = PROCESSES
    quick: bool = False  # of the fast form
    limit: float = 60.0  # [s], without the start of a graph


class Findings:
    """Collects what was seen of one fault, expectation by expectation."""

    def __init__(self) -> None:
        self.rest: float | None = None  # [s]
        self.numbers: dict[str, float] = {}
        self._words: list[str] = []
        self._missed: list[str] = []

    def note(self, words: str, **numbers: float) -> None:
        """Keeps numbers by name, and words with {name:format} for them."""
        self.numbers.update({name: float(value) for name, value in numbers.items()})
        self._words.append(words.format(**numbers) if numbers else words)

    def expect(self, met: bool, words: str, **numbers: float) -> None:
        """Notes what was seen; it counts as missed unless `met`."""
        self.note(words, **numbers)
        if not met:
            self._missed.append(self._words[-1])

    def refused(self, act: Callable[[], object], *texts: str) -> None:
        """Expects a MotoError of `act` that holds every text."""
        try:
            told, met = f'not refused, but answered {one_line(act(), 80)!r}', False
        except MotoError as error:
            told = one_line(error, 2000)
            met = all(text in told for text in texts)
        self.expect(met, f"refused: '{texts[0]}'" if met and texts else told[:200])

    def seen(self) -> Seen:
        """Returns all of it."""
        return Seen(
            met=not self._missed,
            text='; '.join(self._words),
            missed=tuple(self._missed),
            numbers=self.numbers,
            rest=self.rest,
        )


def failed(reason: str) -> Seen:
    """Returns what is known of a fault whose function broke."""
    return Seen(met=False, text=reason, missed=(reason,))
