"""Policies: what turns the images of one decision into an action, the state passed in and out.

In: processed images, proprioception, state. Out: PolicyStep (action, doubts, next state).
OnnxPolicy runs a bundle; ZeroPolicy and RandomPolicy need none. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from moto_core.errors import BundleError, ObservationError, one_line
from moto_core.policy.bundle import read_bundle
from moto_core.policy.onnx_session import open_session, session_signature
from moto_core.policy.selftest import SelfTest, run_selftest
from moto_core.policy.signature import (
    STATE,
    Signature,
    Tensor,
    encoder_signature,
    policy_signature,
    signature_mismatches,
)
from moto_core.spec import Spec, spec_mismatches

OUTPUTS = ['action', 'next_deter', 'next_stoch', 'disagreement', 'surprise']
PolicyState = dict[str, np.ndarray]
"""'deter' (1, D), 'stoch' (1, S*K), 'previous_action' (1, A), 'is_first' (1,), all float32.

The names are those of policy.onnx; a policy that carries nothing has an empty one.
"""


class PolicyStep(NamedTuple):
    """One decision and the state after it; a later step writes to no array of it."""

    action: np.ndarray  # (A,) float32 as the network gives it, also if it is not finite
    disagreement: float  # mean over S*K of the std over members' logits
    state: PolicyState  # to pass to the next step
    surprise: float = 0.0  # [nats] about what it saw; 0 at the first step, or without a model


def after(state: PolicyState, done: np.ndarray) -> PolicyState:
    """Returns the state in which (A,) `done` is the action that led to what is seen next.

    It was another one than the policy chose: a person drove, or the arm was held.
    """
    if 'previous_action' not in state:
        return state
    return {**state, 'previous_action': np.asarray(done, np.float32)[None]}


class Policy(Protocol):
    """What the robot, the simulator and the evaluation run."""

    @property
    def spec(self) -> Spec:
        """What the policy sees and commands."""

    @property
    def hash(self) -> str:
        """The bundle's hash, or a name if there is no bundle."""

    def initial(self) -> PolicyState:
        """Returns the state before an episode's first step."""

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the action for {camera: (h, w, 3) uint8}, (P,) or None, and a state."""


class OnnxPolicy:
    """Runs a policy bundle in onnxruntime; the same images and state give the same action."""

    def __init__(
        self,
        bundle: Path | str,
        providers: Sequence[str] = ('CPUExecutionProvider',),
        threads: int = 1,
        robot: Spec | None = None,
        latency_limit: float | None = None,
    ) -> None:
        """Loads a bundle and checks hashes, networks against the spec, self-test and latency.

        `providers` are tried in order and the first that works is used: the processor replaces a
        missing GPU only if 'CPUExecutionProvider' is listed too. `robot` is the spec of the robot
        it is to run on. `latency_limit` [s] bounds the self-test's 90th percentile; by default
        half a period of the spec.
        Raises BundleError with the path and the cause; every mismatch is in one message.
        """
        read = read_bundle(bundle)
        self.spec, self.hash, self.path = read.manifest.spec, read.hash, read.path
        self.setup, self.surprise_limits = read.manifest.setup, read.manifest.surprise_limits
        self.disagreement_threshold = read.manifest.disagreement_threshold
        self._encoder, self.provider = open_session(
            read.path / 'encoder.onnx', read.encoder, providers, threads
        )
        self._policy, _ = open_session(
            read.path / 'policy.onnx', read.policy, [self.provider], threads
        )
        encoder, policy = session_signature(self._encoder), session_signature(self._policy)
        _check_signatures(read.path, self.spec, robot, encoder, policy)
        self._inputs = {
            f'image_{name}': (name, (camera.height, camera.width, 3))
            for name, camera in self.spec.cameras.items()
        }
        self._sizes = {name: policy.inputs[name].shape for name in STATE}
        limit = self.spec.period / 2 if latency_limit is None else latency_limit
        self.selftest: SelfTest = run_selftest(self.step, read, encoder, policy, limit)

    def initial(self) -> PolicyState:
        """Returns zeros with is_first set: the network starts its own state from that flag."""
        state = {name: np.zeros(shape, np.float32) for name, shape in self._sizes.items()}
        return {**state, 'is_first': np.ones(1, np.float32)}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the action (A,), the disagreement, the next state and the surprise.

        Raises ObservationError if an image or the proprioception does not fit the spec.
        A non-finite output is passed on as it is: the guard refuses it.
        """
        embed = self._encoder.run(None, self._observe(images, proprioception))[0]
        action, deter, stoch, disagreement, surprise = self._policy.run(
            OUTPUTS, {'embed': embed, **state}
        )
        following = {
            'deter': deter,
            'stoch': stoch,
            'previous_action': action,
            'is_first': np.zeros(1, np.float32),
        }
        return PolicyStep(
            action=action[0].copy(),
            disagreement=float(disagreement[0]),
            state=following,
            surprise=float(surprise[0]),
        )

    def _observe(
        self, images: Mapping[str, np.ndarray], proprioception: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        feed = {}
        for key, (name, shape) in self._inputs.items():
            image = images.get(name)
            if image is None or image.shape != shape or image.dtype != np.uint8:
                found = 'nothing' if image is None else f'{image.shape} {image.dtype}'
                raise ObservationError(f"camera '{name}': expected {shape} uint8 RGB, got {found}")
            feed[key] = image[None]
        size = self.spec.proprioception_size
        if size:
            if proprioception is None or proprioception.shape != (size,):
                found = 'nothing' if proprioception is None else str(proprioception.shape)
                raise ObservationError(f'proprioception: expected ({size},) float32, got {found}')
            feed['proprioception'] = proprioception[None].astype(np.float32, copy=False)
        return feed


class ZeroPolicy:
    """Asks for no motion."""

    hash = 'zero'

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def initial(self) -> PolicyState:
        """Returns the empty state."""
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns zeros; their disagreement is 0."""
        return PolicyStep(np.zeros(self.spec.action_size, np.float32), 0.0, state)


class RandomPolicy:
    """Asks for uniform actions in [-1, 1], the same sequence for the same seed."""

    hash = 'random'

    def __init__(self, spec: Spec, seed: int = 0) -> None:
        self.spec = spec
        self._random = np.random.default_rng(seed)

    def initial(self) -> PolicyState:
        """Returns the empty state; the sequence goes on over episodes."""
        return {}

    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns a random action; its disagreement is 0."""
        action = self._random.uniform(-1, 1, self.spec.action_size)
        return PolicyStep(action.astype(np.float32), 0.0, state)


def _check_signatures(
    path: Path, spec: Spec, robot: Spec | None, encoder: Signature, policy: Signature
) -> None:
    """Raises BundleError with all that keeps the networks from their spec, and it off the robot.

    The sizes E, D and S*K are those of policy.onnx; all else follows from the spec.
    """
    sizes = [_size(policy.inputs.get(name)) for name in ('embed', 'deter', 'stoch')]
    wrong = [] if robot is None else spec_mismatches(spec, robot)
    wrong += signature_mismatches('encoder.onnx', encoder_signature(spec, sizes[0]), encoder)
    wrong += signature_mismatches('policy.onnx', policy_signature(spec, *sizes), policy)
    if wrong:
        raise BundleError(f"bundle '{path}' does not fit: {one_line('; '.join(wrong), 4000)}")


def _size(tensor: Tensor | None) -> int:
    """Returns the last axis of a tensor; 1, which will not fit, for an open or an empty one."""
    size = tensor.shape[-1] if tensor is not None and tensor.shape else 1
    return size if isinstance(size, int) and size > 0 else 1
