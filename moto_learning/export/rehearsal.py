"""The steps of a bundle's self-test: which frames, and what the networks make of them in torch.

In: the networks of a learner, recorded frames or drawn ones. Out: the arrays of selftest.npz.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

import cv2
import numpy as np
import torch

from moto_core.errors import BundleError
from moto_core.spec import Spec
from moto_learning.agents.policy_graph import Graphs, PolicyOutput
from moto_learning.data.cache import CachedEpisode

STEPS = 50  # of the self-test
MARGIN = 1e-3  # by which the winner of each category leads in its states
TRIES = 16  # frames looked at for a step with that margin


class Frame(NamedTuple):
    """What the policy sees at one step."""

    images: dict[str, np.ndarray]  # camera: (h, w, 3) uint8
    proprioception: np.ndarray | None  # (P,) float32


class Margins(NamedTuple):
    """How clearly the states of a self-test are decided."""

    least: float  # lead of the least clear winner, in logits
    passed_over: int  # frames not taken for their near ties


def selftest(
    graphs: Graphs, spec: Spec, frames: Sequence[Frame]
) -> tuple[dict[str, np.ndarray], Margins]:
    """Returns the arrays of selftest.npz: 50 steps in torch with carried state.

    Of the coming frames each step takes the first in which every category of the posterior wins
    by MARGIN, or the best of TRIES: a near tie, decided by the last bit of a sum, would make the
    self-test fail on another processor though nothing is wrong.
    Raises BundleError where the networks give values that are not finite.
    """
    state = _start(graphs, spec.action_size)
    start = dict(zip(('deter', 'stoch', 'previous_action'), (part.numpy() for part in state)))
    coming, rows, least, seen = cycle(frames), [], float('inf'), 0
    for t in range(STEPS):
        first, best = torch.full((1,), float(t == 0)), -1.0
        for frame in islice(coming, TRIES):
            out = graphs.policy.step(
                graphs.encoder(*frame_tensors(frame)), state[0], state[1], state[2], first
            )
            margin, seen = _margin(out), seen + 1
            if margin > best:
                best, chosen, result = margin, frame, out
            if margin >= MARGIN:
                break
        state = [result.next_deter, result.next_stoch, result.action]
        rows.append(
            {
                **_inputs(chosen),
                'is_first': first[0].numpy(),
                **{
                    name: getattr(result, name)[0].numpy()
                    for name in ('action', 'next_deter', 'next_stoch', 'disagreement')
                },
            }
        )
        least = min(least, best)
    arrays = {**start, **{name: np.stack([row[name] for row in rows]) for name in rows[0]}}
    return arrays, Margins(least, seen - STEPS)


def recorded_frames(episodes: Sequence[CachedEpisode]) -> Iterator[Frame]:
    """Yields the frames of recorded episodes, one episode after another."""
    for episode in episodes:
        for t in range(len(episode)):
            images = {name: np.array(stack[t]) for name, stack in episode.images.items()}
            vector = episode.proprioception
            yield Frame(images, None if vector is None else np.array(vector[t], np.float32))


def drawn_frames(spec: Spec, count: int, seed: int = 0) -> list[Frame]:
    """Returns frames of smooth random colours and normal proprioception."""
    random = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
        images = {
            name: cv2.resize(coarse, (camera.width, camera.height), interpolation=cv2.INTER_CUBIC)
            for name, camera in spec.cameras.items()
        }
        vector = random.normal(size=spec.proprioception_size).astype(np.float32)
        frames.append(Frame(images, vector if spec.proprioception_size else None))
    return frames


def _start(graphs: Graphs, action: int) -> list[torch.Tensor]:
    """Returns a state that is not zero: the first step's is_first must make it so."""
    random = np.random.default_rng(0)
    return [
        torch.from_numpy(random.normal(size=(1, size)).astype(np.float32))
        for size in (graphs.deter, graphs.stoch, action)
    ]


def _inputs(frame: Frame) -> dict[str, np.ndarray]:
    inputs = {f'image_{name}': image for name, image in frame.images.items()}
    if frame.proprioception is not None:
        inputs['proprioception'] = frame.proprioception
    return inputs


def frame_tensors(frame: Frame) -> list[torch.Tensor]:
    """Returns a frame as the encoder takes it, batch 1."""
    return [torch.from_numpy(part)[None] for part in _inputs(frame).values()]


def _margin(out: PolicyOutput) -> float:
    if not all(bool(part.isfinite().all()) for part in out):
        raise BundleError(
            'the learner gives values that are not finite; export an earlier checkpoint'
        )
    if out.logit.shape[-1] == 1:
        return float('inf')
    two = out.logit.topk(2, -1).values  # (1, S, 2)
    return float((two[..., 0] - two[..., 1]).min())
