"""Soft actor-critic from pixels: an entropy in the value, with a temperature that is learned.

    y = r + gamma (min_i Q'_i(s', a') - temperature ln pi(a' | s')),  a' ~ pi(s')

s is `now` and s' is `then` of a transition. In: transitions. Out: steps of the critics, which
train the encoder, of the policy and of the temperature, in this order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moto_learning.agents.actor_critic import model_critic_loss
from moto_learning.agents.latent import frozen
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.pixel_learner import Learned, TwinLearner
from moto_learning.agents.returns import largest_value
from moto_learning.agents.soft_critic import (
    Temperature,
    soft_actor_loss,
    soft_reward,
    soft_target,
    temperature_loss,
)
from moto_learning.agents.transitions import Transitions
from moto_learning.model.distributions import TruncatedNormal, uniform


class SACLearner(TwinLearner):
    """The paper's row SAC."""

    def make_networks(self) -> dict[str, nn.Module]:
        """Returns critics, targets and the temperature."""
        self.temperature = Temperature(self.settings.sac.temperature)
        return {**super().make_networks(), 'temperature': self.temperature}

    def make_optimizers(self) -> dict[str, Optimizer]:
        """Returns the critics' optimiser, which is the encoder's too, and the two others."""
        return {
            'critics': self.optimizer(self.encoder, self.critics),
            'actor': self.optimizer(self.actor),
            'temperature': self.optimizer(self.temperature),
        }

    def learn(self, cut: Transitions) -> Learned:
        """Takes a step of the critics, then of the policy and the temperature on the same
        features, without a gradient to the encoder.
        """
        feat = self.encoder(*cut.now)  # (N, F)
        target, soft = self.targets(cut)
        loss, metrics = self.critic_loss(feat, cut, target)
        metrics['critics/allowed'] = largest_value(
            self.settings.discount, soft, raised=self.raised()
        )
        finite, metrics['critics/grad_norm'] = self.optimizers['critics'].step(loss)
        if not finite:
            return finite, metrics
        self.follow()
        finite, found = self.update_actor(feat.detach())
        return finite, metrics | found

    @torch.no_grad()
    def targets(self, cut: Transitions) -> tuple[Tensor, Tensor]:
        """Returns y (N,) of the transitions, and what of it is no later value (N,)."""
        action, log_prob = self.act(self.actor(self.encoder(*cut.then)))
        next_q = self.target_critics(self.target_encoder(*cut.then), action)
        weights = self.temperature(), self.settings.discount
        target = soft_target(cut.reward, next_q, log_prob, *weights)
        return target, soft_reward(cut.reward, log_prob, *weights)

    def raised(self) -> float:
        """Returns how far the loss moves a value at each step beside its target: not at all."""
        return 0.0

    def critic_loss(
        self, feat: Tensor, cut: Transitions, target: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the sum over critics of the mean of (y - Q_i(s, a))^2, and metrics."""
        q = self.critics(feat, cut.action)
        loss = model_critic_loss(q, target)
        return loss, {
            'critics/data_loss': loss.detach(),
            'critics/value': q.detach().mean(),
            'critics/size': q.detach().abs().mean(),
        }

    def update_actor(self, feat: Tensor) -> Learned:
        """Takes a step of the policy and one of the temperature at features (N, F)."""
        policy = self.actor(feat)
        action, log_prob = self.act(policy)
        with frozen(self.critics):
            q = self.critics(feat, action)
            loss = soft_actor_loss(q, log_prob, self.temperature())
            actor_finite, norm = self.optimizers['actor'].step(loss)
        entropy = -self.settings.sac.entropy * self.spec.action_size
        loss_of_temperature = temperature_loss(self.temperature.log, log_prob, entropy)
        temperature_finite, _ = self.optimizers['temperature'].step(loss_of_temperature)
        return actor_finite & temperature_finite, {
            'actor/loss': loss.detach(),
            'actor/entropy': -log_prob.detach().mean(),
            'actor/grad_norm': norm,
            'actor/temperature': self.temperature().detach(),
        }

    def act(self, policy: TruncatedNormal) -> tuple[Tensor, Tensor]:
        """Draws an action (..., A) of the policy; returns it and its ln pi (...,)."""
        action = policy.sample(uniform(policy.loc.shape, self.generator))
        return action, policy.log_prob(action)
