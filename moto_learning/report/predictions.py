"""What the world model makes of an episode: reconstructions, then predictions by actions alone.

In: a world model, an episode. Out: posterior states row for row, states ahead of them, frames.

    row       t      t+1    t+2    t+3
    ahead 0   post   post   post   post        saw the camera at each
    ahead k          t+1    t+2    t+3         from the posterior of row t, by a_t, a_(t+1), ...
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import Episode
from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.agents.learner import Learner
from moto_learning.data.batch import done_actions, previous_actions
from moto_learning.data.followed import let_through
from moto_learning.model.rssm import State
from moto_learning.model.world_model import WorldModel
from moto_learning.run.checkpoints import load_learner


class Prediction(NamedTuple):
    """Frames of one camera; the model saw the first `context` of them."""

    truth: np.ndarray  # (T, h, w, 3) uint8
    predicted: np.ndarray  # (T, h, w, 3) uint8
    context: int  # rows
    period: float  # [s] between rows


class Ahead(NamedTuple):
    """States that the model expects from the actions alone, `steps` ahead of each start."""

    states: State  # (N, K, ...), 1 to K steps after each of N starts
    rows: np.ndarray  # (N, K), the row of the episode that each is a prediction of
    whole: np.ndarray  # (N, K) bool, that row is there, with no gap on the way


def world_model_of(learner: Learner) -> WorldModel | None:
    """Returns the learner's world model; None for one that learns without."""
    model = getattr(learner, 'world_model', None)
    return model if isinstance(model, WorldModel) else None


def predict_episode(
    run: Path, data: Path, episode: str, context: int = 4, rows: int = 12
) -> Prediction:
    """Returns `rows` evenly spaced frames of an episode, and the last checkpoint's of them.

    Raises ConfigError if the run has no world model.
    """
    learner = load_learner(run)
    model = world_model_of(learner)
    if model is None:
        raise ConfigError(
            f"the run '{run}' has agent '{learner.config.agent}', which has no world model: it "
            'predicts nothing'
        )
    with Dataset.open(data) as dataset:
        return predict(model, learner.spec, dataset.read(episode), context, rows)


def predict(
    model: WorldModel, spec: Spec, episode: Episode, context: int = 4, rows: int = 12
) -> Prediction:
    """Returns `rows` evenly spaced frames of an episode, and the model's of them.

    The model sees every frame up to the `context`'th of those rows and only actions after it.
    """
    camera = next(iter(spec.cameras))
    shown = np.unique(np.linspace(0, len(episode) - 1, rows).round().astype(int))
    context = min(context, len(shown))
    seen = int(shown[context - 1]) + 1
    predicted = open_loop(model, episode, seen)[camera]
    stride = float(np.diff(shown).mean()) if len(shown) > 1 else 1.0
    return Prediction(
        truth=episode.images[camera][shown],
        predicted=predicted[shown],
        context=context,
        period=stride * spec.period,
    )


@torch.no_grad()
def open_loop(model: WorldModel, episode: Episode, seen: int) -> dict[str, np.ndarray]:
    """Returns the model's frames {camera: (T, h, w, 3) uint8} of an episode of T rows.

    Rows before `seen` come from the posterior, the rest from the mean of the priors by the
    chosen actions; nothing is random.
    """
    post = posterior(model, episode, rows=seen)
    feat = post.feat  # (seen, F)
    if seen < len(episode):
        last = State(*(part[None, -1] for part in post))
        chosen = torch.as_tensor(chosen_actions(episode)[seen - 1 : -1])
        feat = torch.cat([feat, model.rssm.imagine(chosen[None], last).feat[0]])  # (T, F)
    return decode(model, feat)


@torch.no_grad()
def posterior(
    model: WorldModel,
    episode: Episode,
    images: Mapping[str, np.ndarray] | None = None,
    rows: int | None = None,
) -> State:
    """Returns the posterior states (T, ...) of an episode's first `rows` (None: all), their modes.

    `images` stand in for the episode's own, {camera: (T, h, w, 3) uint8}.
    """
    shown = episode.images if images is None else images
    seen = {name: torch.as_tensor(frames[:rows])[None] for name, frames in shown.items()}
    state = episode.proprioception
    embed = model.encoder(seen, None if state is None else torch.as_tensor(state[:rows])[None])
    edges = first_rows(episode)
    led = previous_actions(chosen_actions(episode), edges)[:rows]
    first = torch.as_tensor(edges[:rows])
    post = model.rssm.observe(embed, torch.as_tensor(led)[None], first[None])  # (1, T, ...)
    return State(*(part[0] for part in post))


@torch.no_grad()
def look_ahead(
    model: WorldModel, episode: Episode, post: State, steps: int, every: int = 1
) -> Ahead:
    """Imagines `steps` on from the posterior of each `every`'th row, by the actions since."""
    count = len(episode)
    starts = np.arange(0, count - 1, every)  # (N,)
    rows = starts[:, None] + np.arange(1, steps + 1)  # (N, K)
    broken = np.concatenate([first_rows(episode), np.ones(steps, bool)])
    broken[0] = False
    whole = ~np.logical_or.accumulate(broken[rows], axis=1)
    chosen = np.concatenate(
        [chosen_actions(episode), np.zeros((steps, *episode.requested[0].shape), np.float32)]
    )
    actions = torch.as_tensor(chosen[rows - 1])  # (N, K, A)
    states = model.rssm.imagine(actions, State(*(part[torch.as_tensor(starts)] for part in post)))
    return Ahead(states=states, rows=np.minimum(rows, count - 1), whole=whole)


@torch.no_grad()
def decode(model: WorldModel, feat: Tensor) -> dict[str, np.ndarray]:
    """Returns the frames {camera: (N, h, w, 3) uint8} of states' features (N, F)."""
    return {name: _frames(mean) for name, mean in model.decoder(feat).items()}


def chosen_actions(episode: Episode) -> np.ndarray:
    """Returns the actions (T, A) that are learned from, of each row; not finite counts as 0."""
    done = done_actions({**episode.columns, 'let_through': let_through(episode)})
    return np.nan_to_num(done, nan=0.0, posinf=0.0, neginf=0.0)


def first_rows(episode: Episode) -> np.ndarray:
    """Returns where (T,) an episode begins, or goes on after a gap."""
    return episode.is_first | episode.gap


def _frames(mean: Tensor) -> np.ndarray:
    """Returns (N, h, w, 3) uint8 of images (N, 3, h, w) about 0."""
    return ((mean + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
