"""Which bundle came of which, what was published, and how each did on the robot.

In: a folder of bundles, datasets. Out: a Descent a bundle. Needs no torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto_core.episodes.manifest import Record
from moto_core.errors import BundleError, DatasetError
from moto_core.policy.bundle import read_bundle
from moto_core.policy.given_up import read_given_up
from moto_core.policy.manifest import SHA256
from moto_learning.rounds.journal import Round, read_about


@dataclass(frozen=True, kw_only=True)
class Descent:
    """One bundle and where it comes from."""

    hash: str
    parent: str  # its hash; '' none
    episodes: int  # that it learned from
    about: Round | None  # of moto-finetune; None if it did not make it
    labelled: int  # episodes of the datasets that it alone drove and that have a label
    successes: int  # of them
    helped: int  # others with a label, of which a person drove some rows or all
    damage: str = ''  # why it cannot be used
    given_up: str = ''  # why a robot runs it no more


def read_lineage(folder: Path, records: Iterable[Record] = ()) -> list[Descent]:
    """Returns the bundles of a folder, in the order of their names.

    Raises DatasetError if there is no folder or no bundle in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"no folder '{folder}'; expected one that moto-export writes to")
    names = sorted(name for name in os.listdir(folder) if re.fullmatch(SHA256, name))
    if not names:
        raise DatasetError(f"'{folder}' holds no bundle; moto-export or moto-finetune writes one")
    driven = list(records)
    return [_descent(folder / name, driven) for name in names]


def roots(found: Sequence[Descent]) -> list[Descent]:
    """Returns those whose parent is not among them; a circle of damaged ones counts as none."""
    known = {one.hash for one in found}
    return [one for one in found if one.parent not in known]


def children(found: Sequence[Descent], parent: Descent) -> list[Descent]:
    """Returns the bundles that came of one, the earlier rounds first."""
    own = [one for one in found if one.parent == parent.hash]
    return sorted(own, key=lambda one: (one.about.number if one.about else 0, one.episodes))


def _descent(path: Path, records: Sequence[Record]) -> Descent:
    mine = [one for one in records if one.policy_hash == path.name]
    told = [one for one in mine if one.outcome != 'unlabelled' or one.success]
    alone = [one for one in told if not one.interventions]
    parent, episodes, damage, left = '', 0, '', read_given_up(path)
    try:
        manifest = read_bundle(path).manifest
        parent, episodes = manifest.parent, len(manifest.episodes)
    except BundleError as error:
        damage = str(error)
    return Descent(
        hash=path.name,
        parent=parent,
        episodes=episodes,
        about=read_about(path),
        labelled=len(alone),
        successes=sum(one.successful for one in alone),
        helped=len(told) - len(alone),
        damage=damage,
        given_up=left.why if left else '',
    )
