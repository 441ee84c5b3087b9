"""The steps of a bundle's self-test: what is observed, and what the networks make of it in torch.

In: a learner's networks, recorded observations or drawn ones. Out: the arrays of selftest.npz.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import cv2
import numpy as np
import torch

from moto_core.errors import BundleError
from moto_core.observation import Observation
from moto_core.policy.signature import STATE
from moto_core.spec import Spec
from moto_learning.agents.decide import PolicyOutput
from moto_learning.agents.policy_graph import Graphs
from moto_learning.data.cache import CachedEpisode

STEPS = 50  # of the self-test
MARGIN = 1e-3  # by which the winner of each category leads in its states
TRIES = 16  # observations looked at for a step with that margin


def selftest(
    graphs: Graphs, spec: Spec, observations: Sequence[Observation]
) -> tuple[dict[str, np.ndarray], float]:
    """Returns the arrays of selftest.npz, 50 steps in torch with carried state, and their margin.

    Of the coming observations each step takes the first in which every category of the posterior
    wins by MARGIN, or the best of TRIES: a near tie, decided by the last bit of a sum, would make
    the self-test fail on another processor though nothing is wrong. The margin is the lead
    [logits] of the least clear winner of all.
    Raises BundleError if the networks give values that are not finite.
    """
    state = _start(graphs, spec.action_size)
    start = dict(zip(STATE, (part.numpy() for part in state)))
    coming, rows, least = cycle(observations), [], float('inf')
    for t in range(STEPS):
        first, best = torch.full((1,), float(t == 0)), -1.0
        for seen in islice(coming, TRIES):
            out = graphs.policy.step(
                graphs.encoder(*encoder_inputs(seen)), state[0], state[1], state[2], first
            )
            margin = _margin(out)
            if margin > best:
                best, chosen, result = margin, seen, out
            if margin >= MARGIN:
                break
        state = [result.post.deter, result.post.stoch, result.action]
        outputs = {
            'action': result.action,
            'next_deter': result.post.deter,
            'next_stoch': result.post.stoch,
            'disagreement': result.disagreement,
            'surprise': result.surprise,
        }
        rows.append(
            {
                **_inputs(chosen),
                'is_first': first[0].numpy(),
                **{name: value[0].numpy() for name, value in outputs.items()},
            }
        )
        least = min(least, best)
    arrays = {**start, **{name: np.stack([row[name] for row in rows]) for name in rows[0]}}
    return arrays, least


def recorded_observations(episodes: Sequence[CachedEpisode]) -> Iterator[Observation]:
    """Yields the observations of recorded episodes, one episode after another."""
    for episode in episodes:
        for t in range(len(episode)):
            images = {name: np.array(stack[t]) for name, stack in episode.images.items()}
            vector = episode.proprioception
            yield Observation(
                images=images,
                proprioception=None if vector is None else np.array(vector[t], np.float32),
                stamp=int(episode.stamp[t]),
            )


def drawn_observations(spec: Spec, count: int, seed: int = 0) -> list[Observation]:
    """Returns observations of smooth random colours and normal proprioception."""
    random = np.random.default_rng(seed)
    found = []
    for index in range(count):
        coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
        images = {
            name: cv2.resize(coarse, (camera.width, camera.height), interpolation=cv2.INTER_CUBIC)
            for name, camera in spec.cameras.items()
        }
        vector = random.normal(size=spec.proprioception_size).astype(np.float32)
        found.append(
            Observation(
                images=images,
                proprioception=vector if spec.proprioception_size else None,
                stamp=index,
            )
        )
    return found


def _start(graphs: Graphs, action: int) -> list[torch.Tensor]:
    """Returns a state that is not zero: the first step's is_first must make it so."""
    random = np.random.default_rng(0)
    return [
        torch.from_numpy(random.normal(size=(1, size)).astype(np.float32))
        for size in (graphs.deter, graphs.stoch, action)
    ]


def _inputs(seen: Observation) -> dict[str, np.ndarray]:
    inputs = {f'image_{name}': image for name, image in seen.images.items()}
    if seen.proprioception is not None:
        inputs['proprioception'] = seen.proprioception
    return inputs


def encoder_inputs(seen: Observation) -> list[torch.Tensor]:
    """Returns an observation as the encoder takes it, batch 1."""
    return [torch.from_numpy(part)[None] for part in _inputs(seen).values()]


def _margin(out: PolicyOutput) -> float:
    """Returns the lead [logits] of the least clear category of a decision's state."""
    given = (*out.post, out.action, out.disagreement, out.surprise)
    if not all(bool(part.isfinite().all()) for part in given):
        raise BundleError(
            'the learner gives values that are not finite; export an earlier checkpoint'
        )
    logit = out.post.logit
    if logit.shape[-1] == 1:
        return float('inf')
    two = logit.topk(2, -1).values  # (1, S, 2)
    return float((two[..., 0] - two[..., 1]).min())
