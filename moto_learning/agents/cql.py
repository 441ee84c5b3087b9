"""Conservative Q-learning from pixels: SAC, whose critics are lowered where no data is.

In: transitions. Out: SAC's steps, the critics' with the term CQL(H) in their loss.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from moto_learning.agents.sac import SACLearner
from moto_learning.agents.transitions import Transitions
from moto_learning.model.distributions import TruncatedNormal, uniform


def conservative_term(drawn: Tensor, log_density: Tensor, q: Tensor) -> Tensor:
    """Returns the sum over critics of the mean over N of ln integral exp Q_i(s, a) da - Q_i(s, a).

    The integral is estimated from K actions: drawn (members, K, N) are their Q_i and log_density
    (K, N) what they were drawn with. q (members, N) is that of the data's actions.
    """
    estimate = torch.logsumexp(drawn - log_density, 1) - math.log(drawn.shape[1])
    return (estimate - q).mean(1).sum()


class CQLLearner(SACLearner):
    """The paper's row CQL."""

    def critic_loss(
        self, feat: Tensor, cut: Transitions, target: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns SAC's loss of the critics and alpha times the conservative term."""
        loss, metrics = super().critic_loss(feat, cut, target)
        action, log_density = self.draw_actions(feat)
        drawn = self.critics(feat.expand(len(action), *feat.shape), action)  # (2, K, N)
        term = conservative_term(drawn, log_density, self.critics(feat, cut.action))
        metrics['critics/conservative'] = term.detach()
        return loss + self.settings.cql.alpha * term, metrics

    def raised(self) -> float:
        """Returns how far the term raises a value at each step at most, alpha / 2.

        Where 2 (Q - y) + alpha (p - 1) is 0, p the share of the data's action in the logsumexp.
        """
        return self.settings.cql.alpha / 2

    @torch.no_grad()
    def draw_actions(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """Draws half of K actions uniformly and half of the policy for features (N, F).

        Returns them (K, N, A) and ln of the density of each (K, N).
        """
        count, size = self.settings.cql.samples, self.spec.action_size
        shape = (count, len(feat), size)
        anywhere = 2 * uniform(shape, self.generator) - 1
        policy = self.actor(feat)
        many = TruncatedNormal(policy.loc.expand(shape), policy.scale.expand(shape))
        chosen, log_prob = self.act(many)
        even = torch.full_like(log_prob, -size * math.log(2))
        return torch.cat([anywhere, chosen]), torch.cat([even, log_prob])
