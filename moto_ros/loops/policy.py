"""When a decision is made, what it is, and by which policy: the policy node without ROS.

    frames of all cameras new, and the period due -> gate -> policy.step -> Decision
                                                             surprise -> Caution -> speed_scale

In: processed images, joints, stamps, clocks. Out: Observation and Decision. Frames trigger steps,
so that an action is as young as its image; a step is due a period after the last one was, less a
tenth, so that cameras of any rate give the policy's rate on average. A period without a step is
missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moto_core.errors import BundleError
from moto_core.observation import GateLimits, Observation, gate, proprioception
from moto_core.policy.given_up import folder_to_run, give_up, take_back
from moto_core.policy.kept import keep, kept_folder
from moto_core.policy.name_file import named_folder
from moto_core.policy.policy import (
    OnnxPolicy,
    Policy,
    PolicyState,
    RandomPolicy,
    ZeroPolicy,
    after,
)
from moto_core.policy.surprise import Caution, SurpriseLimits
from moto_core.spec import Setup, Spec, setup_mismatches
from moto_ros.config import BUILT_IN, PERSON, PolicyParams
from moto_ros.loops.person import PersonPolicy
from moto_ros.messages import Decision

SOONEST = 0.9  # periods after the last due time at least
LATEST = 1.5  # periods without a step: one was missed
IN_EPISODE = 'the policy is in an episode'
FROZEN_FRAMES = 3  # equal frames in a row while joints moved
FROZEN_MOTION = 0.05  # [rad] that counts as motion


class Decided(NamedTuple):
    """A decision and what it was made from."""

    observation: Observation
    decision: Decision
    done: np.ndarray | None = None  # (A,) that led to it, if not what was chosen before


@dataclass
class _Camera:
    """The newest frame of one camera."""

    image: np.ndarray | None = None
    stamp: int | None = None  # [ns]
    fresh: bool = False  # not yet acted on
    delay: float = 0.0  # [ms] from stamp to arrival
    equal: int = 0  # frames in a row with the same pixels
    position: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [rad] at the first of them


class PolicyLoop:
    """Holds the newest observation and the policy's state; makes decisions from them."""

    def __init__(self, policy: Policy, limits: GateLimits) -> None:
        self.spec, self.limits = policy.spec, limits
        self.followed, self._held = True, False  # the arm does what is asked; held for doubt
        self.decisions, self.missed, self.refused = 0, 0, 0
        self.reasons: tuple[str, ...] = ()  # why the last chance was not taken
        self._cameras = {name: _Camera() for name in self.spec.cameras}
        self._joints: tuple[np.ndarray, np.ndarray] | None = None
        self._joint_stamp: int | None = None
        self._last: float | None = None  # [s] steady time of the last step
        self._due: int | None = None  # [ns] stamp from which a frame triggers a step
        self._episode = ''
        self._state: PolicyState = {}
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Takes a policy for the same robot, which begins with what it sees next."""
        self.policy = policy
        self.caution = Caution(limits_of(policy))
        self.forget()

    def start_episode(self, episode: str) -> None:
        """Forgets the policy's state: the next decision is number 0 of the episode's id."""
        self._begin()
        self._episode, self._number = episode, 0

    def forget(self) -> None:
        """Forgets the observations and the policy's state; the episode goes on."""
        self._cameras = {name: _Camera() for name in self.spec.cameras}
        self._joints, self._joint_stamp, self._last = None, None, None
        self.start_episode(self._episode)

    def follow(self, followed: bool, held: bool = False) -> None:
        """Hears whether the arm does what is asked, and whether the guard holds it for doubt.

        What was asked while it did not has not happened, and what the policy then sees would
        surprise it: once the arm follows again its surprise is judged anew, and until there is
        enough of it the arm is as slow as before. After a hold for doubt, which a person ended,
        all begins anew, its state too.
        """
        self._held |= held
        if followed and not self.followed:
            if self._held:
                self._begin()
            else:
                self.caution.interrupt()
            self._held = False
        self.followed = followed

    def joints(self, position: np.ndarray, velocity: np.ndarray, stamp: int) -> None:
        """Takes (A,) positions [rad, m] and velocities, measured at `stamp` [ns]."""
        self._joints, self._joint_stamp = (position, velocity), stamp

    def frame(self, camera: str, image: np.ndarray, stamp: int, now: int) -> None:
        """Takes a camera's processed image (h, w, 3) taken at `stamp`, arrived at `now` [ns]."""
        held = self._cameras[camera]
        arm = np.zeros(0) if self._joints is None else self._joints[0][: len(self.spec.joints)]
        if held.image is not None and np.array_equal(held.image, image):
            held.equal += 1
        else:
            held.equal, held.position = 1, arm
        held.image, held.stamp, held.fresh = image, stamp, stamp != held.stamp
        held.delay = (now - stamp) * 1e-6

    def step(self, now: int, steady: float, done: np.ndarray | None = None) -> Decided | None:
        """Returns a decision if one is due and may be made; `reasons` says why not.

        `now` [ns] is the clock of the stamps, `steady` [s] the clock of periods. `done` (A,) is
        what the arm did since the last decision, if that is not what was chosen: what the policy
        is told at its next step, as training is.
        """
        if not all(camera.fresh for camera in self._cameras.values()):
            return None
        stamps = {name: camera.stamp for name, camera in self._cameras.items()}
        stamp = min(stamp for stamp in stamps.values() if stamp is not None)
        early = 0 if self._due is None else self._due - stamp
        if 0 < early < 2e9 * self.spec.period:  # further off, the clock has jumped
            return None
        self.reasons = (*gate(stamps, self._joint_stamp, now, self.limits), *self._frozen())
        if self.reasons:
            self.refused += 1
            return None
        self.count_missed(steady)
        self._last = steady
        self._advance(stamp)
        if done is not None:
            self._state = after(self._state, done)
        return self._decide(self._observe(stamp))._replace(done=done)

    def count_missed(self, steady: float) -> None:
        """Counts the periods without a step up to `steady` [s]."""
        while self._last is not None and steady - self._last > LATEST * self.spec.period:
            self.missed += 1
            self._last += self.spec.period

    def _begin(self) -> None:
        self._state = self.policy.initial()
        self.caution.forget()

    def _advance(self, stamp: int) -> None:
        period = round(1e9 * self.spec.period)
        early = round((1 - SOONEST) * period)
        due = stamp if self._due is None else self._due + early  # without the tolerance
        self._due = (due if abs(stamp - due) < period else stamp) + period - early

    def _frozen(self) -> list[str]:
        if self._joints is None:
            return []
        arm = self._joints[0][: len(self.spec.joints)]
        return [
            f'{name}:frozen'
            for name, camera in self._cameras.items()
            if camera.equal >= FROZEN_FRAMES
            and camera.position.size
            and np.abs(arm - camera.position).max() > FROZEN_MOTION
        ]

    def _observe(self, stamp: int) -> Observation:
        images = {}
        for name, camera in self._cameras.items():
            assert camera.image is not None, name
            images[name] = camera.image
            camera.fresh = False
        body = proprioception(self.spec, *self._joints) if self._joints else None
        return Observation(images=images, proprioception=body, stamp=stamp)

    def _decide(self, seen: Observation) -> Decided:
        begin = time.perf_counter()
        chosen = self.policy.step(seen.images, seen.proprioception, self._state)
        inference = (time.perf_counter() - begin) * 1e3
        scale = self.caution.take(chosen.surprise) if self.followed else 1.0
        body = seen.proprioception
        decision = Decision(
            stamp=seen.stamp,
            episode=self._episode,
            number=self._number,
            action=tuple(chosen.action.tolist()),
            disagreement=float(chosen.disagreement),
            surprise=float(chosen.surprise),
            speed_scale=scale,
            proprioception=None if body is None else tuple(body.tolist()),
            image_latency=max(camera.delay for camera in self._cameras.values()),
            inference_latency=inference,
            request_latency=0.0,
            missed=self.missed,
        )
        self._state = chosen.state
        self._number += 1
        self.decisions += 1
        return Decided(observation=seen, decision=decision)


