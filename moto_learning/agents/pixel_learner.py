"""What the model-free rows share: stacked frames, one encoder, one policy, counters, random state.

In: a batch of replay (numpy). Out: changed networks and metrics. BC, IQL, SAC and CQL add their
networks and their losses, each in the file of its name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor, Critics
from moto_learning.agents.engine import check_engine
from moto_learning.agents.latent import blend, to_tensors
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.pixel_policy import FramesGraph, PixelPolicy, PixelPolicyGraph
from moto_learning.agents.pixels import PixelEncoder
from moto_learning.agents.policy_graph import Graphs
from moto_learning.agents.precision import products
from moto_learning.agents.torch_policy import Exploration
from moto_learning.agents.transitions import Transitions, cut_transitions
from moto_learning.config import ActorConfig, Config, CriticConfig

Learned = tuple[Tensor, dict[str, Tensor]]  # if every gradient was finite (); metrics


class PixelLearner:
    """A Learner from transitions; `make_networks`, `make_optimizers` and `learn` are a row's."""

    critics: Critics | None = None  # whose spread is the policy's disagreement

    def __init__(self, config: Config, spec: Spec, device: str = 'cpu') -> None:
        c = config.model_free
        if config.replay.length <= c.encoder.frames:
            raise ConfigError(
                f'replay.length is {config.replay.length}; expected above {c.encoder.frames}, '
                'model_free.encoder.frames: a transition takes so many rows and one more'
            )
        self.config, self.spec, self.device = config, spec, torch.device(device)
        check_engine(config, self.device, recorded=False)
        self.settings = c
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.encoder = PixelEncoder(spec, c.encoder)
            policy = ActorConfig(head=c.head, min_std=c.min_std)
            self.actor = Actor(self.encoder.size, spec.action_size, policy)
            self.networks: dict[str, nn.Module] = {
                'encoder': self.encoder,
                'actor': self.actor,
                **self.make_networks(),
            }
        for network in self.networks.values():
            network.to(self.device)
        self.optimizers = self.make_optimizers()
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.updates = 0  # begun, skipped ones included
        self.skipped = 0  # of them, those with a non-finite gradient

    def make_networks(self) -> dict[str, nn.Module]:
        """Returns the row's networks beside encoder and policy."""
        return {}

    def make_optimizers(self) -> dict[str, Optimizer]:
        """Returns the row's optimisers, one for each of its losses."""
        raise NotImplementedError

    def learn(self, cut: Transitions) -> Learned:
        """Takes the row's steps on N transitions; a group of networks with a non-finite gradient
        stays as it was.
        """
        raise NotImplementedError

    def update(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Trains on a batch's transitions and returns metrics; a batch that holds none changes
        nothing.
        """
        data = to_tensors(batch, self.device)
        c = self.settings
        cut = cut_transitions(data, c.encoder.frames, c.batch, self.generator)
        finite: Tensor | bool = True
        metrics = {'update/transitions': cut.reward.new_tensor(len(cut.reward))}
        if len(cut.reward):
            with products(self.config.train.precision, self.device):
                finite, found = self.learn(cut)
            metrics |= found
        self.updates += 1
        self.skipped += not finite
        values = torch.stack([value.float() for value in metrics.values()]).tolist()
        return {**dict(zip(metrics, values)), 'update/skipped': float(not finite)}

    def policy(self, exploration: Exploration | None = None) -> PixelPolicy:
        """Returns the policy as it is now; it sees later updates of the networks too."""
        return PixelPolicy(self.spec, self._graph(), self.device, exploration)

    def graphs(self) -> Graphs:
        """Returns copies of the two networks that a bundle holds."""
        graph = copy.deepcopy(self._graph()).cpu().eval().requires_grad_(False)
        return Graphs(
            encoder=FramesGraph(),
            policy=graph,
            embed=graph.embed,
            deter=graph.deter,
            stoch=graph.stoch,
            expects=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next update depends on, but for the batch."""
        return {
            'networks': {name: net.state_dict() for name, net in self.networks.items()},
            'optimizers': {name: opt.state_dict() for name, opt in self.optimizers.items()},
            'generator': self.generator.get_state(),
            'device': self.device.type,
            'updates': self.updates,
            'skipped': self.skipped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; on the same CPU the next update is bit-equal."""
        for name, net in self.networks.items():
            net.load_state_dict(state['networks'][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state['optimizers'][name])
        self.updates, self.skipped = int(state['updates']), int(state['skipped'])
        if state['device'] == self.device.type:
            self.generator.set_state(state['generator'].cpu())
        else:  # another kind of device draws other numbers anyway
            self.generator.manual_seed(self.config.seed + self.updates)

    def optimizer(self, *networks: nn.Module) -> Optimizer:
        """Returns an optimiser of all these networks with the rows' settings."""
        parameters = [weight for network in networks for weight in network.parameters()]
        return Optimizer(parameters, self.settings.optimizer)

    def _graph(self) -> PixelPolicyGraph:
        frames = self.settings.encoder.frames
        return PixelPolicyGraph(self.spec, frames, self.encoder, self.actor, self.critics)


class TwinLearner(PixelLearner):
    """A PixelLearner with twin critics and a target copy of them and of their encoder."""

    critics: Critics

    def make_networks(self) -> dict[str, nn.Module]:
        """Returns the critics and the targets."""
        critic = CriticConfig(head=self.settings.head, members=2)
        self.critics = Critics(self.encoder.size, self.spec.action_size, critic)
        self.target_encoder = copy.deepcopy(self.encoder).requires_grad_(False)
        self.target_critics = copy.deepcopy(self.critics).requires_grad_(False)
        return {
            'critics': self.critics,
            'target_encoder': self.target_encoder,
            'target_critics': self.target_critics,
        }

    def follow(self) -> None:
        """Moves the targets by tau of the way to what they follow."""
        blend(self.target_encoder, self.encoder, self.settings.target_rate)
        blend(self.target_critics, self.critics, self.settings.target_rate)
