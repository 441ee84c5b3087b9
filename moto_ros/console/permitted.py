"""What a person may ask for now, and why not: a page shows it, and a press is held to it.

In: what the console knows. Out: for each deed the reason that is in its way, '' if there is none.
The guard decides by itself whatever is said here; `stop` and `estop` are never refused.
"""

from __future__ import annotations

from moto_core.guard.state import HOLD, READY
from moto_ros.console.seen import Seen
from moto_ros.loops.sources import HOME, TELEOP
from moto_ros.messages import LATCHED

ALWAYS = ('stop', 'estop')
JUDGED = ('success', 'failure')
NAMED = (*JUDGED, 'discard')  # done to the episode that a page shows
SILENT = {
    'guard': 'the guard is silent',
    'policy': 'the policy is silent',
    'recorder': 'no recorder is heard',
}


def refusals(seen: Seen, unlabelled: bool) -> dict[str, str]:
    """Returns {deed: why not}; `unlabelled`: the last episode that ended has no label."""
    label = _label(seen, unlabelled)
    return {
        **dict.fromkeys(ALWAYS, ''),
        'start': _start(seen),
        'arm': _arm(seen),
        'home': _home(seen),
        'reset_fault': _reset(seen),
        'begin_anew': _begin_anew(seen),
        'take_over': _guard(seen) or ('a person drives already' if _person(seen) else ''),
        'give_back': _guard(seen) or _give_back(seen),
        **dict.fromkeys(JUDGED, label),
        'discard': _discard(seen),
    }


def _guard(seen: Seen) -> str:
    return '' if seen.guard else SILENT['guard']


def _person(seen: Seen) -> bool:
    return seen.guard is not None and seen.guard.source == TELEOP


def _give_back(seen: Seen) -> str:
    if seen.demonstrates:
        return 'no policy takes part: there is nobody to give it to'
    return '' if _person(seen) else 'the policy drives already'


def _latched(seen: Seen) -> str:
    guard = seen.guard
    if guard is None:
        return SILENT['guard']
    return f'the guard is in {guard.state}: reset it first' if guard.state in LATCHED else ''


def _start(seen: Seen) -> str:
    if reason := _latched(seen):
        return reason
    assert seen.guard is not None
    if seen.guard.source == HOME:
        return 'the arm is on its way home: wait'
    if seen.guard.state != READY:
        return 'the arm is armed: stop it first'
    if seen.recording:
        return 'an episode is being recorded: stop it first'
    if 'recorder' in seen.silent:
        return 'the recorder has gone silent: start it again'
    if seen.policy is None:
        return SILENT['policy']
    return seen.guard.unfit if seen.simulated else seen.guard.refusal  # its scene is reset first


def _arm(seen: Seen) -> str:
    if reason := _latched(seen):
        return reason
    assert seen.guard is not None
    if seen.guard.state not in (READY, HOLD):
        return 'it is armed already'
    return seen.guard.refusal


def _home(seen: Seen) -> str:
    if reason := _latched(seen):
        return reason
    assert seen.guard is not None
    if seen.guard.dry_run:
        return 'a dry run moves nothing: bring the arm home by hand'
    if seen.guard.state != READY:
        return 'the arm is armed: stop it first'
    if seen.recording:
        return 'an episode is being recorded: stop it first'
    return seen.guard.home_refusal


def _reset(seen: Seen) -> str:
    if seen.guard is None:
        return SILENT['guard']
    return '' if seen.guard.state in LATCHED else 'there is no fault'


def _begin_anew(seen: Seen) -> str:
    if seen.guard is None:
        return SILENT['guard']
    if seen.guard.state not in (READY, *LATCHED):
        return 'the arm is armed: stop it first'
    return '' if seen.guard.at_rest else 'the arm is coming to rest: wait'


def _label(seen: Seen, unlabelled: bool) -> str:
    if seen.recorder is None:
        return SILENT['recorder']
    if seen.recording or unlabelled:
        return ''
    return 'no episode waits for a label: correct one in the list'


def _discard(seen: Seen) -> str:
    if seen.recorder is None:
        return SILENT['recorder']
    return '' if seen.recorder.episode else 'no episode was recorded since the recorder began'
