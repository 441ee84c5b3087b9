"""What every learner with a world model does alike: its update, its bundle, its checkpoint.

In: such a learner, a batch of replay (numpy). Out: a trained world model and the posterior states
that the rest of the update begins from; copies for a bundle; the state of a checkpoint.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from moto_core.errors import BundleError, ConfigError
from moto_core.spec import Spec
from moto_learning import processes
from moto_learning.agents.actor_critic import Actor, behaviour_prior
from moto_learning.agents.engine import Knob, RecordedUpdate
from moto_learning.agents.optimizer import Optimizer
from moto_learning.agents.policy_graph import EncoderGraph, Graphs, PolicyGraph
from moto_learning.agents.precision import products
from moto_learning.config import ActorConfig, Config
from moto_learning.model.rssm import State
from moto_learning.model.world_model import WorldModel

ACTING = 'acting'  # of a checkpoint's networks


@runtime_checkable
class LatentLearner(Protocol):
    """A learner whose policy reads the latent state of a world model."""

    config: Config
    spec: Spec
    device: torch.device
    world_model: WorldModel
    actor: Actor
    acting: Actor  # what collects, is evaluated and exported: `averaged`
    optimizers: dict[str, Optimizer]  # 'model' among them
    generator: torch.Generator
    share: Knob  # of the policy in `acting`, at an update
    recorded: RecordedUpdate | None  # None: every update runs operation by operation
    updates: int
    skipped: int

    def networks(self) -> dict[str, nn.Module]:
        """Returns every network but `acting` that a checkpoint holds, by name."""

    def update_behaviour(
        self, post: State, data: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Trains policy and critics from posterior states; returns if finite (), and metrics."""


def learn(learner: LatentLearner, batch: Mapping[str, Any]) -> dict[str, float]:
    """Trains the world model on one batch of replay, then policy and critics; returns metrics.

    'update/skipped' is 1 if a gradient was not finite: the networks it belongs to were left as
    they were. The model is trained alone for the first `actor_critic.after` updates.
    """
    data = to_tensors(batch, learner.device)
    if learner.updates == 0:
        learner.world_model.decoder.begin_at(data['images'])
    if learner.recorded is None:
        metrics = take(learner, data)
    else:
        metrics = learner.recorded(partial(take, learner), data)
    learner.updates += 1
    values = processes.mean(torch.stack([value.float() for value in metrics.values()]))
    found = dict(zip(metrics, values.tolist()))
    learner.skipped += int(found['update/skipped'])
    return found


def take(learner: LatentLearner, data: Mapping[str, Any]) -> dict[str, Tensor]:
    """Takes one update's steps and returns its metrics, () each, where the networks are.

    Of MOTO and DreamerV2 nothing in it waits for a number, and what differs from update to update
    is a Knob: engine.py records it.
    """
    with products(learner.config.train.precision, learner.device):
        finite, post, metrics = update_model(learner, data)
        if learner.updates >= learner.config.actor_critic.after:
            for name, optimizer in learner.optimizers.items():
                if name != 'model':
                    optimizer.allowed = finite
            behaved, found = learner.update_behaviour(post, data)
            finite, metrics = finite & behaved, metrics | found
    follow_policy(learner)
    return metrics | {'update/skipped': ~finite}


def averaged(actor: Actor, config: ActorConfig) -> Actor:
    """Returns the network that acts: for the moving average of a policy, or the policy itself."""
    return actor if config.average == 1 else copy.deepcopy(actor).requires_grad_(False)


def follow_policy(learner: LatentLearner) -> None:
    """Moves what acts by its share towards the policy; the policy's first updates count alike."""
    if learner.acting is not learner.actor:
        blend(learner.acting, learner.actor, learner.share.turn(share_of(learner)))


def share_of(learner: LatentLearner) -> float:
    """Returns the share of the policy in its average at the update to come."""
    c = learner.config.actor_critic
    updates = max(1, learner.updates + 1 - c.after)  # of the policy, this one among them
    return max(c.actor.average, 1 / updates)


