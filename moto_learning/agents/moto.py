"""MOTO's update: world model, rollouts, actor, critics, in the order of Algorithm 1.

In: a batch of replay (numpy). Out: changed networks and metrics; nothing else is touched.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning import processes
from moto_learning.agents.actor_critic import (
    Actor,
    Critics,
    actor_loss,
    data_critic_loss,
    model_critic_loss,
    penalised_reward,
    prior_weight,
)
from moto_learning.agents.engine import Knob, recorded_update
from moto_learning.agents.latent import (
    averaged,
    blend,
    cloning_loss,
    frozen,
    graphs_of,
    learn,
    restore_state,
    share_of,
    state_of,
)
from moto_learning.agents.moving_mean import MovingMean
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.policy_graph import Graphs
from moto_learning.agents.returns import Expansion, largest_value, value_expansion
from moto_learning.agents.starts import Starts, draw_starts
from moto_learning.agents.torch_policy import Exploration, TorchPolicy
from moto_learning.config import Config
from moto_learning.model.rollout import Rollout, draw_rollout_noise, rollout
from moto_learning.model.rssm import State, disagreement
from moto_learning.model.world_model import WorldModel

TINY = 1e-8  # of a disagreement that is 0: one member
MIDDLE = 0.05, 0.95  # of imagined values: what lies between is their range
LEAST_RANGE = 1.0  # values that hardly differ are not made larger


class MotoLearner:
    """The networks, their optimisers and the random state; `update` is one step of training."""

    def __init__(self, config: Config, spec: Spec, device: str = 'cpu') -> None:
        self.config, self.spec, self.device = config, spec, torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            c = config.actor_critic
            self.world_model = WorldModel(spec, config.model).to(self.device)
            feat = self.world_model.rssm.feat_size
            self.actor = Actor(feat, spec.action_size, c.actor).to(self.device)
            self.acting = averaged(self.actor, c.actor)
            self.critics = Critics(feat, spec.action_size, c.critic).to(self.device)
        self.target_critics = copy.deepcopy(self.critics).requires_grad_(False)
        self.optimizers = {
            'model': Optimizer(self.world_model.parameters(), config.model.optimizer),
            'actor': Optimizer(self.actor.parameters(), c.actor.optimizer),
            'critics': Optimizer(self.critics.parameters(), c.critic.optimizer),
        }
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.beta, self.share = Knob(self.device), Knob(self.device)
        self.recorded = recorded_update(self)
        self.usual = MovingMean(self.device)  # u of the data's steps
        self.range = MovingMean(self.device)  # of imagined values
        self.shown: int | None = None  # successful episodes at the policy's first step
        self.updates = 0  # whole updates begun, skipped ones included
        self.skipped = 0  # of them, those with a non-finite gradient

    def update(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Trains on one batch of replay and returns metrics; 'update/skipped' is 1 if a
        gradient was not finite, and the networks it belongs to were left as they were.
        """
        return learn(self, batch)

    def update_behaviour(
        self, post: State, data: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Rolls out from posterior states, then takes a step of the actor and of the critics."""
        c = self.config.actor_critic
        self.count_shown(data)
        beta = self.prior_weight(data)
        cloned = self.clone(post, data, beta)
        with frozen(self.world_model), frozen(self.critics):
            starts = draw_starts(post, data, c.starts, self.generator)
            self.measure_disagreement(starts)
            imagined, reward, metrics = self.imagine(starts.state)
            target = self.expand(imagined, reward, 'target')
            online = self.expand(imagined, reward, 'online') if self._needs_online() else target
            by_name = {'target': target, 'online': online}
            actor_finite, found = self.update_actor(
                imagined, by_name[c.actor.value].mixed, post, data, beta
            )
        critics_finite, more = self.update_critics(
            imagined, target.value, by_name[c.critic.data_value].mixed[0], starts
        )
        metrics['imagined/value'] = target.mixed.detach().mean()
        metrics['critics/allowed'] = largest_value(c.discount, reward, starts.reward)
        return cloned & actor_finite & critics_finite, metrics | found | more

    def schedule(self, data: Mapping[str, Any]) -> tuple[bool, ...]:
        """Turns the knobs for the update to come; returns the branches that it takes."""
        c = self.config.actor_critic
        begun = self.updates >= c.after
        if begun:
            self.count_shown(data)
        beta = self.prior_weight(data)
        self.beta.turn(beta)
        self.share.turn(share_of(self))
        return begun, beta > 0, 0 < c.actor.beta <= beta

    def count_shown(self, data: Mapping[str, Any]) -> None:
        """Keeps how many successes the policy began with: those beyond are what beta falls by."""
        by_successes = self.config.actor_critic.actor.beta_counts == 'successes'
        if by_successes and self.shown is None:
            self.shown = int(data['successes'])

    @torch.no_grad()
    def measure_disagreement(self, starts: Starts) -> None:
        """Follows the mean of equation 2 over true steps, which `penalty.relative` divides by."""
        c = self.config.actor_critic.penalty
        if c.relative:
            logits = self.world_model.rssm.prior_logits(starts.state.deter)
            found = disagreement(logits, c.logits, c.reduce).mean()
            self.usual.follow(processes.mean(found))

    def imagine(self, state: State) -> tuple[Rollout, Tensor, dict[str, Tensor]]:
        """Rolls the policy H steps from `state` (N, ...); returns their r~ (H, N), equation 3."""
        c = self.config.actor_critic
        noise = draw_rollout_noise(
            c.horizon,
            state.deter.shape[0],
            self.spec.action_size,
            self.config.model.rssm,
            self.generator,
        )
        with torch.set_grad_enabled(self._actor_uses_rollouts()):
            imagined = rollout(
                self.world_model.rssm,
                self.actor.unrolled(),
                state,
                noise,
                c.penalty if c.penalty.alpha else None,
                c.actor.state_gradient,
            )
            reward = self.world_model.reward.mean(imagined.feat[1:])  # (H, N)
        metrics = {'imagined/action_std': processes.joined(imagined.action, 1).detach().std()}
        if c.horizon:
            metrics['imagined/reward'] = reward.detach().mean()
        if c.horizon and c.penalty.alpha:
            metrics['imagined/disagreement'] = imagined.disagreement.detach().mean()
            usual = self.usual.value.clamp(min=TINY) if c.penalty.relative else 1.0
            reward = penalised_reward(reward, imagined.disagreement, c.penalty.alpha / usual)
        return imagined, reward, metrics

    def expand(self, imagined: Rollout, reward: Tensor, critics: str) -> Expansion:
        """Returns V (equation 5) and V^ of rollouts, by the 'target' or the 'online' critics."""
        c = self.config.actor_critic
        net = self.target_critics if critics == 'target' else self.critics
        with torch.set_grad_enabled(self._actor_uses_rollouts()):
            value = net.value(imagined.feat, imagined.action)  # (H + 1, N)
        return value_expansion(reward, value, c.discount, c.lambda_)

    def prior_weight(self, data: Mapping[str, Any]) -> float:
        """Returns beta of equation 10 at this update."""
        c = self.config.actor_critic.actor
        if c.beta_counts == 'updates':
            return prior_weight(self.updates, c)
        came = 0 if self.shown is None else int(data['successes']) - self.shown
        return prior_weight(came, c)

    def update_actor(
        self, imagined: Rollout, value: Tensor, post: State, data: Mapping[str, Any], beta: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down the actor's loss (equation 10); value (H + 1, N) is V^."""
        c, steps = self.config.actor_critic.actor, max(self.config.actor_critic.horizon, 1)
        prior = cloning_loss(self.actor, post, data) if beta else value.new_zeros(())
        if c.relative:
            every = processes.joined(value[:steps], 1).detach()
            low, high = every.quantile(value.new_tensor(MIDDLE)).unbind()
            self.range.follow(high - low)
            value = value / self.range.value.clamp(min=LEAST_RANGE)
        weight = self.beta.turn(beta)
        loss = actor_loss(value[:steps], prior, imagined.entropy[:steps], weight, c)
        metrics = {
            'actor/loss': loss.detach(),
            'actor/behaviour': prior.detach(),
            'actor/entropy': imagined.entropy.detach().mean(),
        }
        if not loss.requires_grad:  # every weight of equation 10 is 0
            return processes.mean(loss).isfinite(), metrics
        finite, metrics['actor/grad_norm'] = self.optimizers['actor'].step(loss)
        return finite, metrics

    def clone(self, post: State, data: Mapping[str, Any], beta: float) -> Tensor:
        """Takes actor.prior_steps steps down equation 12 alone; returns whether all were finite.

        None once its weight has fallen to `beta`, or if no row of the batch is of a successful
        trajectory.
        """
        c = self.config.actor_critic.actor
        some = processes.most(data['bc_mask'].any())
        finite = torch.ones_like(some)
        for _ in range(c.prior_steps if 0 < c.beta <= beta else 0):
            loss = c.beta * cloning_loss(self.actor, post, data)
            finite &= self.optimizers['actor'].step(loss, extra=True, wanted=some)[0]
        return finite

    def update_critics(
        self, imagined: Rollout, value: Tensor, next_value: Tensor, starts: Starts
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down the critics' loss (equation 9) and copies the targets when due.

        value (H, N) is V of equation 5; next_value (N,) is V^ at the starts.
        """
        c = self.config.actor_critic
        count = c.horizon * starts.weight.shape[0]
        q = self.critics(
            torch.cat([imagined.feat[: c.horizon].detach().flatten(0, 1), starts.before]),
            torch.cat([imagined.action[: c.horizon].detach().flatten(0, 1), starts.action]),
        )
        model = model_critic_loss(q[:, :count], value.flatten())
        data = data_critic_loss(q[:, count:], starts.reward, next_value, starts.weight, c.discount)
        loss = c.critic.model_scale * model + c.critic.data_scale * data
        finite, norm = self.optimizers['critics'].step(loss)
        due = self.optimizers['critics'].due(c.critic.target_every)
        blend(self.target_critics, self.critics, c.critic.target_rate * due)
        return finite, {
            'critics/model_loss': model.detach(),
            'critics/data_loss': data.detach(),
            'critics/value': q.detach().mean(),
            'critics/size': q.detach().abs().mean(),
            'critics/grad_norm': norm,
        }

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
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next update depends on, but for the batch."""
        means = {'usual': float(self.usual.value), 'range': float(self.range.value)}
        return {**state_of(self), **means, 'shown': self.shown}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; on the same CPU the next update is bit-equal."""
        restore_state(self, state)
        self.usual.restore(float(state.get('usual', 0.0)))
        self.range.restore(float(state.get('range', 0.0)))
        self.shown = state.get('shown')

    def _needs_online(self) -> bool:
        c = self.config.actor_critic
        return 'online' in (c.actor.value, c.critic.data_value)

    def _actor_uses_rollouts(self) -> bool:
        c = self.config.actor_critic.actor
        return c.value_scale != 0 or c.entropy != 0
