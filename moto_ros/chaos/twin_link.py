"""What a controller at 1 kHz makes of the guard's trajectories, without ROS and without waiting.

    policy at 12.5 Hz -> ArmGuard at 250 Hz -> trajectories -> JointTrajectoryController at 1 kHz
                         late by up to 3 ms    0.5 to 4 ms under way, 2 % lost

In: a robot, a profile, a policy, what is wrong with the link. Out: the controller's positions at
every millisecond; from them speed, acceleration and jerk, as multiples of the profile's and of the
robot's published limits, and what Franka's reflexes say.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from moto_core.guard.brake import Knot
from moto_core.guard.limits import Limits, RobotConfig
from moto_core.guard.state import GuardConfig
from moto_ros.config import CommandConfig, GuardParams
from moto_ros.loops.guard import ArmGuard, ArmSettings
from moto_sim.delay_line import DelayLine
from moto_sim.reflexes import Reflexes
from moto_sim.trajectory_controller import Points, TrajectoryController

DELAY = CommandConfig().delay  # [s]
PERIOD = 0.001  # [s] of the controller
EXACT = 1.001  # of a limit: rounding of positions over 1 ms
Ask = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Link:
    """What happens between the guard's clock and the controller."""

    jitter: float = 0.003  # [s] by which a tick may be late
    quickest: float = 0.0005  # [s] of transport
    slowest: float = 0.004  # [s] of transport
    lost: float = 0.02  # share of messages that others follow
    rate: float = GuardParams().trajectory_rate  # [Hz] of messages
    lag: float = 0.0  # [s] by which the arm follows the controller late
    joint_rate: float = 125.0  # [Hz] of joint states
    offset: float = 0.0  # [rad] between where the controller holds the arm and its joints
    stalls: tuple[tuple[float, float], ...] = ()  # (begin, length) [s] without a tick
    silent: float = np.inf  # [s] when the policy ends


class Motion(NamedTuple):
    """What the arm was told, T milliseconds long."""

    position: np.ndarray  # (T, n) [rad]
    modes: list[str]  # of the guard, as they changed
    refused: list[str]  # why the controller refused a message
    reflexes: list[str]  # of the arm, one after the other


