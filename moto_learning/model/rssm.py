"""EnsembleRSSM: one deterministic cell, one posterior, M stochastic priors.

    action_{t-1}, z_{t-1} -> cell -> h_t -> prior^i  p(z_t | h_t), i = 1..M
                              ^       |
                           h_{t-1}    +-- embed_t -> posterior  q(z_t | h_t, x_t)

State goes in and comes out; noise is an argument (None takes the mode). Names: DreamerV2's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moto_learning.config import RSSMConfig
from moto_learning.model.distributions import categorical_kl, one_hot_sample
from moto_learning.model.layers import EnsembleMLP, linear
from moto_learning.model.unrolled import Layer, unrolled

UNIFORM = 0.01  # share mixed in before a logarithm: what no member expects has no infinite weight


class State(NamedTuple):
    """A latent state: deter h (..., D), stoch z (..., S * K) one-hot, its logit (..., S, K)."""

    deter: Tensor
    stoch: Tensor
    logit: Tensor

    @property
    def feat(self) -> Tensor:
        """The state as the heads read it: [h, z] (..., D + S * K)."""
        return torch.cat([self.deter, self.stoch], -1)


class StepLayers(NamedTuple):
    """What one step of time applies: the layers themselves, or `unrolled` for a loop."""

    img_stoch: Layer
    img_action: Layer
    cell: Layer
    obs_deter: Layer
    obs_out: Layer


class EnsembleRSSM(nn.Module):
    """The latent dynamics; every method takes and returns the state."""

    def __init__(self, action: int, embed: int, config: RSSMConfig) -> None:
        super().__init__()
        self.config = config
        stoch = config.stoch * config.classes
        self.feat_size = config.deter + stoch
        # A layer over a concatenation is a sum of layers over its parts: the parts known before
        # the loop over time are computed for all steps at once.
        self.img_stoch = linear(stoch, config.hidden, fan_in=stoch + action)
        self.img_action = linear(action, config.hidden, bias=False, fan_in=stoch + action)
        self.cell = linear(config.hidden + config.deter, 3 * config.deter, bias=False)
        self.cell_norm = nn.LayerNorm(3 * config.deter, eps=1e-3)
        self.obs_deter = linear(config.deter, config.hidden, fan_in=config.deter + embed)
        self.obs_embed = linear(embed, config.hidden, bias=False, fan_in=config.deter + embed)
        self.obs_out = linear(config.hidden, stoch)
        self.priors = EnsembleMLP(config.members, config.deter, [config.hidden], stoch)

    def initial(self, batch: int) -> State:
        """Returns the zero state of `batch` rows."""
        c, like = self.config, self.img_stoch.weight
        return State(
            like.new_zeros(batch, c.deter),
            like.new_zeros(batch, c.stoch * c.classes),
            like.new_zeros(batch, c.stoch, c.classes),
        )

    def observe(
        self, embed: Tensor, action: Tensor, is_first: Tensor, noise: Tensor | None = None
    ) -> State:
        """Returns the posterior states (B, T, ...) of a sequence, from the zero state.

        embed (B, T, E); action (B, T, A) led to the observation of the same row; is_first (B, T);
        noise (B, T, S, K) Gumbel, or None for the mode.
        """
        keep = 1 - is_first.to(embed.dtype).unsqueeze(-1)  # (B, T, 1)
        layers = self.unrolled()
        actions = self.img_action(action * keep).unbind(1)
        embeds = self.obs_embed(embed).unbind(1)
        noises = noise.unbind(1) if noise is not None else [None] * len(actions)
        state, states = self.initial(embed.shape[0]), []
        for a, e, k, n in zip(actions, embeds, keep.unbind(1), noises):
            deter = self._cell(layers, state.deter * k, state.stoch * k, a)
            state = self._posterior(layers, deter, e, n)
            states.append(state)
        return State(*(torch.stack(parts, 1) for parts in zip(*states)))

    def obs_step(
        self,
        state: State,
        action: Tensor,
        embed: Tensor,
        is_first: Tensor,
        noise: Tensor | None = None,
    ) -> State:
        """Returns the posterior (B, ...) after one action (B, A) and observation (B, E).

        Where is_first (B,), state and action count as zero. Without noise it is deterministic.
        """
        keep = 1 - is_first.to(embed.dtype).unsqueeze(-1)
        layers = self._layers()
        actions = self.img_action(action * keep)
        deter = self._cell(layers, state.deter * keep, state.stoch * keep, actions)
        return self._posterior(layers, deter, self.obs_embed(embed), noise)

    def img_step(
        self,
        state: State,
        action: Tensor,
        noise: Tensor | None = None,
        member: Tensor | None = None,
        layers: StepLayers | None = None,
    ) -> State:
        """Returns the imagined next state (B, ...).

        `member` () or (B,) int64 chooses whose prior z is drawn from; None: their mean logits.
        `layers` are `unrolled`'s, for a loop.
        """
        layers = layers or self._layers()
        deter = self._cell(layers, state.deter, state.stoch, layers.img_action(action))
        logit = self._prior_of(deter, member)
        return State(deter, one_hot_sample(logit, noise).flatten(-2), logit)

    def ahead(self, state: State, action: Tensor) -> Tensor:
        """Returns all members' logits (M, B, S, K) of what an action (B, A) leads to."""
        action = self.img_action(action)
        return self.prior_logits(self._cell(self._layers(), state.deter, state.stoch, action))

    def imagine(self, action: Tensor, state: State) -> State:
        """Returns the states (B, H, ...) that actions (B, H, A) lead to from a state (B, ...).

        Nothing is random: each is the mode of the priors' mean logits.
        """
        states = []
        for chosen in action.unbind(1):
            state = self.img_step(state, chosen)
            states.append(state)
        return State(*(torch.stack(parts, 1) for parts in zip(*states)))

    def prior_logits(self, deter: Tensor) -> Tensor:
        """Returns the logits (M, N, S, K) of every prior for deter (N, D)."""
        return self._categoricals(self.priors(deter))

    def surprise(self, post: State) -> Tensor:
        """Returns KL(q || p) (...,) [nats] of posterior states (..., D), equation 22.

        p has the mean of the priors' logits: what was expected before the observation was seen.
        """
        return categorical_kl(post.logit, self.prior_logits(post.deter).mean(0))

    def member_logits(self, deter: Tensor, order: Tensor) -> Tensor:
        """Returns logits (B, T, S, K) for deter (B, T, D), each row's from one prior alone.

        `order` (M * n,) is a permutation of 0..M n - 1, n the least with M n >= T: its j'th block
        of n holds the rows that member j is for; entries from T on stand for no row.
        """
        batch, length, size = deter.shape
        rows = deter[:, order.clamp(max=length - 1)]  # (B, M * n, D)
        own = rows.unflatten(1, (self.config.members, -1)).transpose(0, 1)  # (M, B, n, D)
        logits = self.priors(own.reshape(own.shape[0], -1, size))  # (M, B * n, S * K)
        back = logits.unflatten(1, (batch, -1)).transpose(0, 1).flatten(1, 2)  # (B, M * n, S * K)
        return self._categoricals(back[:, order.argsort()[:length]])

    def unrolled(self) -> StepLayers:
        """Returns the layers of a step for one loop over time, see unrolled.py."""
        layers = self._layers()._asdict()
        return StepLayers(**{name: unrolled(layer) for name, layer in layers.items()})

    def _layers(self) -> StepLayers:
        return StepLayers(
            img_stoch=self.img_stoch,
            img_action=self.img_action,
            cell=self.cell,
            obs_deter=self.obs_deter,
            obs_out=self.obs_out,
        )

    def _prior_of(self, deter: Tensor, member: Tensor | None) -> Tensor:
        """Returns the logits (B, S, K) of the members chosen for deter (B, D)."""
        if member is None:
            return self.prior_logits(deter).mean(0)
        if member.ndim == 0:
            return self._categoricals(self.priors.member(deter, member))
        rows = torch.arange(deter.shape[0], device=deter.device)
        return self.prior_logits(deter)[member, rows]

    def _categoricals(self, logits: Tensor) -> Tensor:
        return logits.unflatten(-1, (self.config.stoch, self.config.classes))

    def _cell(self, layers: StepLayers, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
        x = F.elu(layers.img_stoch(stoch) + action)
        parts = self.cell_norm(layers.cell(torch.cat([x, deter.to(x.dtype)], -1)).to(deter.dtype))
        reset, candidate, update = parts.chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        return torch.lerp(deter, candidate, torch.sigmoid(update - 1))

    def _posterior(
        self, layers: StepLayers, deter: Tensor, embed: Tensor, noise: Tensor | None
    ) -> State:
        x = F.elu(layers.obs_deter(deter) + embed)
        logit = self._categoricals(layers.obs_out(x).to(deter.dtype))
        return State(deter, one_hot_sample(logit, noise).flatten(-2), logit)


def disagreement(logits: Tensor, kind: str = 'raw', reduce: str = 'mean') -> Tensor:
    """Returns u (...,) of equation 2: the std over members of logits (M, ..., S, K), reduced.

    `kind`: the logits 'raw', 'centred' over the classes, or turned into 'probability' or, with
    1 % uniform mixed in, its logarithm 'log_probability'. `reduce`: 'mean' or 'max' of the S x K
    entries. The deviation is the population's: one member gives 0.
    """
    if kind == 'centred':
        logits = logits - logits.mean(-1, keepdim=True)
    elif kind == 'probability':
        logits = logits.softmax(-1)
    elif kind == 'log_probability':
        mixed = (1 - UNIFORM) * logits.softmax(-1) + UNIFORM / logits.shape[-1]
        logits = mixed.log()
    if logits.shape[0] == 1:
        spread = torch.zeros_like(logits[0])
    else:
        variance = (logits - logits.mean(0)).square().mean(0)
        spread = variance.clamp(min=1e-12).sqrt()  # no infinite gradient where members agree
    return spread.mean((-2, -1)) if reduce == 'mean' else spread.amax((-2, -1))
