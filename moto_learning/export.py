"""From an agent to a policy bundle: two ONNX files, a manifest and a self-test of 50 steps.

In: an Agent and recorded episodes. Out: a bundle folder that onnxruntime has already repeated.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from moto_core.bundle import Manifest, write_bundle
from moto_core.config import to_dict
from moto_core.errors import BundleError
from moto_core.policy import OnnxPolicy
from moto_core.signature import encoder_signature, policy_signature
from moto_core.spec import Spec
from moto_learning.agent import Agent
from moto_learning.onnx_graph import EncoderGraph, PolicyGraph, PolicyOutput, graphs, to_onnx
from moto_learning.replay_cache import CachedEpisode
from moto_learning.rssm import disagreement

STEPS = 50                         # of the self-test
MARGIN = 1e-3                      # by which the winner of each category leads in its states
TRIES = 16                         # frames looked at for a step with that margin
MEASURED = 8                       # episodes that the uncertainty threshold is taken from


class Frame(NamedTuple):
    """What the policy sees at one step."""

    images: dict[str, np.ndarray]              # camera: (h, w, 3) uint8
    proprioception: np.ndarray | None          # (P,) float32


def export_bundle(agent: Agent, folder: Path | str, episodes: Sequence[CachedEpisode] = (),
                  parent: str = '', git_hash: str = '') -> Path:
    """Writes folder/<hash> and returns its path, once onnxruntime has repeated its self-test.

    `episodes` are all those that the agent learned from: their ids go into the manifest, some of
    their frames into the self-test, their largest uncertainty becomes the threshold. Without them
    the self-test sees drawn images and there is no threshold. `parent` is the hash of the bundle
    that this one was fine-tuned from.
    Raises BundleError where onnxruntime's results differ from torch's: no bundle is left then.
    """
    encoder, policy = graphs(agent)
    spec, rssm = agent.spec, agent.world_model.rssm
    embed, deter = agent.world_model.encoder.size, rssm.config.deter
    sees = encoder_signature(spec, embed)
    chooses = policy_signature(spec, embed, deter, rssm.feat_size - deter)
    frames = list(islice(_frames(episodes), TRIES * STEPS)) or drawn_frames(spec, 2 * STEPS)
    manifest = Manifest(
        spec, sees, chooses, to_dict(agent.config), git_hash,
        sorted(episode.id for episode in episodes), parent,
        uncertainty_threshold(agent, _spread(episodes, MEASURED)))
    existed = {path.name for path in Path(folder).glob('*')}
    path = write_bundle(folder, to_onnx(encoder, sees, spec), to_onnx(policy, chooses, spec),
                        manifest, selftest(encoder, policy, spec, frames))
    try:
        OnnxPolicy(path, latency_limit=float('inf'))
    except BundleError:
        if path.name not in existed:
            shutil.rmtree(path)
        raise
    return path


def selftest(encoder: EncoderGraph, policy: PolicyGraph, spec: Spec,
             frames: Sequence[Frame]) -> dict[str, np.ndarray]:
    """Returns selftest.npz's arrays: 50 steps in torch with carried state (moto_core.selftest).

    Of the coming frames each step takes the first in which every category of the posterior wins
    by MARGIN, or the best of TRIES: a near tie, decided by the last bit of a sum, would make the
    self-test fail on another processor though nothing is wrong.
    """
    random = np.random.default_rng(0)
    c, size = policy.rssm.config, spec.action_size
    state = [torch.from_numpy(random.normal(size=(1, n)).astype(np.float32))
             for n in (c.deter, c.stoch * c.classes, size)]
    start = dict(zip(('deter', 'stoch', 'previous_action'), (part.numpy() for part in state)))
    coming, rows = cycle(frames), []
    for t in range(STEPS):
        first, best = torch.full((1,), float(t == 0)), -1.0
        for frame in islice(coming, TRIES):
            out = policy.step(encoder(*_tensors(frame)), state[0], state[1], state[2], first)
            margin = _margin(out)
            if margin > best:
                best, chosen, result = margin, frame, out
            if margin >= MARGIN:
                break
        state = [result.next_deter, result.next_stoch, result.action]
        rows.append({**{f'image_{name}': image for name, image in chosen.images.items()},
                     **({} if chosen.proprioception is None
                        else {'proprioception': chosen.proprioception}),
                     'is_first': first[0].numpy(), 'action': result.action[0].numpy(),
                     'next_deter': result.next_deter[0].numpy(),
                     'next_stoch': result.next_stoch[0].numpy(),
                     'uncertainty': result.uncertainty[0].numpy()})
    return {**start, **{name: np.stack([row[name] for row in rows]) for name in rows[0]}}


def uncertainty_threshold(agent: Agent, episodes: Sequence[CachedEpisode]) -> float | None:
    """Returns the largest uncertainty of the policy's actions along recorded episodes, or None.

    The states are filtered from the recorded actions; the actions asked about are the policy's.
    """
    largest = [float(uncertainties(agent, episode).max()) for episode in episodes if len(episode)]
    return max(largest, default=None)


@torch.no_grad()
def uncertainties(agent: Agent, episode: CachedEpisode) -> np.ndarray:
    """Returns u (T,) of the policy's action at each step of a recorded episode."""
    device, rssm = agent.device, agent.world_model.rssm
    images = {name: torch.from_numpy(np.array(stack)).to(device)
              for name, stack in episode.images.items()}
    vector = episode.proprioception
    body = None if vector is None else torch.from_numpy(np.array(vector)).to(device)
    embed = agent.world_model.encoder(images, body)                        # (T, E)
    before = np.concatenate([np.zeros_like(episode.requested[:1]), episode.requested[:-1]])
    post = rssm.observe(embed[None], torch.from_numpy(before).to(device)[None],
                        torch.from_numpy(np.array(episode.is_first)).to(device)[None])
    flat = type(post)(*(part[0] for part in post))
    _, logits = rssm.img_step(flat, agent.actor(flat.feat).mode())
    c = agent.config.actor_critic.uncertainty
    return disagreement(logits, c.logits, c.reduce).cpu().numpy()