def wander(rng: np.random.Generator, wanted: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Returns what a policy asks for next (A,), at half of its decisions something else."""
    return most * rng.uniform(-1, 1, len(wanted)) if rng.random() < 0.5 else wanted


def drive(
    robot: RobotConfig, profile: str, seconds: float, seed: int, link: Link, ask: Ask = wander
) -> Motion:
    """Returns what the controller tells the arm of a policy.

    `ask` gives its next request (A,) [rad/s] from its last one and three times the caps.
    """
    rng = np.random.default_rng(seed)
    guard = ArmGuard(robot, profile, GuardConfig(latency=DELAY + 0.01), ArmSettings(delay=DELAY))
    names, joints, tick = robot.spec.names, robot.spec.joints, guard.config.tick
    position, still = np.array(robot.home), np.zeros(len(joints))
    controller = TrajectoryController(position + link.offset, PERIOD)
    reflexes, violated = Reflexes(robot.limits, PERIOD), list[str]()
    reflexes.begin(position + link.offset, still)
    drives = DelayLine(position, PERIOD)
    measured_every = round(1.0 / (link.joint_rate * PERIOD))
    guard.activate(True)
    guard.inbox.measured(joints, position.tolist(), still.tolist(), 0.0, 0.0)
    guard.tick(0.0)
    guard.arm()
    wanted = np.zeros(len(names))
    most = np.resize(3.0 * guard.limits.dq, len(names))
    path: list[np.ndarray] = []
    modes: list[str] = []
    refused: list[str] = []
    underway: list[tuple[float, int, Points]] = []
    due, number = 0.0, 0
    for now in np.arange(0.0, seconds, PERIOD):
        step = round(now / PERIOD)
        if step % measured_every == 0:
            guard.inbox.measured(joints, position.tolist(), still.tolist(), 0.0, now)
        if step % 80 == 0 and now < link.silent:
            wanted = ask(rng, wanted, most)
            guard.inbox.request(names, wanted.tolist(), 0.0, now)
        while due <= now:
            output = guard.tick(due)
            if output is not None and (not modes or modes[-1] != output.state):
                modes.append(output.state)
            knots = guard.trajectory(link.rate) if output is not None else []
            begins = len(knots) == 2  # rest to rest: reliable, with nothing behind it
            if knots and (begins or rng.random() >= link.lost):
                arrival = due + rng.uniform(link.quickest, link.slowest)
                heapq.heappush(underway, (arrival, number, _points(knots)))
            number += 1
            due = _after_stalls(number * tick + rng.uniform(0.0, link.jitter), link)
            number = max(number, int(due / tick))
        while underway and underway[0][0] <= now:
            if reason := controller.receive(heapq.heappop(underway)[2], now):
                refused.append(reason)
        commanded, _ = controller.update(now)
        violated += [name for name in reflexes.judge(commanded) if name not in violated]
        position = drives.pass_on(commanded - link.offset, link.lag)
        path.append(commanded)
    return Motion(position=np.array(path), modes=modes, refused=refused, reflexes=violated)


def _points(knots: list[Knot]) -> Points:
    return Points(
        np.array([knot.time + DELAY for knot in knots]),
        np.array([knot.position for knot in knots]),
        np.array([knot.velocity for knot in knots]),
    )


def _after_stalls(due: float, link: Link) -> float:
    for begin, length in link.stalls:
        if begin <= due < begin + length:
            return begin + length
    return due


def measure(robot: RobotConfig, profile: str, motion: Motion) -> dict[str, object]:
    """Returns the largest speed, acceleration and jerk, as multiples of limits."""
    limits = ArmGuard(robot, profile, GuardConfig()).limits
    speed = np.abs(np.diff(motion.position, axis=0)) / PERIOD
    acceleration = np.abs(np.diff(motion.position, 2, axis=0)) / PERIOD**2
    jerk = np.abs(np.diff(motion.position, 3, axis=0)) / PERIOD**3
    own = max(limits.acceleration, limits.brake)
    official = robot.limits
    room = np.minimum(motion.position - limits.q_min, limits.q_max - motion.position)
    inside = (
        (speed[2:] <= EXACT * limits.dq)
        & (acceleration[1:] <= EXACT * own)
        & (jerk <= EXACT * limits.jerk)
    )
    return {
        'robot': robot.name,
        'profile': profile,
        'seconds': len(motion.position) * PERIOD,
        'speed_of_cap': _most(speed / limits.dq),
        'acceleration_of_profile': _most(acceleration / own),
        'jerk_of_profile': _most(jerk / limits.jerk),
        'steps_inside_profile': round(float(inside.all(axis=1).mean()), 5),
        'speed_of_official': _most(speed / np.array(official.dq_max)),
        'acceleration_of_official': _most(acceleration / np.array(official.ddq_max)),
        'jerk_of_official': _most(jerk / np.array(official.dddq_max)),
        'room_to_limits_rad': round(float(room.min()), 4),
        'margin_rad': limits.margin,
        'into_the_margin_mrad': round(1000.0 * float(limits.margin - room.min()), 1),
        'speed_of_curve': _most(_of_curve(limits, motion.position)),
        'travel_rad': round(float(np.ptp(motion.position, axis=0).max()), 3),
        'modes': motion.modes,
        'refused': len(motion.refused),
        'reflexes': motion.reflexes,
    }


def _of_curve(limits: Limits, position: np.ndarray) -> np.ndarray:
    """The speed toward a limit, of the one that FR3's curve admits at the position."""
    if not limits.velocity_slope.size:
        return np.zeros(1)
    velocity, here = np.diff(position, axis=0) / PERIOD, position[1:]
    room = np.where(velocity > 0, limits.q_high - here, here - limits.q_low)
    root = np.sqrt(np.maximum(0.0, limits.velocity_slope * room))
    admitted = np.clip(root - limits.velocity_offset, 1e-3, limits.dq_max)
    return np.abs(velocity) / admitted


def _most(values: np.ndarray) -> float:
    return round(float(values.max()), 4)
