"""What moto-up is told: the table's arguments, and its own that say what runs beside the graph.

In: {name: text}. Out: both kinds with defaults, the follower's Process, the help text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from moto_core.command import output_file
from moto_core.errors import ConfigError
from moto_ros.bringup.arguments import (
    ARGUMENTS,
    as_bool,
    as_whole,
    check_name,
    documented,
    remap_rules,
)
from moto_ros.bringup.table import Process
from moto_ros.config import PERSON
from moto_ros.services import GUARD, POLICY, RECORDER

OWN = {  # name: (default, meaning)
    'episodes': ('0', 'episodes to run before ending; 0: run until Ctrl-C'),
    'max_steps': ('100', 'decisions an episode at most'),
    'pause': ('0', '[s] between two episodes'),
    'cover_camera': ('false', "true: cover the twin's camera"),
    'json': ('', "file for the session's result"),
}


STILL = 'active, and nothing moves yet.'
JOYSTICK = (
    f"{STILL} At the joystick, its deadman let go, 'start' begins an episode; {{}}; let it go, "
    "and 'success', 'failure' or 'discard' ends it (teleop.buttons, docs/teleoperation.md). "
    'Ctrl-C ends it'
)
PAGE = (
    f"{STILL} On the operator's page{{}}: 'Drive with keys' (G), then 'Start episode' (N); {{}}; "
    'let go, and Success (Y), Failure (L) or Discard (J) ends it (docs/console.md). '
    'Ctrl-C ends it'
)
OPEN = " ('moto-console' in another terminal, with this one's arguments, opens one)"
HOLD = {  # (teleop, whether a policy takes part): what a person does in an episode
    ('joy', False): 'hold the deadman to drive',
    ('joy', True): "hold the deadman, and the policy drives; 'take_over' and 'give_back' say who",
    ('page', False): 'hold keys to drive',
    ('page', True): 'hold a key, and the policy drives; Take over (I) and Give back (B) say who',
}


def split(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Returns our own arguments with defaults, and those of the table.

    Raises ConfigError for a name that neither has.
    """
    for name in given:
        check_name(name, OWN)
    own = {name: given.get(name, default) for name, (default, _) in OWN.items()}
    as_whole('episodes', own['episodes'])
    as_whole('max_steps', own['max_steps'], low=1)
    as_whole('pause', own['pause'])
    as_bool('cover_camera', own['cover_camera'])
    if own['json']:
        output_file('json:=', own['json'])
    theirs = {name: value for name, value in given.items() if name not in OWN}
    if int(own['episodes']) and theirs.get('teleop') and 'policy' not in theirs:
        raise ConfigError(
            f'episodes is {own["episodes"]}, and no policy is there to run them: a person begins '
            'and ends demonstrations by the buttons; leave it out, or say policy:=<bundle>'
        )
    if int(own['episodes']):  # a session says when the policy may act
        theirs.setdefault('policy.wait_for_episode', 'true')
    return own, theirs


def follow(own: Mapping[str, str], values: Mapping[str, str]) -> Process:
    """Returns what runs beside the graph: a session, or a status line."""
    watch = Process(
        node='moto_watch',
        module='moto_ros.bringup.graph',
        namespace=values['namespace'],
        log_level=values['log_level'],
        remap=remap_rules(values['remap']),
    )
    if not int(own['episodes']):
        return watch
    line = ['--episodes', own['episodes'], '--max-steps', own['max_steps']]
    line += ['--pause', own['pause']]
    line += ['--json', own['json']] if own['json'] else []
    for flag, on in (
        ('--cover-camera', as_bool('cover_camera', own['cover_camera'])),
        ('--no-record', not as_bool('record', values['record'])),
        ('--operator', not as_bool('sim', values['sim'])),
    ):
        line += [flag] if on else []
    return replace(
        watch, node='moto_session', module='moto_ros.bringup.session', arguments=tuple(line)
    )


def how_to_go_on(own: Mapping[str, str], values: Mapping[str, str], policy: str = PERSON) -> str:
    """Returns the line that a person reads once all is active; '' if a session does everything.

    `policy` is the one that takes part beside a person who drives; PERSON: none.
    """
    if int(own['episodes']):
        return ''
    if values['teleop']:
        return _drive(values, policy != PERSON)
    line, space = ['moto_session', '--episodes', '10'], values['namespace'].strip('/')
    line += [] if as_bool('record', values['record']) else ['--no-record']
    line += [] if as_bool('sim', values['sim']) else ['--operator']
    line += ['--ros-args', '-r', f'__ns:=/{space}'] if space else []
    keeper = RECORDER if as_bool('record', values['record']) else POLICY
    page = ", or the operator's page" if as_bool('console', values['console']) else ''
    calls = [f'/{f"{space}/" if space else ""}{node}' for node in (GUARD, keeper)]
    return (
        f"active, and nothing moves yet. Episodes: '{' '.join(line)}' in another terminal{page}. "
        f"By hand: 'ros2 service call {calls[0]}/arm std_srvs/srv/Trigger', then the same of "
        f'{calls[1]}/start_episode. Ctrl-C ends it'
    )


def _drive(values: Mapping[str, str], policy: bool) -> str:
    """Returns how a person drives, by what he drives with and whether a policy takes part."""
    held = HOLD[values['teleop'], policy]
    if values['teleop'] == 'joy':
        return JOYSTICK.format(held)
    return PAGE.format('' if as_bool('console', values['console']) else OPEN, held)


def usage(about: str, own: Mapping[str, tuple[str, str]] = OWN) -> str:
    """Returns the help text of a command that takes the table's arguments and its `own`."""
    rows = [
        f'  {name + ":=" + default:<28} {meaning}'
        for name, (default, meaning) in {**ARGUMENTS, **own}.items()
    ]
    settings = {name: told for name, told in documented().items() if name not in ARGUMENTS}
    return '\n'.join(
        [
            about.strip(),
            '',
            'Arguments (name:=value or --name value):',
            *rows,
            '  any.key:=value               a setting of moto_ros/config.py; these are there:',
            *(
                f'  {name + ":=" + default:<44} {meaning}'
                for name, (default, meaning) in settings.items()
            ),
        ]
    )
