"""The options of every command that makes a simulator: robot, guard's profile, actuation, view."""

from __future__ import annotations

import argparse

SETUP = {  # option: what it says
    'robot': 'a robot of config/robot, or a YAML file',
    'profile': "the guard's profile: commissioning, normal, ceiling, or none",
    'actuation': "how the joints move: hold, or D4RL's d4rl, which no guard goes with",
    'view': 'of every camera that stands: front, paper, wide, in the Kitchen near',
}


def add_setup(parser: argparse.ArgumentParser, whose: str) -> None:
    """Adds the options; '' chooses nothing, and `whose` says what holds then."""
    for name, about in SETUP.items():
        parser.add_argument(f'--{name}', default='', help=f'{about} (default: {whose})')


def add_proprioception(parser: argparse.ArgumentParser) -> None:
    """Adds the option; None chooses nothing."""
    parser.add_argument(
        '--proprioception',
        nargs='*',
        choices=('position', 'velocity'),
        help='what each row holds of every joint (in MetaWorld of the hand and its fingers), '
        "which the policy is given beside the images; none named: nothing (default: the robot's "
        'own)',
    )