def drawn_frames(spec: Spec, count: int, seed: int = 0) -> list[Frame]:
    """Returns frames of smooth random colours and normal proprioception."""
    random = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
        images = {name: cv2.resize(coarse, (camera.width, camera.height),
                                   interpolation=cv2.INTER_CUBIC)
                  for name, camera in spec.cameras.items()}
        vector = random.normal(size=spec.proprioception_size).astype(np.float32)
        frames.append(Frame(images, vector if spec.proprioception_size else None))
    return frames


def _frames(episodes: Sequence[CachedEpisode]) -> Iterator[Frame]:
    for episode in _spread(episodes, MEASURED):
        for t in range(len(episode)):
            images = {name: np.array(stack[t]) for name, stack in episode.images.items()}
            vector = episode.proprioception
            yield Frame(images, None if vector is None else np.asarray(vector[t], np.float32))


def _spread(episodes: Sequence[CachedEpisode], count: int) -> list[CachedEpisode]:
    ordered = sorted(episodes, key=lambda episode: episode.id)
    step = max(1, len(ordered) // count)
    return ordered[::step][:count]


def _tensors(frame: Frame) -> list[torch.Tensor]:
    parts = [*frame.images.values()]
    if frame.proprioception is not None:
        parts.append(frame.proprioception)
    return [torch.from_numpy(part)[None] for part in parts]


def _margin(out: PolicyOutput) -> float:
    if not all(bool(part.isfinite().all()) for part in out):
        raise BundleError('the agent gives values that are not finite; '
                          'export an earlier checkpoint')
    if out.logit.shape[-1] == 1:
        return float('inf')
    two = out.logit.topk(2, -1).values                                     # (1, S, 2)
    return float((two[..., 0] - two[..., 1]).min())
