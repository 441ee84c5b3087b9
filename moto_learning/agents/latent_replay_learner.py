"""The paper's rows LOMPO and COMBO: a soft actor-critic on real and imagined latent steps.

In: a batch of replay (numpy). Out: changed networks and metrics. Each update trains the world
model, rolls the policy out from posterior states into the latent replay, and draws one batch of
latent steps from it and from the data. LOMPO is `latent.alpha` > 0, COMBO `latent.conservatism`
> 0; with both at 0 neither guards against the model. Of `actor_critic` it reads all but the
weights and choices of MOTO's own losses, `actor.average` too; `penalty` measures the disagreement
that is reported.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor, Critics
from moto_learning.agents.engine import Knob, RecordedUpdate, check_engine
from moto_learning.agents.latent import (
    averaged,
    blend,
    frozen,
    graphs_of,
    learn,
    needs_horizon,
    restore_state,
    state_of,
)
from moto_learning.agents.latent_replay import LatentReplay, Steps, joined, real_steps
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.policy_graph import Graphs
from moto_learning.agents.returns import largest_value
from moto_learning.agents.soft_critic import (
    Temperature,
    conservative_loss,
    log_prob_spread,
    soft_actor_loss,
    soft_critic_loss,
    soft_reward,
    soft_target,
    temperature_loss,
)
from moto_learning.agents.starts import draw_starts
from moto_learning.agents.torch_policy import Exploration, TorchPolicy
from moto_learning.config import Config, OptimizerConfig
from moto_learning.model.distributions import uniform
from moto_learning.model.rollout import Rollout, draw_rollout_noise, rollout
from moto_learning.model.rssm import State
from moto_learning.model.world_model import WorldModel


class LatentReplayLearner:
    """Networks, optimisers, latent replay and random state; `update` is one step of training."""

    def __init__(self, config: Config, spec: Spec, device: str = 'cpu') -> None:
        needs_horizon(config)
        self.config, self.spec, self.device = config, spec, torch.device(device)
        c = config.actor_critic
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.world_model = WorldModel(spec, config.model).to(self.device)
            feat = self.world_model.rssm.feat_size
            self.actor = Actor(feat, spec.action_size, c.actor).to(self.device)
            self.acting = averaged(self.actor, c.actor)
            self.critics = Critics(feat, spec.action_size, c.critic).to(self.device)
        self.target_critics = copy.deepcopy(self.critics).requires_grad_(False)
        self.temperature = Temperature(config.latent.temperature).to(self.device)
        slow = OptimizerConfig(rate=config.latent.temperature_rate, weight_decay=0.0)
        self.optimizers = {
            'model': Optimizer(self.world_model.parameters(), config.model.optimizer),
            'actor': Optimizer(self.actor.parameters(), c.actor.optimizer),
            'critics': Optimizer(self.critics.parameters(), c.critic.optimizer),
            'temperature': Optimizer(self.temperature.parameters(), slow),
        }
        self.replay = LatentReplay(
            config.latent.capacity, c.horizon, spec.action_size, config.model.rssm, self.device
        )
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.share = Knob(self.device)
        self.recorded: RecordedUpdate | None = None
        check_engine(config, self.device, recorded=False)
        self.updates = 0  # whole updates begun, skipped ones included
        self.skipped = 0  # of them, those with a non-finite gradient

    def update(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Trains on one batch and returns metrics; 'update/skipped' is 1 if nothing changed."""
        return learn(self, batch)

    def update_behaviour(
        self, post: State, data: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Adds rollouts to the latent replay, then trains critics, policy and temperature."""
        c = self.config.latent
        sound = post.deter.isfinite().all() & post.stoch.isfinite().all()
        if not sound:  # the latent replay would keep it
            return sound, {}
        metrics = self.imagine(
            draw_starts(post, data, self.config.actor_critic.starts, self.generator).state
        )
        real = real_steps(post, data, round(c.real * c.batch), self.generator)
        imagined = self.replay.draw(c.batch - len(real.reward), self.generator)
        critics_finite, found = self.update_critics(imagined, real)
        actor_finite, more = self.update_actor(joined(imagined, real).feat)
        return critics_finite & actor_finite, metrics | found | more

    @torch.no_grad()
    def imagine(self, state: State) -> dict[str, Tensor]:
        """Rolls the policy H steps from `state` (N, ...) into the latent replay."""
        c = self.config.actor_critic
        noise = draw_rollout_noise(
            c.horizon,
            state.deter.shape[0],
            self.spec.action_size,
            self.config.model.rssm,
            self.generator,
        )
        imagined = rollout(self.world_model.rssm, self.actor.unrolled(), state, noise, c.penalty)
        reward = self.world_model.reward.mean(imagined.feat[1:])  # (H, N)
        penalty = self.penalty(imagined)
        self.replay.add(imagined.feat, imagined.action[: c.horizon], reward - penalty)
        return {
            'imagined/action_std': imagined.action.std(),
            'imagined/reward': reward.mean(),
            'imagined/penalty': penalty.mean(),
            'imagined/disagreement': imagined.disagreement.mean(),
        }

    def penalty(self, imagined: Rollout) -> Tensor:
        """Returns alpha u_L (H, N) of equation 16, what each imagined step's reward loses."""
        c, rssm = self.config.latent, self.world_model.rssm
        if not c.alpha:
            return torch.zeros_like(imagined.entropy[1:])
        deter, stoch = imagined.feat[1:].split(
            [rssm.config.deter, rssm.feat_size - rssm.config.deter], -1
        )
        logits = rssm.prior_logits(deter.flatten(0, 1))  # (M, H * N, S, K)
        spread = log_prob_spread(logits, stoch.flatten(0, 1), c.spread)
        return c.alpha * spread.unflatten(0, deter.shape[:2])

    def update_critics(self, imagined: Steps, real: Steps) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down equations 18 and 19, and copies the targets when due."""
        c, discount = self.config.actor_critic.critic, self.config.actor_critic.discount
        steps = joined(imagined, real)
        with torch.no_grad():
            action, log_prob = self._act(steps.next_feat)
            next_q = self.target_critics(steps.next_feat, action)
            weights = self.temperature(), discount
            target = soft_target(steps.reward, next_q, log_prob, *weights)
            soft = soft_reward(steps.reward, log_prob, *weights)
        q = self.critics(steps.feat, steps.action)  # (members, N)
        fit = soft_critic_loss(q, target)
        loss, kept_down = fit, fit.new_zeros(())
        if self.config.latent.conservatism and len(imagined.reward):
            with torch.no_grad():
                action, _ = self._act(imagined.feat)
            down = self.critics(imagined.feat, action)
            kept_down = conservative_loss(down, q[:, len(imagined.reward) :])
            loss = fit + self.config.latent.conservatism * kept_down
        raised = self.raised(len(imagined.reward), len(real.reward))
        finite, norm = self.optimizers['critics'].step(loss)
        due = self.optimizers['critics'].due(c.target_every)
        blend(self.target_critics, self.critics, c.target_rate * due)
        return finite, {
            'critics/loss': fit.detach(),
            'critics/conservative': kept_down.detach(),
            'critics/value': q.detach().mean(),
            'critics/size': q.detach().abs().mean(),
            'critics/allowed': largest_value(discount, soft, raised=raised),
            'critics/grad_norm': norm,
        }

    def raised(self, imagined: int, real: int) -> float:
        """Returns how far equation 19 moves a value at each step beside its target at most.

        Where (Q - y) / N, the pull of equation 18, is a step's weight in the smaller of the means.
        """
        if not imagined or not real:
            return 0.0
        return self.config.latent.conservatism * (imagined + real) / min(imagined, real)

    def update_actor(self, feat: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down equation 20 at feat (N, F), then one of the temperature's."""
        c = self.config.latent
        with frozen(self.critics):
            action, log_prob = self._act(feat)
            q = self.critics(feat, action)
            loss = soft_actor_loss(q, log_prob, self.temperature())
            finite, norm = self.optimizers['actor'].step(loss)
        metrics = {
            'actor/loss': loss.detach(),
            'actor/entropy': -log_prob.detach().mean(),
            'actor/temperature': self.temperature().detach(),
            'actor/grad_norm': norm,
        }
        if c.temperature_rate:
            least = -c.entropy_target * self.spec.action_size
            found = temperature_loss(self.temperature.log, log_prob, least)
            finite = finite & self.optimizers['temperature'].step(found)[0]
        return finite, metrics

    def policy(self, exploration: Exploration | None = None) -> TorchPolicy:
        """Returns the policy as it is now; it sees later updates of the networks too."""
        return TorchPolicy(self, exploration)

    def graphs(self) -> Graphs:
        """Returns copies of the encoder and of what acts on it, as a bundle holds them."""
        return graphs_of(self)

    def networks(self) -> dict[str, nn.Module]:
        """Returns every network but `acting` that a checkpoint holds, by name."""
        return {
            'world_model': self.world_model,
            'actor': self.actor,
            'critics': self.critics,
            'target_critics': self.target_critics,
            'temperature': self.temperature,
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next update depends on, but for the batch."""
        return {**state_of(self), 'replay': self.replay.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; on the same CPU the next update is bit-equal."""
        restore_state(self, state)
        self.replay.load_state_dict(state['replay'])

    def _act(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """Draws actions (N, A) of the policy at feat (N, F), with their ln pi (N,)."""
        policy = self.actor(feat)
        action = policy.sample(uniform(policy.loc.shape, self.generator))
        return action, policy.log_prob(action)
