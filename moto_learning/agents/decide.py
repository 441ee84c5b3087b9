"""The decision: from a posterior state to the policy's action and the ensemble's disagreement.

Written once, for the policy that runs in torch, for the graph that is exported and for the
threshold that goes with it. In: networks and a posterior. Out: Decision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from moto_learning.agents.actor_critic import Actor
from moto_learning.config import PenaltyConfig
from moto_learning.model.distributions import TruncatedNormal
from moto_learning.model.rssm import EnsembleRSSM, State, disagreement


class Decision(NamedTuple):
    """What was decided, and from which state."""

    post: State  # the posterior (N, ...) that the policy read
    action: Tensor  # (N, A)
    disagreement: Tensor  # (N,), equation 2: of the state that the action leads to


def decide(
    rssm: EnsembleRSSM,
    actor: Actor,
    penalty: PenaltyConfig,
    post: State,
    choose: Callable[[TruncatedNormal], Tensor] = TruncatedNormal.mode,
) -> Decision:
    """Returns the action that `choose` takes from the policy at `post` (N, ...), by default its
    mode, and the members' disagreement (equation 2) about what it leads to.
    """
    action = choose(actor(post.feat))
    _, logits = rssm.img_step(post, action)  # (M, N, S, K)
    return Decision(post, action, disagreement(logits, penalty.logits, penalty.reduce))
