"""The world model: encoder, EnsembleRSSM, decoders, and its loss (equation 1).

In: a batch of sequences and noise. Out: the loss, the posterior states the rollouts start from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning import processes
from moto_learning.config import WorldModelConfig
from moto_learning.model.distributions import balanced_kl, gumbel, normal_loss
from moto_learning.model.networks import Decoder, Encoder, RewardHead, moved, normalize
from moto_learning.model.rssm import EnsembleRSSM, State


class ModelNoise(NamedTuple):
    """What is random in the loss of one batch."""

    sample: Tensor  # (B, T, S, K) Gumbel, of the posterior
    order: Tensor  # (M * n,) which prior each time step trains, see EnsembleRSSM.member_logits
    decoded: Tensor  # (N,) indices of the B * T steps whose images are decoded
    images: float  # what sums over them are divided by: N, of several processes their mean
    moves: Tensor | None  # (2, B) [px], of each sequence's images before they are encoded


class WorldModel(nn.Module):
    """Everything that the loss (equation 1) trains."""

    def __init__(self, spec: Spec, config: WorldModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(spec, config.encoder)
        self.rssm = EnsembleRSSM(spec.action_size, self.encoder.size, config.rssm)
        self.decoder = Decoder(spec, config.encoder, self.rssm.feat_size)
        self.reward = RewardHead(self.rssm.feat_size, config.reward, config.reward_likelihood)

    def draw_noise(self, batch: int, length: int, generator: torch.Generator) -> ModelNoise:
        """Draws what `loss` needs for B sequences of T steps, and those of other processes."""
        c, device = self.config, generator.device
        every = batch * processes.number()
        slots = c.rssm.members * -(-length // c.rssm.members)  # so that every member has as many
        count = max(1, round(c.decoded * every * length))
        sample = gumbel((every, length, c.rssm.stoch, c.rssm.classes), generator)
        order = torch.randperm(slots, generator=generator, device=device)
        steps = torch.randperm(every * length, generator=generator, device=device)[:count]
        moves = None
        if c.shift:
            least, shape = -c.shift, (2, every)
            moves = torch.randint(least, c.shift + 1, shape, generator=generator, device=device)
        return ModelNoise(
            sample=processes.own(sample),
            order=order,
            decoded=processes.own_indices(steps, batch * length),
            images=count / processes.number(),
            moves=None if moves is None else processes.own(moves, 1),
        )

    def loss(
        self, batch: Mapping[str, Any], noise: ModelNoise
    ) -> tuple[Tensor, State, dict[str, Tensor]]:
        """Returns the loss (equation 1), the posterior states (B, T, ...) and metrics.

        Means over B and T of: -ln p of images, reward and proprioception (up to the constants of
        their unit normals) and the KL from the posterior to one random prior at each step.
        """
        c = self.config
        seen = batch['images']
        if noise.moves is not None:
            seen = {name: moved(images, noise.moves) for name, images in seen.items()}
        embed = self.encoder(seen, batch.get('proprioception'))  # (B, T, E)
        post = self.rssm.observe(embed, batch['action'], batch['is_first'], noise=noise.sample)
        prior = self.rssm.member_logits(post.deter, noise.order)
        kl, kl_value = balanced_kl(post.logit, prior, c.kl.balance, c.kl.free, c.kl.free_average)
        feat = post.feat  # (B, T, F)
        seen = targets(batch['images'], noise.decoded)
        terms = {
            'reward': self.reward.loss(feat, batch['reward']).mean(),
            'image': self._image_loss(feat, seen, noise),
        }
        if self.decoder.proprioception is not None:
            terms['proprioception'] = normal_loss(
                self.decoder.proprioception(feat), batch['proprioception']
            ).mean()
        loss = (
            c.kl.scale * kl
            + c.reward_scale * terms['reward']
            + c.image_scale * terms['image']
            + c.proprioception_scale * terms.get('proprioception', 0.0)
        )
        metrics = {f'model/{name}_loss': value.detach() for name, value in terms.items()}
        metrics |= {
            'model/loss': loss.detach(),
            'model/allowed': self._loss_of_none(batch, seen, noise.images),
            'model/kl': kl_value,
            'model/post_entropy': entropy(post.logit.detach()),
        }
        return loss, post, metrics

    @torch.no_grad()
    def _loss_of_none(
        self, batch: Mapping[str, Any], seen: Mapping[str, Tensor], count: float
    ) -> Tensor:
        """Returns the loss of no model: grey images, every reward and position 0, free nats.

        `seen` are the images to be reconstructed, as `targets` gives them; `count` of them.
        """
        c = self.config
        if self.reward.bins is None:
            total = c.reward_scale * 0.5 * batch['reward'].square().mean()
        else:
            total = c.reward_scale * torch.tensor(float(len(self.reward.bins))).log()
        total = total + c.kl.scale * c.kl.free
        for image in seen.values():
            total = total + c.image_scale * 0.5 * image.square().sum() / count
        if self.decoder.proprioception is not None:
            vector = batch['proprioception']
            total = total + c.proprioception_scale * 0.5 * vector.square().sum(-1).mean()
        return total

    def _image_loss(self, feat: Tensor, seen: Mapping[str, Tensor], noise: ModelNoise) -> Tensor:
        """Sums -ln p(x) over the cameras' pixels, for the drawn steps; the mean over them."""
        total = feat.new_zeros(())
        for name, mean in self.decoder(drawn(feat, noise.decoded)).items():
            total = total + 0.5 * (mean - seen[name]).square().sum() / noise.images
        return total


def drawn(rows: Tensor, steps: Tensor) -> Tensor:
    """Returns the drawn ones (N, ...) of rows (B, T, ...); all of them in their own order."""
    flat = rows.flatten(0, 1)
    return flat if steps.shape[0] == flat.shape[0] else flat[steps]


def targets(images: Mapping[str, Tensor], steps: Tensor) -> dict[str, Tensor]:
    """Returns {camera: (N, 3, h, w) about 0} of the drawn steps' images (B, T, h, w, 3)."""
    return {name: normalize(drawn(image, steps)) for name, image in images.items()}


def entropy(logit: Tensor) -> Tensor:
    """Returns the mean entropy [nats] of categoricals (..., S, K), summed over S."""
    log_p = logit.log_softmax(-1)
    return -(log_p.exp() * log_p).sum((-2, -1)).mean()
