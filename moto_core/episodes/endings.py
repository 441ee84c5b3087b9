"""Which ends of an episode say nothing of who drove: nobody is to blame, and no label is given.

In: nothing. Out: the words that a session or a recorder writes down as how an episode ended.
"""

from __future__ import annotations

BLAMELESS = {
    'fault': 'the guard found a fault, and stopped the arm',
    'estop': 'somebody pressed the e-stop',
    'no_decisions': 'a session heard no decision any more',
    'policy_died': "the policy's process fell silent",
    'guard_silent': 'the guard fell silent',
    'too_long': 'it was recorded for record.longest: whoever began it may be gone',
    'shutdown': 'the recorder was shut down',
    'recovered': 'the recorder died, and its rows were found later',
    'exception': 'the program that recorded it failed',
    'disk_full': 'the disk was full',
    'write_error': 'a row could not be written',
}
"""Word -> what happened."""
