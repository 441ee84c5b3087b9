"""What a person asks of the arm by a joystick: velocities, and acts such as to begin an episode.

    Joy -> Joystick ─┬─ dead zone, speed ─┬─ hand: least squares on J(q) ─┬─> velocity (A,)
                     │                    └─ pairs, joints: as they are ──┘
                     └─ buttons ─> gripper, what the sticks move, acts by name

In: Joy, the joints' positions, the steady clock [s]. Out: a request (A,) [rad/s, m/s] at each word
of the joystick, rest while its deadman is let go; the names of acts. The sticks ask for nothing
until all of them were seen at rest with the deadman held: neither a stuck axis, nor a joystick
that comes back, nor a change of what they move makes the arm jump. The operator's page has a fixed
layout of its own (page_layout.py): its keys move the hand, and are no buttons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from moto_core.errors import ConfigError
from moto_core.guard.limits import RobotConfig
from moto_core.kinematics import Chain, joint_velocity
from moto_ros.config import ALWAYS, WHILE_HELD, WHILE_LET_GO, TeleopParams
from moto_ros.loops.joystick import Joystick
from moto_ros.loops.page_layout import GRIP, HAND

GRIPPER = {'close': -1.0, 'open': 1.0}
PAIR = 2  # joints that two sticks move
LET_GO = 0.3  # [s] that the deadman has to be up before a button means what it does without it
NO_JOINTS = 'the sticks move the hand, and the joint states are silent'
NO_CHAIN = (
    "the page's keys move the hand, and the robot has no kinematics: write them into its YAML"
)


class Teleop:
    """One person's joystick for one arm."""

    def __init__(self, robot: RobotConfig, params: TeleopParams, deadman: int) -> None:
        """Raises ConfigError if the sticks move the hand and the robot's kinematics are unknown.

        `deadman` is its button. Without kinematics the sticks never move the hand.
        """
        self.spec, self.params = robot.spec, params
        self.stick = Joystick(deadman, params.silence)
        self._chain = _chain(robot, params)
        self.sticks = params.sticks
        self._page = False  # the page speaks, not a joystick
        self._pair = 0  # of joints that the sticks move
        self._at_rest = False  # every axis that counts was, with the deadman held
        self._gripper = 0.0  # -1 closes, 1 opens, since the deadman is held
        self.early: list[str] = []  # of the last word: acts too soon after the deadman
        self.problem = ''

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints that the sticks move, by name; none if they move the hand."""
        names = tuple(self.spec.joints)
        first = PAIR * self._pair
        return {'hand': (), 'pairs': names[first : first + PAIR], 'joints': names}[self.sticks]

    @property
    def moves(self) -> bool:
        """Says whether what the sticks say is asked for."""
        return self._at_rest

    def hear(
        self, axes: Sequence[float], buttons: Sequence[int], now: float, page: bool = False
    ) -> list[str]:
        """Takes a message of the joystick at a time [s]; returns the acts that it asks for.

        `page`: it is a word of the operator's page, in the page's own layout.
        """
        if page != self._page:
            self._page, self.sticks = page, 'hand' if page else self.params.sticks
            self.stick.leave()
        pressed = self.stick.hear(axes, buttons, now)
        held = self.stick.held(now)
        if not held:
            self._at_rest, self._gripper = False, 0.0
        acts = self._acts([] if page else pressed, now)
        if page and held and (grip := self.stick.axis(GRIP)):
            self._gripper = grip
        for act in acts:
            self._change(act, held)
        if held and not self._at_rest:
            self._at_rest = not self._axes().any()
        return [act for act in acts if act not in WHILE_HELD]

    def miss(self, buttons: Sequence[int]) -> None:
        """Takes a word that came too late to count, but for a deadman that it says is let go."""
        if not self.stick.presses(buttons):
            self._at_rest = False

    def request(self, position: np.ndarray | None, now: float) -> np.ndarray:
        """Returns what is asked for at a time [s], (A,) [rad/s, m/s].

        `position` (n,) [rad] of the arm's joints; None if it is not known now. Each entry is
        within the action's scale: one factor for the arm keeps the direction.
        """
        n, scale = len(self.spec.joints), self.spec.scale
        asked = np.zeros(self.spec.action_size)
        if self.stick.held(now):
            asked[n:] = self._gripper * scale[n:]
            if self._at_rest:
                asked[:n] = self._arm(position)
        self.problem = self._said(position, now)
        return asked

    def _acts(self, pressed: Collection[int], now: float) -> list[str]:
        """Names what pressed buttons do, with the deadman as it is.

        While it may only have slipped, they do neither what they do with it nor without it.
        """
        down = self.stick.down
        meant = [
            name
            for name in (*(WHILE_HELD if down else WHILE_LET_GO), *ALWAYS)
            if getattr(self.params.buttons, name) in pressed
        ]
        slipped = not down and self.stick.up(now) < LET_GO
        self.early = [name for name in meant if slipped and name not in ALWAYS]
        return [name for name in meant if name not in self.early]

    def _change(self, act: str, held: bool) -> None:
        """Takes what a button changes here: the gripper, what the sticks move."""
        if act in GRIPPER and held:
            self._gripper = GRIPPER[act]
        elif act == 'pairs':
            count = -(-len(self.spec.joints) // PAIR)
            self._pair = (self._pair + 1) % count if self.sticks == 'pairs' else 0
            self.sticks, self._at_rest = 'pairs', False
        elif act == 'hand' and self._chain is not None:
            self.sticks, self._at_rest = 'hand', False

    def _arm(self, position: np.ndarray | None) -> np.ndarray:
        """What the sticks ask of the arm's joints, (n,) [rad/s]."""
        scale, params = self.spec.scale[: len(self.spec.joints)], self.params
        if self.sticks == 'hand':
            if position is None or self._chain is None:
                return np.zeros(len(scale))
            full = np.repeat([params.linear, params.angular], 3)
            twist = params.speed * full * self._axes()
            velocity = joint_velocity(self._chain.jacobian(position), twist)
            return velocity / max(1.0, float(np.max(np.abs(velocity) / scale)))
        velocity = np.zeros(len(scale))
        for joint, axis in zip(self.joints, self._axes()):
            place = self.spec.joints.index(joint)
            velocity[place] = params.speed * scale[place] * axis
        return velocity

    def _axes(self) -> np.ndarray:
        """The axes that count, beyond their dead zone, in [-1, 1]."""
        params = self.params
        n = len(self.spec.joints)
        places, signs = {
            'hand': (params.hand_axes, params.hand_signs),
            'pairs': (params.pair_axes, params.pair_signs),
            'joints': (range(n), [1] * n),
        }[self.sticks]
        if self._page:
            places, signs = HAND, [1] * len(HAND)
        raw = np.array([self.stick.axis(place) for place in places]) * signs
        beyond = np.maximum(np.abs(raw) - params.dead_zone, 0.0) / (1.0 - params.dead_zone)
        return np.sign(raw) * beyond

    def _said(self, position: np.ndarray | None, now: float) -> str:
        """Says why what the person does asks for nothing; '' if it does."""
        if self.stick.problem:
            return self.stick.problem
        if self.stick.down and not self.stick.held(now):
            return 'the deadman was held before the joystick was heard: let it go, then hold it'
        if self.stick.down and not self._at_rest:
            return 'a stick is not at rest: let all of them go with the deadman held'
        if self.stick.down and self._page and self._chain is None:
            return NO_CHAIN
        return NO_JOINTS if self.stick.down and self.sticks == 'hand' and position is None else ''


def _chain(robot: RobotConfig, params: TeleopParams) -> Chain | None:
    """Returns the arm's chain; None if it is unknown and the sticks begin with its joints."""
    try:
        return robot.chain()
    except ConfigError:
        if params.sticks == 'hand':
            raise
        return None
