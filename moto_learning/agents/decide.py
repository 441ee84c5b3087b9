"""The decision: from an observation and what is carried to an action, and two doubts about it.

Written once, for the policy that runs in torch, for the graph that is exported and for the
threshold that goes with it. In: networks, the embedded observation, the state carried so far.
Out: PolicyOutput.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from moto_learning.agents.actor_critic import Actor
from moto_learning.config import PenaltyConfig
from moto_learning.model.distributions import TruncatedNormal
from moto_learning.model.rssm import EnsembleRSSM, State, disagreement


class PolicyOutput(NamedTuple):
    """What was decided, and from which state."""

    post: State  # the posterior (N, ...) that the policy read
    action: Tensor  # (N, A)
    disagreement: Tensor  # (N,), equation 2: of the state that the action leads to
    surprise: Tensor  # (N,) [nats]: of the observation beside what was expected; 0 at is_first


def decide(
    rssm: EnsembleRSSM,
    actor: Actor,
    penalty: PenaltyConfig,
    embed: Tensor,
    deter: Tensor,
    stoch: Tensor,
    previous_action: Tensor,
    is_first: Tensor,
    *,
    noise: Tensor | None = None,
    choose: Callable[[TruncatedNormal], Tensor] = TruncatedNormal.mode,
) -> PolicyOutput:
    """Filters an observation embed (N, E) into the state and returns what the policy does there.

    deter (N, D), stoch (N, S * K) and previous_action (N, A) are carried from the row before; they
    count as zero if is_first (N,). `noise` (N, S, K) Gumbel draws the posterior, None takes its
    mode; `choose` takes the action from the policy, by default its mode. The disagreement
    (equation 2) is the members' about what that action leads to. At is_first nothing was
    expected, and the surprise is 0.
    """
    before = State(deter, stoch, deter.new_zeros(()))  # its logit is of no use to what follows
    post = rssm.obs_step(before, previous_action, embed, is_first, noise)
    action = choose(actor(post.feat))
    logits = rssm.ahead(post, action)  # (M, N, S, K)
    return PolicyOutput(
        post=post,
        action=action,
        disagreement=disagreement(logits, penalty.logits, penalty.reduce),
        surprise=rssm.surprise(post) * (1 - is_first.to(embed.dtype)),
    )
