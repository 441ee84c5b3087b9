"""EnsembleRSSM: one deterministic cell, one posterior, M stochastic priors.

    action_{t-1}, z_{t-1} -> cell -> h_t -> prior^i  p(z_t | h_t), i = 1..M
                              ^       |
                           h_{t-1}    +-- embed_t -> posterior  q(z_t | h_t, x_t)

State goes in and comes out; noise is an argument (None takes the mode). Names: DreamerV2's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moto_learning.config import RSSMConfig
from moto_learning.model.distributions import categorical_kl, one_hot_sample
from moto_learning.model.layers import EnsembleMLP, linear

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
        actions = self.img_action(action * keep).unbind(1)
        embeds = self.obs_embed(embed).unbind(1)
        noises = noise.unbind(1) if noise is not None else [None] * len(actions)
        state, states = self.initial(embed.shape[0]), []
        for a, e, k, n in zip(actions, embeds, keep.unbind(1), noises):
            deter = self._cell(state.deter * k, state.stoch * k, a)
            state = self._posterior(deter, e, n)
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
        deter = self._cell(state.deter * keep, state.stoch * keep, self.img_action(action * keep))
        return self._posterior(deter, self.obs_embed(embed), noise)

    def img_step(
        self,
        state: State,
        action: Tensor,
        noise: Tensor | None = None,
        member: Tensor | None = None,
    ) -> tuple[State, Tensor]:
        """Returns the imagined next state (B, ...) and all members' logits (M, B, S, K).

        `member` () or (B,) int64 chooses whose prior z is drawn from; None: their mean logits.
        """
        deter = self._cell(state.deter, state.stoch, self.img_action(action))
        logits = self.prior_logits(deter)
        if member is None:
            logit = logits.mean(0)
        elif member.ndim == 0:
            logit = logits[member]
        else:
            logit = logits[member, torch.arange(deter.shape[0], device=deter.device)]
        return State(deter, one_hot_sample(logit, noise).flatten(-2), logit), logits

    def imagine(self, action: Tensor, state: State) -> State:
        """Returns the states (B, H, ...) that actions (B, H, A) lead to from a state (B, ...).

        Nothing is random: each is the mode of the priors' mean logits.
        """
        states = []
        for chosen in action.unbind(1):
            state, _ = self.img_step(state, chosen)
            states.append(state)
        return State(*(torch.stack(parts, 1) for parts in zip(*states)))

    def prior_logits(self, deter: Tensor) -> Tensor:
        """Returns the logits (M, N, S, K) of every prior for deter (N, D)."""
        c = self.config
        return self.priors(deter).unflatten(-1, (c.stoch, c.classes))

    def surprise(self, post: State) -> Tensor:
        """Returns KL(q || p) (...,) [nats] of posterior states (..., D), equation 22.

        p has the mean of the priors' logits: what was expected before the observation was seen.
        """
        return categorical_kl(post.logit, self.prior_logits(post.deter).mean(0))

    def member_logits(self, deter: Tensor, members: Sequence[int]) -> Tensor:
        """Returns logits (B, T, S, K) for deter (B, T, D), row t from prior members[t] alone."""
        c, batch = self.config, deter.shape[0]
        by_member = [[t for t, m in enumerate(members) if m == i] for i in range(c.members)]
        order = [t for times in by_member for t in times]
        parts = [
            self.priors.member(deter[:, times].reshape(-1, c.deter), i).reshape(
                batch, len(times), c.stoch, c.classes
            )
            for i, times in enumerate(by_member)
            if times
        ]
        back = torch.tensor(order, device=deter.device).argsort()
        return torch.cat(parts, 1)[:, back]

    def _cell(self, deter: Tensor, stoch: Tensor, action: Tensor) -> Tensor:
        x = F.elu(self.img_stoch(stoch) + action)
        parts = self.cell_norm(self.cell(torch.cat([x, deter], -1)))
        reset, candidate, update = parts.chunk(3, -1)
        candidate = torch.tanh(torch.sigmoid(reset) * candidate)
        return torch.lerp(deter, candidate, torch.sigmoid(update - 1))

    def _posterior(self, deter: Tensor, embed: Tensor, noise: Tensor | None) -> State:
        x = F.elu(self.obs_deter(deter) + embed)
        logit = self.obs_out(x).unflatten(-1, (self.config.stoch, self.config.classes))
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