def requested_at(decision: Decision, now: int) -> Decision:
    """Returns the decision with its latency from the image's stamp to a request at `now` [ns]."""
    return replace(decision, request_latency=(now - decision.stamp) * 1e-6)


def limits_of(policy: Policy) -> SurpriseLimits | None:
    """Returns the limits of a policy's surprise; None: nothing that it sees slows the arm."""
    found: SurpriseLimits | None = getattr(policy, 'surprise_limits', None)
    return found


class PolicySlot:
    """The policy in use and the one before it; `reload` and `rollback` swap between episodes.

    The bundle is a folder, or a link to one or a file that names one; a fine-tuning moves these
    on. A bundle that is refused leaves the one in use as it was (docs/safety.md, fault 30). One
    that was given up is not begun with: the one before it is, unless a person has it back. While
    a name-file is followed, what was kept is begun with, and what is named is tried beside it.
    """

    def __init__(self, params: PolicyParams, spec: Spec, setup: Setup | None = None) -> None:
        """Loads and verifies for a robot's spec; raises BundleError with path and cause."""
        self._params, self._spec, self._setup = params, spec, setup or Setup()
        self.policy = self._first()
        self._previous: Policy | None = None
        self._compared: tuple[Policy, tuple[str, ...]] | None = None

    @property
    def differences(self) -> tuple[str, ...]:
        """How the setup that the policy learned under, if it is known, and the robot's differ."""
        if self._compared is None or self._compared[0] is not self.policy:
            learned = getattr(self.policy, 'setup', Setup())
            found = () if learned == Setup() else tuple(setup_mismatches(learned, self._setup))
            self._compared = (self.policy, found)
        return self._compared[1]

    def reload(self, busy: bool) -> str:
        """Loads the bundle anew from its place and returns its hash.

        Raises BundleError while an episode runs (`busy`), if the bundle is refused or in use
        already, ConfigError for a file that names none.
        """
        _refuse_if(busy)
        following = self._load(named_folder(self._params.bundle))
        if following.hash == self.policy.hash and self._params.bundle not in BUILT_IN:
            raise BundleError(
                f"'{self._params.bundle}' is still the bundle in use, {following.hash[:12]}: "
                'nothing was swapped. A folder is one bundle for good; start with policy:=<a file '
                "that holds the folder's path> (moto-export --name-file), and write the next one "
                'into it'
            )
        self._take_back(following)
        return self.swap(following)

    def swap(self, following: Policy) -> str:
        """Takes a policy that was loaded already, and returns its hash."""
        self._previous, self.policy = self.policy, following
        return following.hash

    def find(self, known: frozenset[str]) -> Policy | None:
        """Loads what the name-file names now, unless its hash is known.

        Raises BundleError or ConfigError as `reload` does, and for one without limits of the
        surprise after one that has them.
        """
        folder = self._to_run()
        if folder.name in known:
            return None
        following = self._load(folder)
        if limits_of(self.policy) is not None and limits_of(following) is None:
            raise BundleError(
                f"'{folder}' has no limits of the surprise, and the policy in use has them: "
                'nothing that it sees would slow or hold the arm. Give it ordinary episodes '
                "(moto-finetune --held-out DATASET), or call 'reload' to have it all the same"
            )
        return following

    def named(self) -> str:
        """Returns the hash that the name-file names now; raises MotoError as `find` does."""
        return self._to_run().name

    def given_up(self, policy: Policy, why: str) -> Callable[[], None]:
        """Returns what writes down that a policy was given up for the one in use."""
        assert isinstance(policy, OnnxPolicy)
        return partial(give_up, policy.path, why, self.policy.hash)

    def kept(self, policy: Policy) -> Callable[[], None]:
        """Returns what writes down that a policy is what the robot begins with from now on."""
        assert isinstance(policy, OnnxPolicy)
        return partial(keep, Path(self._params.bundle), policy.path)

    def _first(self) -> Policy:
        kept = kept_folder(Path(self._params.bundle)) if self._params.follow else None
        return make_policy(self._params, self._spec) if kept is None else self._load(kept)

    def _to_run(self) -> Path:
        return folder_to_run(self._params.bundle).resolve()

    def _load(self, folder: Path) -> Policy:
        return make_policy(replace(self._params, bundle=str(folder)), self._spec)

    def _take_back(self, policy: Policy) -> None:
        if isinstance(policy, OnnxPolicy):
            take_back(policy.path)

    def back(self) -> None:
        """Goes back from a policy that is given up: no `rollback` leads to it again."""
        assert self._previous is not None
        self.policy, self._previous = self._previous, None

    def rollback(self, busy: bool) -> str:
        """Goes back to the policy before the last swap, and returns its hash.

        Raises BundleError if there is none, or while an episode runs (`busy`).
        """
        if self._previous is None:
            raise BundleError(
                f'there is no policy before {self.policy.hash[:12]} to go back to: none was '
                'swapped since the node began (a restart forgets the one before), or it went back '
                'by itself. For another one start with policy:=<its folder>, or write that folder '
                'into the name-file'
            )
        _refuse_if(busy)
        self._take_back(self._previous)
        self._previous, self.policy = self.policy, self._previous
        return self.policy.hash


def make_policy(params: PolicyParams, spec: Spec) -> Policy:
    """Returns the policy that the parameters name; raises MotoError with path and cause."""
    if params.bundle == 'zero':
        return ZeroPolicy(spec)
    if params.bundle == 'random':
        return RandomPolicy(spec, params.seed)
    if params.bundle == PERSON:
        return PersonPolicy(spec)
    return OnnxPolicy(folder_to_run(params.bundle), threads=params.threads, robot=spec)


def _refuse_if(busy: bool) -> None:
    if busy:
        raise BundleError(f'{IN_EPISODE}; stop the episode, then swap')
