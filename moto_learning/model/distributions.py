"""The two distributions of the method: straight-through categoricals and a truncated normal.

Randomness is an argument: Gumbel or uniform noise of the sample's shape goes in, so that a sample
is a pure function and one call draws the noise of a whole loop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from moto_learning import processes

EDGE = 1e-6


def gumbel(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Draws standard Gumbel noise on the generator's device."""
    device = generator.device if generator is not None else None
    return -torch.empty(tuple(shape), device=device).exponential_(generator=generator).log()


def uniform(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Draws uniform noise in [0, 1) on the generator's device."""
    device = generator.device if generator is not None else None
    return torch.rand(tuple(shape), generator=generator, device=device)


def one_hot_sample(logit: Tensor, noise: Tensor | None) -> Tensor:
    """Returns a one-hot sample (..., S, K) with the gradient of its probabilities.

    `noise` is Gumbel noise of logit's shape; without it the mode is taken, deterministically.
    """
    scores = logit if noise is None else logit + noise
    index = scores.argmax(-1, keepdim=True)  # (..., S, 1)
    hard = (torch.arange(logit.shape[-1], device=logit.device) == index).to(logit.dtype)
    if not logit.requires_grad:
        return hard
    probability = logit.softmax(-1)
    return hard + probability - probability.detach()


def categorical_kl(p: Tensor, q: Tensor) -> Tensor:
    """Returns KL(p || q) (...,) [nats] of logits (..., S, K), summed over the S categoricals."""
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum((-2, -1))


def balanced_kl(
    post: Tensor, prior: Tensor, balance: float, free: float, free_average: bool
) -> tuple[Tensor, Tensor]:
    """Returns the KL term of equation 1 and the plain mean of KL(post || prior), both scalars.

    balance * KL(sg(post) || prior) + (1 - balance) * KL(post || sg(prior)), each at least `free`
    nats: of the joined batch's mean if `free_average`, else of every step. Source: DreamerV2,
    kl_loss.
    """
    trains_prior = categorical_kl(post.detach(), prior)
    trains_post = categorical_kl(post, prior.detach())
    value = trains_post.detach().mean()
    if free_average:
        terms = [processes.mean(kl.mean()).clamp(min=free) for kl in (trains_prior, trains_post)]
    else:
        terms = [kl.clamp(min=free).mean() for kl in (trains_prior, trains_post)]
    return balance * terms[0] + (1 - balance) * terms[1], value


def normal_loss(mean: Tensor, target: Tensor) -> Tensor:
    """Returns -ln N(target; mean, 1) (...,) without its constant, summed over the last axis."""
    return 0.5 * (mean - target).square().sum(-1)


def reward_bins(count: int = 63, edge: float = 5.0) -> Tensor:
    """Returns the rewards (count,) of a two-hot head: dense about 0, +-147 at the ends.

    sign(x) (exp|x| - 1) of evenly spaced x in [-edge, edge]. Source: DreamerV3, symexp bins.
    """
    x = torch.linspace(-edge, edge, count, dtype=torch.float64)
    return (x.sign() * x.abs().expm1()).float()


def two_hot(value: Tensor, bins: Tensor) -> Tensor:
    """Returns weights (..., K) of the two of `bins` (K,) about a value (...,); their mean is it.

    Values beyond the ends count as the ends.
    """
    value = value.clamp(float(bins[0]), float(bins[-1])).unsqueeze(-1)
    above = torch.searchsorted(bins, value).clamp(1, bins.shape[0] - 1)
    low, high = bins[above - 1], bins[above]
    share = (value - low) / (high - low)
    weights = torch.zeros(*value.shape[:-1], bins.shape[0], dtype=bins.dtype, device=bins.device)
    return weights.scatter(-1, above - 1, 1 - share).scatter(-1, above, share)


class TruncatedNormal(NamedTuple):
    """Independent normals truncated to [-1, 1]; `loc` and `scale` are (..., A)."""

    loc: Tensor
    scale: Tensor

    def mode(self) -> Tensor:
        """Returns the most likely value (..., A)."""
        return self.loc.clamp(-1.0, 1.0)

    def sample(self, noise: Tensor) -> Tensor:
        """Returns a sample (..., A) from uniform noise, differentiable in loc and scale."""
        low, high = self._cdf()
        p = low + noise.clamp(EDGE, 1 - EDGE) * (high - low)
        value = self.loc + self.scale * torch.special.ndtri(p)
        return value + (value.clamp(-1 + EDGE, 1 - EDGE) - value).detach()

    def log_prob(self, value: Tensor) -> Tensor:
        """Returns ln p(value) (...,), summed over A; values are clipped into [-1, 1]."""
        low, high = self._cdf()
        z = (value.clamp(-1.0, 1.0) - self.loc) / self.scale
        log_density = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - self.scale.log()
        return (log_density - (high - low).log()).sum(-1)

    def entropy(self) -> Tensor:
        """Returns the differential entropy (...,) [nats], summed over A."""
        low, high = self._cdf()
        mass = high - low
        alpha, beta = (-1 - self.loc) / self.scale, (1 - self.loc) / self.scale
        edge = (alpha * _density(alpha) - beta * _density(beta)) / (2 * mass)
        return (0.5 * math.log(2 * math.pi * math.e) + (self.scale * mass).log() + edge).sum(-1)

    def _cdf(self) -> tuple[Tensor, Tensor]:
        low = torch.special.ndtr((-1 - self.loc) / self.scale)
        return low, torch.special.ndtr((1 - self.loc) / self.scale)


def truncated_normal(out: Tensor, min_std: float, cap: float = 0.0) -> TruncatedNormal:
    """Reads a head's output (..., 2 A): mean tanh, std 2 sigmoid(x / 2) + min_std [D].

    With a cap c the mean's part x is first bounded to c tanh(x / c): where behaviour is cloned at
    a bound x grows for ever, and no gradient brings the mean back from there.
    """
    mean, std = out.chunk(2, -1)
    if cap:
        mean = cap * torch.tanh(mean / cap)
    return TruncatedNormal(mean.tanh(), 2 * torch.sigmoid(std / 2) + min_std)


def _density(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
