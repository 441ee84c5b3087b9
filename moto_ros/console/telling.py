"""What a page is told ten times a second, as plain data.

In: what the console knows. Out: a dict for JSON: the guard in plain words, streams with rates and
ages, what may be done and why not, counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from moto_ros.console.ledger import Ledger
from moto_ros.console.seen import Seen
from moto_ros.console.tally import Stream
from moto_ros.console.words import plain
from moto_ros.loops.caution import surprised

STREAMS = {  # name: what a person calls it, and the age [s] beyond which it is dead
    'joints': ('joint states', 0.5),
    'decisions': ("policy's decisions", None),  # in an episode alone
    'policy': ('policy', 1.0),
    'guard': ('guard', 1.0),
    'recorder': ('recorder', 1.0),
    'task': ('simulator', 1.0),
}
CAMERA_DEAD = 0.5  # [s]
EXPECTED = ('joints', 'policy', 'guard', 'recorder')  # beside the cameras


def telling(
    seen: Seen,
    streams: Mapping[str, Stream],
    ledger: Ledger,
    refusals: Mapping[str, str],
    doing: Collection[str],
    now: float,
) -> dict[str, Any]:
    """Returns what a page shows at `now` [s]; NaN becomes None."""
    return {
        'now': round(now, 3),
        'waiting': list(seen.missing),
        'silent': list(seen.silent),
        'guard': _guard(seen),
        'policy': _policy(seen),
        'recorder': _recorder(seen),
        'task': _task(seen),
        'streams': [*_streams(streams, now)],
        'refusals': dict(refusals),
        'doing': sorted(doing),
        'session': ledger.session._asdict(),
        'total': ledger.total._asdict(),
        'dataset': str(ledger.root),
        'dataset_problem': ledger.problem,
        'episodes_version': ledger.version,
    }


def _guard(seen: Seen) -> dict[str, Any] | None:
    guard = seen.guard
    if guard is None:
        return None
    words = plain(guard, seen.policy)
    return {
        'state': guard.state,
        'headline': words.headline,
        'why': list(words.why),
        'limits': list(words.limits),
        'remedy': words.remedy,
        'source': guard.source,
        'dry_run': guard.dry_run,
        'at_rest': guard.at_rest,
        'from_home': _number(guard.from_home),
        'profile': guard.profile,
        'scale': _number(guard.scale),
    }


def _policy(seen: Seen) -> dict[str, Any] | None:
    policy = seen.policy
    if policy is None:
        return None
    return {
        'hash': policy.policy[:12],
        'person': seen.demonstrates,  # there is none
        'successor': policy.successor,
        'acts': not policy.waiting,
        'surprise': _number(policy.surprise),
        'slow': _number(policy.slow),
        'hold': _number(policy.hold),
        'surprised': surprised(policy),
        'problems': [*policy.reasons, *policy.differences, *filter(None, [policy.problem])],
    }


def _recorder(seen: Seen) -> dict[str, Any] | None:
    return None if seen.recorder is None else asdict(seen.recorder)


def _task(seen: Seen) -> dict[str, Any] | None:
    task = seen.task
    if task is None:
        return None
    return {'success': task.success, 'parts': dict(task.parts), 'seed': task.seed}


def _streams(streams: Mapping[str, Stream], now: float) -> list[dict[str, Any]]:
    found = []
    for name, stream in streams.items():
        words, dead = STREAMS.get(name, (name, CAMERA_DEAD))
        age = stream.age(now)
        if age is None and name not in EXPECTED and not name.startswith('camera'):
            continue  # not every graph has it
        alive = age is not None and (dead is None or age <= dead)
        found.append(
            {
                'name': name,
                'words': words,
                'age': None if age is None else round(age, 2),
                'rate': round(stream.rate(now), 1),
                'alive': alive,
            }
        )
    return found


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