def update_model(
    learner: LatentLearner, data: Mapping[str, Any]
) -> tuple[Tensor, State, dict[str, Tensor]]:
    """Takes a step down the loss, equation 1; returns the posterior states (B, T) detached.

    The metric 'model/loss' is equation 1 alone, 'model/behaviour' equation 12 where it shapes the
    latent states: its weight there stays whole when beta falls.
    """
    batch, length = data['reward'].shape
    noise = learner.world_model.draw_noise(batch, length, learner.generator)
    loss, post, metrics = learner.world_model.loss(data, noise)
    if learner.config.model.behaviour_scale and learner.config.actor_critic.actor.beta:
        with frozen(learner.actor):
            prior = cloning_loss(learner.actor, post, data)
        loss = loss + learner.config.model.behaviour_scale * prior
        metrics['model/behaviour'] = prior.detach()
    finite, metrics['model/grad_norm'] = learner.optimizers['model'].step(loss)
    return finite, State(*(part.detach() for part in post)), metrics


def cloning_loss(actor: Actor, post: State, data: Mapping[str, Any]) -> Tensor:
    """Returns equation 12 at posterior states (B, T, ...)."""
    log_prob = actor(post.feat).log_prob(data['chosen'])  # (B, T)
    return behaviour_prior(log_prob, data['bc_mask'])


def graphs_of(learner: LatentLearner) -> Graphs:
    """Returns copies of the encoder and of what acts on it, as a bundle holds them.

    Raises BundleError for one that acts on samples of the posterior: a bundle has no noise.
    """
    act_on = learner.config.actor_critic.actor.act_on
    if act_on != 'mode':
        raise BundleError(
            f"actor_critic.actor.act_on is '{act_on}'; a bundle acts on the posterior's "
            "'mode': set it with moto-train --resume RUNDIR actor_critic.actor.act_on=mode, "
            'then export'
        )
    rssm = learner.world_model.rssm
    return Graphs(
        encoder=EncoderGraph(learner.world_model.encoder, learner.spec),
        policy=PolicyGraph(rssm, learner.acting, learner.config.actor_critic.penalty),
        embed=learner.world_model.encoder.size,
        deter=rssm.config.deter,
        stoch=rssm.feat_size - rssm.config.deter,
    )


def state_of(learner: LatentLearner) -> dict[str, Any]:
    """Returns networks, optimisers, random state and counts, as a checkpoint holds them."""
    return {
        'networks': {name: net.state_dict() for name, net in _kept(learner).items()},
        'optimizers': {name: opt.state_dict() for name, opt in learner.optimizers.items()},
        'generator': learner.generator.get_state(),
        'device': learner.device.type,
        'updates': learner.updates,
        'skipped': learner.skipped,
    }


def restore_state(learner: LatentLearner, state: Mapping[str, Any]) -> None:
    """Restores what `state_of` returned; on the same CPU the next update is bit-equal."""
    stored = state['networks']
    for name, net in _kept(learner).items():
        before = name == ACTING and name not in stored  # the policy itself acted until now
        net.load_state_dict(stored['actor' if before else name])
    for name, optimizer in learner.optimizers.items():
        optimizer.load_state_dict(state['optimizers'][name])
    learner.updates, learner.skipped = int(state['updates']), int(state['skipped'])
    if state['device'] == learner.device.type:
        learner.generator.set_state(state['generator'].cpu())
    else:  # another kind of device draws other numbers anyway
        learner.generator.manual_seed(learner.config.seed + learner.updates)


def _kept(learner: LatentLearner) -> dict[str, nn.Module]:
    own = {ACTING: learner.acting} if learner.acting is not learner.actor else {}
    return {**learner.networks(), **own}


def needs_horizon(config: Config) -> None:
    """Raises ConfigError if a learner that learns from rollouts alone is given none."""
    if config.actor_critic.horizon < 1:
        raise ConfigError(
            f"actor_critic.horizon is {config.actor_critic.horizon}; agent '{config.agent}' "
            'learns from imagined steps: expected at least 1'
        )


def to_tensors(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Moves a batch of numpy arrays (or tensors) to the device; images stay uint8."""

    def move(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: move(item) for name, item in value.items()}
        return torch.as_tensor(np.asarray(value)).to(device)

    return move(batch)


def blend(target: nn.Module, source: nn.Module, share: float | Tensor) -> None:
    """Moves the target's parameters by `share` () of the way to the source's; 1 copies them."""
    with torch.no_grad():
        for kept, new in zip(target.parameters(), source.parameters()):
            kept.lerp_(new, share.to(kept.dtype) if isinstance(share, Tensor) else share)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Lets gradients pass through a module without reaching its parameters."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
