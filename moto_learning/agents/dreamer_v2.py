"""The paper's row DreamerV2: MOTO's world model, a state-value critic on imagined states.

In: a batch of replay (numpy). Out: changed networks and metrics. Neither penalty nor behaviour
prior, no value expansion over Q and no loss on the data's own steps: of `actor_critic` it reads
horizon, discount, lambda_, starts, after, the actor's head, deviations, cap, entropy, states
(act_on, state_gradient), optimiser and average, by which it acts, and the critic's head, targets
and optimiser. `penalty` measures the disagreement that is reported.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from moto_core.spec import Spec
from moto_learning import processes
from moto_learning.agents.actor_critic import Actor
from moto_learning.agents.engine import Knob, recorded_update
from moto_learning.agents.latent import (
    averaged,
    blend,
    frozen,
    graphs_of,
    learn,
    needs_horizon,
    restore_state,
    share_of,
    state_of,
)
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.policy_graph import Graphs
from moto_learning.agents.returns import lambda_return, largest_value
from moto_learning.agents.starts import draw_starts
from moto_learning.agents.state_value import (
    StateValue,
    dreamer_actor_loss,
    state_value_loss,
    step_weights,
)
from moto_learning.agents.torch_policy import Exploration, TorchPolicy
from moto_learning.config import Config
from moto_learning.model.rollout import Rollout, draw_rollout_noise, rollout
from moto_learning.model.rssm import State
from moto_learning.model.world_model import WorldModel


class DreamerV2Learner:
    """World model, actor, critic and its target; `update` is one step of training."""

    def __init__(self, config: Config, spec: Spec, device: str = 'cpu') -> None:
        needs_horizon(config)
        self.config, self.spec, self.device = config, spec, torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            c = config.actor_critic
            self.world_model = WorldModel(spec, config.model).to(self.device)
            feat = self.world_model.rssm.feat_size
            self.actor = Actor(feat, spec.action_size, c.actor).to(self.device)
            self.acting = averaged(self.actor, c.actor)
            self.critic = StateValue(feat, c.critic.head).to(self.device)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        self.optimizers = {
            'model': Optimizer(self.world_model.parameters(), config.model.optimizer),
            'actor': Optimizer(self.actor.parameters(), c.actor.optimizer),
            'critic': Optimizer(self.critic.parameters(), c.critic.optimizer),
        }
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.share = Knob(self.device)
        self.recorded = recorded_update(self)
        self.updates = 0  # whole updates begun, skipped ones included
        self.skipped = 0  # of them, those with a non-finite gradient

    def update(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Trains on one batch and returns metrics; 'update/skipped' is 1 if nothing changed."""
        return learn(self, batch)

    def update_behaviour(
        self, post: State, data: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Rolls out from posterior states (B, T), then takes a step of actor and of critic."""
        c = self.config.actor_critic
        starts = draw_starts(post, data, c.starts, self.generator)
        with frozen(self.world_model):
            imagined, target, metrics = self.imagine(starts.state)
            actor_finite, found = self.update_actor(imagined, target)
        critic_finite, more = self.update_critic(imagined, target)
        return actor_finite & critic_finite, metrics | found | more

    def schedule(self, data: Mapping[str, Any]) -> tuple[bool, ...]:
        """Turns the knob for the update to come; returns the branches that it takes."""
        self.share.turn(share_of(self))
        return (self.updates >= self.config.actor_critic.after,)

    def imagine(self, state: State) -> tuple[Rollout, Tensor, dict[str, Tensor]]:
        """Rolls the policy H steps from `state` (N, ...); returns V^lambda (H, N), equation 13."""
        c = self.config.actor_critic
        noise = draw_rollout_noise(
            c.horizon,
            state.deter.shape[0],
            self.spec.action_size,
            self.config.model.rssm,
            self.generator,
        )
        imagined = rollout(
            self.world_model.rssm,
            self.actor.unrolled(),
            state,
            noise,
            c.penalty,
            c.actor.state_gradient,
        )
        reward = self.world_model.reward.mean(imagined.feat[1:])  # (H, N)
        value = self.target_critic(imagined.feat)  # (H + 1, N)
        metrics = {
            'imagined/action_std': processes.joined(imagined.action, 1).detach().std(),
            'imagined/reward': reward.detach().mean(),
            'imagined/disagreement': imagined.disagreement.detach().mean(),
            'imagined/value': value.detach().mean(),
            'critics/allowed': largest_value(c.discount, reward),
        }
        return imagined, lambda_return(reward, value, c.discount, c.lambda_), metrics

    def update_actor(self, imagined: Rollout, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down equation 14; target (H, N) is V^lambda."""
        c = self.config.actor_critic
        weight = step_weights(c.horizon, c.discount, target)
        entropy = imagined.entropy[: c.horizon]
        loss = dreamer_actor_loss(target, entropy, weight, c.actor.entropy)
        finite, norm = self.optimizers['actor'].step(loss)
        return finite, {
            'actor/loss': loss.detach(),
            'actor/entropy': entropy.detach().mean(),
            'actor/grad_norm': norm,
        }

    def update_critic(self, imagined: Rollout, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes a step down equation 15 and copies the target when due; target (H, N)."""
        c = self.config.actor_critic
        value = self.critic(imagined.feat[: c.horizon].detach())  # (H, N)
        loss = state_value_loss(value, target, step_weights(c.horizon, c.discount, target))
        finite, norm = self.optimizers['critic'].step(loss)
        due = self.optimizers['critic'].due(c.critic.target_every)
        blend(self.target_critic, self.critic, c.critic.target_rate * due)
        return finite, {
            'critics/loss': loss.detach(),
            'critics/value': value.detach().mean(),
            'critics/size': value.detach().abs().mean(),
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
            'critic': self.critic,
            'target_critic': self.target_critic,
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next update depends on, but for the batch."""
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; on the same CPU the next update is bit-equal."""
        restore_state(self, state)
