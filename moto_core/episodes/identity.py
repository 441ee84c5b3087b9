"""What every episode of one dataset has in common: the spec, and the setup it was recorded in.

In: Spec, Setup. Out: Identity, and the differences between two, each with both values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from moto_core.config import load_config, to_dict
from moto_core.errors import MotoError
from moto_core.spec import Setup, Spec, setup_mismatches, spec_from_dict


@dataclass(frozen=True)
class Identity:
    """A dataset's robot: what it is, and under which guard, drives and views."""

    spec: Spec
    setup: Setup

    @property
    def key(self) -> str:
        """A name that is equal if the identity is."""
        return identity_key(self.spec.hash, self.setup)


def identity_key(spec_hash: str, setup: Setup) -> str:
    """Returns the `key` of the identity with this spec's hash and this setup."""
    flat = {**vars(setup), 'views': dict(setup.views)}  # to_dict, without its milliseconds
    return f'{spec_hash} {json.dumps(flat, sort_keys=True)}'


def differences(ours: Identity, spec: Spec, setup: Setup | None = None) -> list[str]:
    """Lists how a spec, and a setup if one is given, differ from ours: ours, then theirs."""
    found = []
    if ours.spec.hash != spec.hash:
        a, b = _flat(ours.spec), _flat(spec)
        found = [
            f'{key} {a.get(key, "none")} and {b.get(key, "none")}'
            for key in sorted({*a, *b})
            if a.get(key) != b.get(key)
        ]
    return found + (setup_mismatches(ours.setup, setup) if setup is not None else [])


def identity_to_dict(identity: Identity) -> dict[str, Any]:
    """Returns the identity as JSON holds it."""
    return {'spec': to_dict(identity.spec), 'setup': to_dict(identity.setup)}


def identity_from_dict(data: dict[str, Any]) -> Identity:
    """Returns what `identity_to_dict` wrote; raises ValueError for anything else."""
    try:
        return Identity(spec_from_dict(data['spec']), load_config(Setup, data['setup']))
    except (MotoError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'it names no spec and setup: {error}') from error


def _flat(spec: Spec) -> dict[str, Any]:
    data = to_dict(spec)
    for name, camera in data.pop('cameras').items():
        data |= {f"camera '{name}' {key}": camera[key] for key in ('height', 'width', 'crop')}
    return data
