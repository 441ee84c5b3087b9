"""The two networks that a bundle holds, as modules with batch 1, state in and out.

    image_<camera> uint8, proprioception  ->  encoder  ->  embed
    embed, deter, stoch, previous_action, is_first  ->  policy
        ->  action, next_deter, next_stoch, disagreement, surprise

In: the networks of a learner. Out: copies of them on the processor, without gradients.
Deterministic: the posterior's mode, the actor's mode.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor
from moto_learning.agents.decide import PolicyOutput, decide
from moto_learning.config import PenaltyConfig
from moto_learning.model.networks import Encoder
from moto_learning.model.rssm import EnsembleRSSM

Net = TypeVar('Net', bound=nn.Module)


class Graphs(NamedTuple):
    """What an export needs of a learner: two modules and the sizes of what they carry."""

    encoder: nn.Module  # the spec's cameras (1, h, w, 3), proprioception (1, P) -> embed (1, E)
    policy: Any  # an nn.Module, called as PolicyGraph is, with a `step` as PolicyGraph's
    embed: int  # E
    deter: int  # D
    stoch: int  # S * K
    expects: bool = True  # it predicts what it will see: its surprise says something


class EncoderGraph(nn.Module):
    """The encoder: the cameras in the spec's order, then proprioception if there is one."""

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

    def __init__(self, rssm: EnsembleRSSM, actor: Actor, penalty: PenaltyConfig) -> None:
        super().__init__()
        self.rssm, self.actor, self.penalty = _frozen_copy(rssm), _frozen_copy(actor), penalty

    def forward(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Returns action, next_deter, next_stoch, disagreement, surprise."""
        out = self.step(embed, deter, stoch, previous_action, is_first)
        return out.action, out.post.deter, out.post.stoch, out.disagreement, out.surprise

    def step(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> PolicyOutput:
        """Returns what `decide` does; nothing is random."""
        return decide(
            self.rssm, self.actor, self.penalty, embed, deter, stoch, previous_action, is_first
        )


def _frozen_copy(module: Net) -> Net:
    return copy.deepcopy(module).cpu().eval().requires_grad_(False)
