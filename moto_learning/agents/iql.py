"""Implicit Q-learning from pixels: no action is asked about that is not in the data.

    V(s)   an expectile of min_i Q'_i(s, a) over the data's actions
    Q_i    drawn to r + gamma V(s')
    pi     regression to the data's actions, each weighing exp(beta (min_i Q'_i(s, a) - V(s)))

In: transitions. Out: one step of V and Q (which train the encoder), then one of the policy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moto_learning.agents.actor_critic import model_critic_loss
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.pixel_learner import Learned, TwinLearner
from moto_learning.agents.returns import largest_value
from moto_learning.agents.transitions import Transitions
from moto_learning.model.layers import head


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """Returns the mean of |expectile - 1(d < 0)| d^2 over differences d = Q - V (N,)."""
    weight = torch.where(difference < 0, 1 - expectile, expectile)
    return (weight * difference.square()).mean()


def advantage_weights(advantage: Tensor, beta: float, most: float) -> Tensor:
    """Returns exp(beta A) (N,) of advantages (N,), at most `most`, without gradient."""
    return (beta * advantage.detach()).exp().clamp(max=most)


def weighted_regression(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Returns -mean of weight ln pi(a | s) over N actions of the data."""
    return -(weight * log_prob).mean()


class IQLLearner(TwinLearner):
    """The paper's row IQL."""

    def make_networks(self) -> dict[str, nn.Module]:
        """Returns critics, targets and the state value."""
        self.value = head(self.encoder.size, self.settings.head, 1)
        return {**super().make_networks(), 'value': self.value}

    def make_optimizers(self) -> dict[str, Optimizer]:
        """Returns that of encoder, critics and state value, and the policy's."""
        return {
            'critics': self.optimizer(self.encoder, self.critics, self.value),
            'actor': self.optimizer(self.actor),
        }

    def learn(self, cut: Transitions) -> Learned:
        """Takes a step of V and Q, then of the policy on the same features, without a gradient
        to the encoder.
        """
        feat = self.encoder(*cut.now)  # (N, F)
        value = self.value(feat).squeeze(-1)
        with torch.no_grad():
            known = self.target_critics.value(self.target_encoder(*cut.now), cut.action)
            following = self.value(self.encoder(*cut.then)).squeeze(-1)
        value_loss = expectile_loss(known - value, self.settings.iql.expectile)
        q = self.critics(feat, cut.action)
        critic_loss = model_critic_loss(q, cut.reward + self.settings.discount * following)
        finite, norm = self.optimizers['critics'].step(value_loss + critic_loss)
        metrics = {
            'value/loss': value_loss.detach(),
            'critics/data_loss': critic_loss.detach(),
            'critics/value': q.detach().mean(),
            'critics/size': q.detach().abs().mean(),
            'critics/allowed': largest_value(self.settings.discount, cut.reward),
            'critics/grad_norm': norm,
        }
        if not finite:
            return finite, metrics
        self.follow()
        finite, found = self.update_actor(feat.detach(), cut.action, known - value.detach())
        return finite, metrics | found

    def update_actor(self, feat: Tensor, action: Tensor, advantage: Tensor) -> Learned:
        """Takes a step of the policy to the data's actions (N, A), weighed by advantage (N,)."""
        c = self.settings.iql
        weight = advantage_weights(advantage, c.beta, c.weight_max)
        policy = self.actor(feat)
        loss = weighted_regression(policy.log_prob(action), weight)
        finite, norm = self.optimizers['actor'].step(loss)
        return finite, {
            'actor/loss': loss.detach(),
            'actor/weight': weight.mean(),
            'actor/entropy': policy.entropy().detach().mean(),
            'actor/grad_norm': norm,
        }
