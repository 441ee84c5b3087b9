"""The two networks that a bundle holds, as modules with batch 1, state in and out.

    image_<camera> uint8, proprioception  ->  encoder  ->  embed
    embed, deter, stoch, previous_action, is_first  ->  policy
        ->  action, next_deter, next_stoch, disagreement

In: the networks of a learner. Out: copies of them on the processor, without gradients.
Deterministic: the posterior's mode, the actor's mode.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor
from moto_learning.config import PenaltyConfig
from moto_learning.model.networks import Encoder
from moto_learning.model.rssm import EnsembleRSSM, State, disagreement

Net = TypeVar('Net', bound=nn.Module)


class Graphs(NamedTuple):
    """What an export needs of a learner: two modules and the sizes of what they carry."""

    encoder: nn.Module  # the spec's cameras (1, h, w, 3), proprioception (1, P) -> embed (1, E)
    policy: Any  # an nn.Module, called as PolicyGraph is, with a `step` as PolicyGraph's
    embed: int  # E
    deter: int  # D
    stoch: int  # S * K


class PolicyOutput(NamedTuple):
    """What the policy gives, and the posterior's logit (1, S, K); a bundle leaves it out."""

    action: Tensor  # (1, A)
    next_deter: Tensor  # (1, D)
    next_stoch: Tensor  # (1, S * K)
    disagreement: Tensor  # (1,)
    logit: Tensor


class EncoderGraph(nn.Module):
    """The encoder: the cameras in the spec's order, then proprioception where there is one."""

    def __init__(self, encoder: Encoder, spec: Spec) -> None:
        super().__init__()
        self.encoder, self.cameras = _frozen_copy(encoder), list(spec.cameras)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Returns embed (1, E)."""
        images = dict(zip(self.cameras, inputs))
        vector = inputs[len(images)] if len(inputs) > len(images) else None
        return self.encoder(images, vector)


class PolicyGraph(nn.Module):
    """The policy: filters the observation in, chooses the action, asks the ensemble of it."""

    def __init__(self, rssm: EnsembleRSSM, actor: Actor, config: PenaltyConfig) -> None:
        super().__init__()
        self.rssm, self.actor, self.config = _frozen_copy(rssm), _frozen_copy(actor), config

    def forward(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns action, next_deter, next_stoch, disagreement."""
        return self.step(embed, deter, stoch, previous_action, is_first)[:4]

    def step(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> PolicyOutput:
        """Returns one step; the disagreement is u (2) of (this state, the action chosen in it)."""
        logit = stoch.unflatten(-1, (self.rssm.config.stoch, self.rssm.config.classes))
        post = self.rssm.obs_step(State(deter, stoch, logit), previous_action, embed, is_first)
        action = self.actor(post.feat).mode()
        _, logits = self.rssm.img_step(post, action)  # (M, 1, S, K)
        u = disagreement(logits, self.config.logits, self.config.reduce)
        return PolicyOutput(action, post.deter, post.stoch, u, post.logit)


def _frozen_copy(module: Net) -> Net:
    return copy.deepcopy(module).cpu().eval().requires_grad_(False)
