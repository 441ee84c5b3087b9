"""Makes faults happen one after another, each within its time, whatever breaks.

In: faults, a Bench. Out: a Result each. What raises is that fault not met, and the next one gets a
fresh graph. Faults that use one kind of graph follow each other, so that they share it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from moto_core.errors import MotoError, one_line
from moto_ros.chaos.bench import KINDS, Bench
from moto_ros.chaos.fault import Fault, Seen, failed


@dataclass(frozen=True, kw_only=True)
class Result:
    """One fault and what was seen of it."""

    fault: Fault
    seen: Seen
    seconds: float  # [s] that it took, without the start of its graph


class TooLongError(Exception):
    """A fault's function that has not returned within its time."""


def in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Returns the faults so that those of one kind of graph follow each other."""
    kinds = ('', *KINDS)
    return sorted(
        faults, key=lambda f: (kinds.index(f.graphs[0] if f.graphs else ''), len(f.graphs))
    )


def run(faults: Sequence[Fault], bench: Bench, tell: Callable[[Result], object]) -> list[Result]:
    """Makes the faults happen and returns their results by number; `tell` hears of each."""
    results = []
    for fault in in_order(faults):
        result = _try(fault, bench)
        results.append(result)
        tell(result)
    return sorted(results, key=lambda result: result.fault.number)


def _try(fault: Fault, bench: Bench) -> Result:
    begin, broken = time.monotonic(), False
    try:
        if fault.graphs:
            bench.graph(fault.graphs[0])
            begin = time.monotonic()
        with _within(fault.limit):
            seen = fault.act(bench)
        bench.undisturb()
    except TooLongError:
        seen, broken = failed(f'it took longer than {fault.limit:.0f} s'), True
    except MotoError as error:
        seen, broken = failed(one_line(error)), True
    except Exception as error:  # noqa: BLE001  whatever it is, the next fault is tried
        seen, broken = failed(f'{type(error).__name__}: {one_line(error)}'), True
    seconds = time.monotonic() - begin
    if broken:
        bench.drop()
    return Result(fault=fault, seen=seen, seconds=seconds)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises TooLongError in its body after so many seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
