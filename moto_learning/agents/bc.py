"""Behaviour cloning from pixels: the likelihood of successful trajectories' actions."""

from __future__ import annotations

from moto_learning.agents.actor_critic import behaviour_prior
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.pixel_learner import Learned, PixelLearner
from moto_learning.agents.transitions import Transitions


class BCLearner(PixelLearner):
    """The paper's row BC: docs/method.md, equation 12, over pixels; it trains the encoder too."""

    def make_optimizers(self) -> dict[str, Optimizer]:
        """Returns the one optimiser, of encoder and policy."""
        return {'actor': self.optimizer(self.encoder, self.actor)}

    def learn(self, cut: Transitions) -> Learned:
        """Takes a step down -mean ln pi(a | s) over the rows of successful trajectories."""
        policy = self.actor(self.encoder(*cut.now))
        loss = behaviour_prior(policy.log_prob(cut.action), cut.successful)
        finite, norm = self.optimizers['actor'].step(loss)
        return finite, {
            'actor/behaviour': loss.detach(),
            'actor/entropy': policy.entropy().detach().mean(),
            'actor/grad_norm': norm,
        }
