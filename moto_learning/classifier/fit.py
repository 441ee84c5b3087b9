"""Fits a success classifier to frames of labelled episodes.

In: episodes, settings, the spec. Out: the network; on one processor with one number of threads
the same ones give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from moto_core.errors import MotoError
from moto_core.spec import Spec
from moto_learning.agents.optimizer import Optimizer
from moto_learning.classifier.draws import Draws
from moto_learning.classifier.network import SuccessClassifier
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.data.cache import CachedEpisode
from moto_learning.model.networks import moved

Listener = Callable[[int, float], None]  # updates done, the loss


class ClassifierError(MotoError):
    """A success classifier that cannot be fitted, read, written or used here."""


def fit_classifier(
    episodes: Sequence[CachedEpisode],
    spec: Spec,
    settings: ClassifierSettings,
    listener: Listener = lambda done, loss: None,
) -> SuccessClassifier:
    """Returns a classifier fitted to episodes of the spec, of which some are of either outcome.

    Raises ConfigError as the network does, DatasetError as the draws do, ClassifierError if the
    gradient is not finite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = SuccessClassifier(spec, settings.model)
    generator = torch.Generator().manual_seed(settings.seed)
    optimizer = Optimizer(network.parameters(), settings.optimizer)
    draws = Draws(episodes, settings)
    for done in range(1, settings.updates + 1):
        batch = draws.draw()
        images = {name: torch.from_numpy(image) for name, image in batch.images.items()}
        images = shifted(images, settings.shift, generator)
        loss = F.binary_cross_entropy_with_logits(network(images), torch.from_numpy(batch.labels))
        finite, _ = optimizer.step(loss)
        if not finite:
            raise ClassifierError(
                f'the gradient of update {done} is not finite; take a lower optimizer.rate than '
                f'{settings.optimizer.rate:g}'
            )
        listener(done, float(loss.detach()))
    return network.eval()


def shifted(images: dict[str, Tensor], most: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Returns images {camera: (N, h, w, 3)}, each moved by up to `most` [px] either way."""
    if not most:
        return images
    found = {}
    for name, image in images.items():
        moves = torch.randint(-most, most + 1, (2, len(image)), generator=generator)
        found[name] = moved(image.unsqueeze(1), moves).squeeze(1)
    return found
