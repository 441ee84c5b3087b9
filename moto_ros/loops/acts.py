"""What each act of a person at the joystick takes: services of the graph, one after another.

In: the act's name, whether the robot is simulated and whether a policy takes part. Out: steps of
an Errand. In a simulation the scene is put to its next start once an episode has its label.
"""

from __future__ import annotations

from moto_ros.loops.errand import Call, LastLook, Rest, Step
from moto_ros.services import GUARD, RECORDER, TWIN

TAKE_OVER = Call(GUARD, 'set_intervention', True)
DISARM = Call(GUARD, 'disarm')
ARM = Call(GUARD, 'arm', undo=(GUARD, 'disarm'), moves=True)
HOME = Call(GUARD, 'home', undo=(GUARD, 'disarm'), moves=True)
ANEW = (ARM, LastLook())
BEGIN = (
    Call(RECORDER, 'start_episode', undo=(RECORDER, 'discard_episode')),
    ARM._replace(tells=False),
    LastLook(),
)
AT_ONCE = ('take_over', 'give_back')  # whatever else is under way


def steps_of(act: str, sim: bool, demonstrates: bool, recording: bool = False) -> list[Step]:
    """Returns the steps of an act.

    `demonstrates`: no policy takes part, and the person drives from the start on. `recording`: an
    episode is under way, in which a start arms a guard that was disarmed.
    """
    reset, anew = Call(TWIN, 'reset', tells=False), Call(GUARD, 'begin_anew', tells=False)
    scene: list[Step] = [Rest(), reset, anew] if sim else []
    steps: dict[str, list[Step]] = {
        'take_over': [TAKE_OVER],
        'give_back': [Call(GUARD, 'set_intervention', False)],
        'start': [*([TAKE_OVER] if demonstrates else []), *(ANEW if recording else BEGIN)],
        'success': [DISARM, Call(RECORDER, 'end_episode', True), *scene],
        'failure': [DISARM, Call(RECORDER, 'end_episode', False), *scene],
        'discard': [DISARM, Call(RECORDER, 'discard_episode'), *scene],
        'home': [DISARM, Rest(), HOME, LastLook()],
    }
    return steps[act]
