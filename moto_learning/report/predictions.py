"""What the world model expects to see: reconstructions, then predictions from the actions alone.

In: a run, a dataset, an episode's id. Out: the episode's frames and the model's, row for row.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.errors import ConfigError
from moto_learning.agents.moto import MotoLearner
from moto_learning.data.batch import previous_actions
from moto_learning.model.rssm import State
from moto_learning.run.checkpoints import load_learner


class Prediction(NamedTuple):
    """Frames of one camera; the model saw the first `context` of them."""

    truth: np.ndarray  # (T, h, w, 3) uint8
    predicted: np.ndarray  # (T, h, w, 3) uint8
    context: int  # rows
    period: float  # [s] between rows


def predict_episode(
    run: Path, data: Path, episode: str, context: int = 4, rows: int = 12
) -> Prediction:
    """Returns `rows` evenly spaced frames of an episode, and the last checkpoint's of them.

    The model sees every frame up to the `context`'th of those rows and only actions after it.
    """
    learner = load_learner(run)
    if not isinstance(learner, MotoLearner):
        raise ConfigError(
            f"the run '{run}' has agent '{learner.config.agent}'; only 'moto' predicts"
        )
    with Dataset.open(data) as dataset:
        recorded = dataset.read(episode)
    camera = next(iter(learner.spec.cameras))
    shown = np.unique(np.linspace(0, len(recorded.reward) - 1, rows).round().astype(int))
    seen = int(shown[context - 1]) + 1
    predicted = open_loop(learner, recorded, seen)[camera]
    stride = float(np.diff(shown).mean()) if len(shown) > 1 else 1.0
    return Prediction(
        truth=recorded.images[camera][shown],
        predicted=predicted[shown],
        context=context,
        period=stride * learner.spec.period,
    )


@torch.no_grad()
def open_loop(learner: MotoLearner, episode: Episode, seen: int) -> dict[str, np.ndarray]:
    """Returns the model's frames {camera: (T, h, w, 3) uint8} of an episode of T rows.

    Rows before `seen` come from the posterior, the rest from the mean of the priors by the
    requested actions; nothing is random.
    """
    model = learner.world_model
    images = {
        name: torch.as_tensor(frames[:seen])[None] for name, frames in episode.images.items()
    }
    state = episode.proprioception
    embed = model.encoder(images, None if state is None else torch.as_tensor(state[:seen])[None])
    edges = episode.is_first | episode.gap
    led = torch.as_tensor(previous_actions(episode.requested, edges))  # (T, A)
    first = torch.as_tensor(edges[None, :seen])
    post = model.rssm.observe(embed, led[None, :seen], first)  # (1, seen, ...)
    feat = post.feat[0]
    if seen < len(led):
        last = State(*(part[:, -1] for part in post))
        imagined = model.rssm.imagine(led[None, seen:], last)  # (1, T - seen, ...)
        feat = torch.cat([feat, imagined.feat[0]])  # (T, F)
    return {name: _frames(mean) for name, mean in model.decoder(feat).items()}


def _frames(mean: torch.Tensor) -> np.ndarray:
    """Returns (T, h, w, 3) uint8 of images (T, 3, h, w) about 0."""
    return ((mean + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
