"""A round that begins, or goes on after it was stopped: what it is told of before it trains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a round learns from, and how long."""

    number: int
    updates: int  # to come; 0: it was trained, and is tried now
    goes_on: bool = False  # it was begun before
    new: int = 0  # episodes taken in
    labelled: int = 0  # episodes of which a label was taken in
    apart: int = 0  # episodes of all datasets that are held out, of this round and those before
